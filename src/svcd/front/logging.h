// The supervisor's log: the journal, or stderr.
#pragma once

#include "rollout/event.h"

#include <string>

namespace svc::daemon {

/// Sets spdlog's default logger up. `level`: debug, info, warning or error. Where stderr is the
/// journal (systemd.exec(5), JOURNAL_STREAM) a line is an entry with fields (journal_sink.h); where it must go
/// to stderr all the same, it starts with its priority as "<N>" (sd-daemon(3)) and has no time, which the journal
/// knows better. So does one whose reader puts it in a form of its own (`plain`: svc try).
void set_up_logging(const std::string& level, const std::string& service, bool plain = false);

/// One event as one line, at the level that its kind deserves. `rollout`: the revision that the rollout which is
/// under way leads to, or 0.
void log_event(const rollout::Event& event, rollout::RevisionNumber rollout);

} // namespace svc::daemon
