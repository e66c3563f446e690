// What `svc try` shows: the lines of a supervisor and its workers, where it listens, how a reload went. Pure.
#pragma once

#include "svc/screen/terminal.h"
#include "wire/control.h"

#include <optional>
#include <string>
#include <string_view>

namespace svc::cli {

/// What a trial's svcd writes, as it comes, to lines for a person. A line of it is "r7-0 | what a worker said" or
/// "<6>what the supervisor says" with a priority of syslog(3); what is neither goes on with the line before. A
/// worker's name has a colour of its replica, so that the next version is in the place of the one before. A line that is
/// very long is told in parts, each after its name.
class TrialLines {
public:
    /// All lines that are whole by now, each ended.
    std::string take(std::string_view bytes, const Terminal& terminal);
    /// What is left, at the end.
    std::string rest(const Terminal& terminal);
    /// The last thing that the supervisor called an error.
    [[nodiscard]] const std::string& last_error() const { return last_error_; }

private:
    struct Speaker {
        std::string name; ///< of a worker; empty: the supervisor
        int priority = 6; ///< of the supervisor: syslog(3)'s
    };
    static Speaker take_speaker(std::string_view& line);
    std::string line(std::string_view text, const Terminal& terminal);
    std::string part(const Terminal& terminal);

    std::string unfinished_;
    std::optional<Speaker> goes_on_; ///< a part of a long line was told: whose it is
    std::size_t name_width_ = 4;     ///< of the widest name until now
    std::string last_error_;
};

/// Where a person can reach a listener that is bound to `address`: "http://127.0.0.1:8080/" for "0.0.0.0:8080", the
/// call of curl(1) for a unix socket; the address itself where nobody can tell.
std::string url_of(const std::string& address);

/// A service that serves: what it is, where it can be reached, which keys there are (if `keys`).
std::string render_serving(const wire::ServiceStatus& status, const std::string& directory,
                           Duration elapsed, bool keys, const Terminal& terminal);
/// The keys, in a line.
std::string keys_line();

/// How a reload or an undo ended, in a trial.
std::string render_tried(const wire::Progress& last, const std::string& service, Duration elapsed);

} // namespace svc::cli
