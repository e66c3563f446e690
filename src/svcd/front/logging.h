// The supervisor's log: stderr, for a terminal or for the journal.
#pragma once

#include "rollout/event.h"

#include <string>

namespace svc::daemon {

/// Sets spdlog's default logger up. `level`: debug, info, warning or error. Where stderr is the
/// journal (systemd.exec(5), JOURNAL_STREAM) each line starts with its priority as "<N>"
/// (sd-daemon(3)) and has no time, which the journal knows better.
void set_up_logging(const std::string& level);

/// True if JOURNAL_STREAM names the file that `fd` is.
bool is_journal(int fd, const char* journal_stream);

/// One event as one line, at the level that its kind deserves.
void log_event(const rollout::Event& event);

} // namespace svc::daemon
