// record(): observations into the state.
#include "rollout/recorder.h"

#include "base/text.h"

namespace svc::rollout {

std::vector<std::string> bounded(const std::vector<std::string>& output) {
    constexpr std::size_t lines_limit = 20;
    constexpr std::size_t line_limit = 512; // bytes
    std::vector<std::string> kept;
    const std::size_t skipped = output.size() > lines_limit ? output.size() - lines_limit : 0;
    for (std::size_t line = skipped; line < output.size(); ++line)
        kept.push_back(printable(output[line], line_limit));
    return kept;
}

void record(State& state, const Observation& observation, Instant now, std::vector<Event>& events) {
    record_of_worker(state, observation, now, events);
    record_of_service(state, observation, now, events);
}

} // namespace svc::rollout
