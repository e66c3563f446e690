// A stage for tests of policy: a Supervisor under a Host that only notes what it is asked to do.
#pragma once

#include "rollout/supervisor.h"

#include <string>
#include <vector>

namespace svc::rollout {

using namespace std::chrono_literals;

class Stage : public Host {
public:
    explicit Stage(RolloutSpec rollout = {}, Fallback fallback = Fallback::none)
        : supervisor{State{.service = "web", .fallback = fallback}, *this} {
        spec.rollout = rollout;
    }

    /// As a supervisor that takes over what another one left.
    Stage(State state, Instant at) : now(at), supervisor{std::move(state), *this} {}

    Spec spec;
    Instant now{1000s};
    std::vector<Action> actions; ///< since the last clear
    std::vector<Event> events;
    std::optional<Instant> wake_at;
    bool reads_output = true; ///< what a failing worker wrote last comes at once, and is no action
    bool answers_launches = true; ///< spawned, recorded and executed come at once

    void perform(const Action& action, const State&) override {
        if (const auto* read = std::get_if<ReadOutput>(&action); read && reads_output) {
            supervisor.observe(OutputRead{read->worker, {"words so far"}});
            return;
        }
        actions.push_back(action);
        if (!answers_launches)
            return;
        if (const auto* launch = std::get_if<LaunchWorker>(&action))
            supervisor.observe(
                WorkerSpawned{launch->worker, static_cast<Pid>(100 + launch->worker)});
        else if (const auto* recording = std::get_if<RecordWorker>(&action))
            supervisor.observe(WorkerRecorded{recording->worker});
        else if (const auto* release = std::get_if<ReleaseWorker>(&action))
            supervisor.observe(WorkerExecuted{release->worker});
    }
    void report(const Event& event) override { events.push_back(event); }
    void settled(const State&) override {}

    const State& state() const { return supervisor.state(); }
    void step() { wake_at = supervisor.step(now); }
    void see(Observation seen) {
        supervisor.observe(std::move(seen));
        step();
    }
    void wait(Duration length) {
        now += length;
        step();
    }

    /// Asks for a rollout of `spec` as it stands.
    void reload(bool supersede = false) {
        Revision revision;
        revision.spec = spec;
        see(RolloutRequested{revision, supersede});
    }
    void ready(const std::string& name) {
        see(WorkerNotified{.worker = find(name).id, .ready = true});
    }
    void exits(const std::string& name, int code = 1) {
        ExitStatus status;
        status.kind = ExitStatus::Kind::code;
        status.value = code;
        see(WorkerExited{find(name).id, status, {"last words"}});
    }
    /// A service of `replicas` workers of revision 1, all available.
    void boot() {
        reload();
        for (std::uint32_t index = 0; index < spec.rollout.replicas; ++index)
            ready("r1-" + std::to_string(index));
        actions.clear();
        events.clear();
    }

    const Worker& find(const std::string& name) const {
        for (const auto& [id, worker] : state().workers)
            if (worker.name == name)
                return worker;
        fatal("no worker " + name);
    }
    bool exists(const std::string& name) const {
        for (const auto& [id, worker] : state().workers)
            if (worker.name == name)
                return true;
        return false;
    }
    /// The names of the workers in a phase, joined: "r1-0 r1-1".
    std::string in(WorkerPhase phase) const {
        std::string names;
        for (const auto& [id, worker] : state().workers)
            if (worker.phase == phase)
                names += (names.empty() ? "" : " ") + worker.name;
        return names;
    }
    template <class Kind>
    std::size_t count() const {
        std::size_t found = 0;
        for (const Action& action : actions)
            found += std::holds_alternative<Kind>(action) ? 1 : 0;
        return found;
    }
    /// Why a revision is taken back or was; empty: it is not. A rollback may be over in the same step.
    std::string taken_back(RevisionNumber revision) const {
        const Outcome* outcome = find_outcome(state(), revision);
        if (outcome != nullptr)
            return outcome->verdict == Verdict::complete ? "" : outcome->reason;
        const auto& rollout = state().rollout;
        const bool back =
            rollout && rollout->to == revision && rollout->phase == RolloutPhase::rolling_back;
        return back ? rollout->reason : "";
    }
    Verdict verdict(RevisionNumber revision) const {
        const Outcome* outcome = find_outcome(state(), revision);
        if (outcome == nullptr)
            fatal("no verdict yet");
        return outcome->verdict;
    }

    Supervisor supervisor;
};

} // namespace svc::rollout
