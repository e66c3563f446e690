// What svc prints, as text. Pure but for the terminal's local time.
#pragma once

#include "svc/screen/terminal.h"
#include "wire/control.h"

#include <string>
#include <vector>

namespace svc::cli {

/// `svc status`: the service at one glance.
std::string render_status(const wire::ServiceStatus& status, WallTime now,
                          const Terminal& terminal);

/// `svc history`: a table of them; `svc history N`; `svc diff`.
std::string render_history(const wire::HistoryReply& history, const Terminal& terminal);
std::string render_revision(const wire::RevisionReply& revision);
/// `svc timeline`: a row a worker, scaled to the terminal's width (80 columns without one).
std::string render_timeline(const wire::Timeline& timeline, const Terminal& terminal);
std::string render_diff(const wire::DiffReply& diff);

/// One line of `svc events`, with its newline. Never cut: the end of a reason is the reason.
std::string render_event(const rollout::Event& event);

/// "2026-11-22 02:08:09" in the local time zone.
std::string render_time(WallTime time);

/// Lines from outside, indented and marked, so that nobody takes them for svc's own words.
std::string render_output(const std::vector<std::string>& lines);

} // namespace svc::cli
