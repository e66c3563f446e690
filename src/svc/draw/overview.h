// What a service is at, in a word and a few numbers.
#pragma once

#include "svc/screen/terminal.h"
#include "wire/control.h"

#include <optional>
#include <string>
#include <vector>

namespace svc::cli {

/// "serves", "degraded", "down", "starting", "rolling out", "paused", "rolling back", "stopping".
std::string state_word(const wire::ServiceStatus& status);
Tint tint_of_state(const std::string& word);
/// Of a worker's state.
Tint tint_of_worker(std::string_view state);
/// What is under way or waits, where that is more than its workers: "rolling 6 → 7: 2/4 updated"; "frozen".
std::string under_way(const wire::ServiceStatus& status);
/// Somebody took it back: svc abort, or svc undo to what still serves.
bool was_asked_for(std::string_view reason);
/// What somebody has to know, or to do something about: a sentence each. That a rollout failed is one of them while
/// workers are missing, and for an hour; that somebody took one back, while workers are missing.
std::vector<std::string> problems_of(const wire::ServiceStatus& status);

std::uint64_t restarts_of(const wire::ServiceStatus& status);
/// Of all workers; none: of none of them is it known.
std::optional<std::uint64_t> memory_of(const wire::ServiceStatus& status);
std::optional<std::uint64_t> connections_of(const wire::ServiceStatus& status);

/// "812K", "9.8M", "512M", "1.2G": four columns mostly.
std::string short_size(std::uint64_t bytes);

/// A line of `svc status` over all services.
struct Seen {
    std::string name;
    std::optional<wire::ServiceStatus> status;
    std::string problem; ///< why there is no status: "not running"
};
std::string render_services(const std::vector<Seen>& services, const Terminal& terminal);

} // namespace svc::cli
