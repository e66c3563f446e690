// Supervisor: settles policy against a Host. The same code runs in svcd and in the simulation.
#pragma once

#include "rollout/decide.h"

#include <deque>

namespace svc::rollout {

/// The mechanism. perform() must not block and may call Supervisor::observe() at once or later.
class Host {
public:
    virtual ~Host() = default;
    /// `state` already contains the action's intent.
    virtual void perform(const Action& action, const State& state) = 0;
    virtual void report(const Event& event) = 0;
    /// Called when a step has settled. The daemon publishes the state here.
    virtual void settled(const State& state) = 0;
};

/// decide(), or in a test a policy that is wrong on purpose.
using Policy = Decision (*)(const State& state, Instant now);

class Supervisor {
public:
    /// `host` must outlive the supervisor.
    Supervisor(State state, Host& host, Policy policy = decide)
        : state_(std::move(state)), host_(host), policy_(policy) {}

    /// What recover() says is to be done again: the next step begins with it.
    void resume(std::vector<Action> actions) { resumed_ = std::move(actions); }

    /// Keeps what was seen for the next step; may be called from inside Host::perform().
    void observe(Observation observation) { seen_.push_back(std::move(observation)); }

    /// Records all that was seen and acts until nothing is left to do now.
    /// Returns when to call it again even if nothing is observed; none: only then.
    std::optional<Instant> step(Instant now);

    /// Something was observed since the last step.
    [[nodiscard]] bool has_unrecorded() const { return !seen_.empty(); }

    [[nodiscard]] const State& state() const { return state_; }

private:
    void act(const Action& action, Instant now);

    State state_;
    Host& host_;
    Policy policy_;
    std::vector<Action> resumed_;
    std::deque<Observation> seen_;
};

} // namespace svc::rollout
