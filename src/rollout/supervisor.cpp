#include "rollout/supervisor.h"

#include <utility>

namespace svc::rollout {

namespace {

// Each round either performs an action, which moves a worker or a rollout forward, or ends the step. A worker
// has a dozen phases; far more rounds than that for each worker means that policy chases its tail.
std::size_t round_limit(const State& state) {
    return 1000 + 100 * (state.workers.size() + state.replicas);
}

} // namespace

void Supervisor::act(const Action& action, Instant now) {
    std::vector<Event> told;
    apply(state_, action, now, told);
    for (const Event& event : told)
        host_.report(event);
    host_.perform(action, state_);
}

std::optional<Instant> Supervisor::step(Instant now) {
    // Before anything is recorded: they are right for the state as recover() left it.
    for (const Action& action : std::exchange(resumed_, {}))
        act(action, now);
    for (std::size_t rounds = 0;; ++rounds) {
        if (rounds > round_limit(state_))
            fatal("Supervisor::step() does not settle");
        std::vector<Event> events;
        while (!seen_.empty()) {
            const Observation observation = std::move(seen_.front());
            seen_.pop_front();
            record(state_, observation, now, events);
        }
        for (const Event& event : events)
            host_.report(event);

        const Decision decision = policy_(state_, now);
        if (decision.actions.empty()) {
            host_.settled(state_);
            return decision.wake_at;
        }
        for (const Action& action : decision.actions)
            act(action, now);
    }
}

} // namespace svc::rollout
