// check_consistent(): whether what an earlier supervisor left makes sense.
#include "rollout/recover.h"

#include <set>

namespace svc::rollout {

namespace {

struct Checker {
    const State& state;
    std::string mistake{}; ///< the first one

    void say(std::string what) {
        if (mistake.empty())
            mistake = std::move(what);
    }

    void revision(RevisionNumber number, const std::string& whose) {
        if (number != 0 && !state.revisions.contains(number))
            say(whose + " is revision " + std::to_string(number) + ", which it does not have");
    }

    void check_worker(WorkerId id, const Worker& worker) {
        const std::string whose = "worker " + std::to_string(id);
        if (worker.id != id || id >= state.next_worker)
            say(whose + " has another worker's number");
        if (worker.revision == 0)
            say(whose + " has no revision");
        revision(worker.revision, "the revision of " + whose);
        revision(worker.becoming, "what " + whose + " is to become");
        if (worker.replica >= state.replica_list.size())
            say(whose + " has no place among the replicas");
        // Files are called so: a name must not lead out of its directory. It keeps its first revision's
        // number when a warm set is taken back.
        if (worker.name.empty() || worker.name.size() > 100 ||
            worker.name.find_first_not_of("r0123456789-.") != std::string::npos)
            say(whose + " has a name that none can have");
    }

    void check_rollout(const Rollout& rollout) {
        if (rollout.to == 0)
            say("its rollout leads nowhere");
        revision(rollout.to, "the aim of its rollout");
        revision(rollout.from, "the start of its rollout");
    }

    void check() {
        revision(state.current, "the current one");
        revision(state.previous, "the previous one");
        revision(state.pending, "the pending one");
        revision(state.kept, "the one that is kept warm");
        std::set<std::string> names;
        for (const auto& [id, worker] : state.workers) {
            check_worker(id, worker);
            if (!names.insert(worker.name).second)
                say("two workers are called " + worker.name);
        }
        for (const auto& [number, revision] : state.revisions)
            if (revision.number != number || number == 0 || number >= state.next_revision)
                say("revision " + std::to_string(number) + " has another one's number");
        if (state.rollout)
            check_rollout(*state.rollout);
        for (std::size_t at = 0; at < state.replica_list.size(); ++at)
            if (state.replica_list[at].index != at)
                say("its replicas are not in their order");
    }
};

} // namespace

Result<void> check_consistent(const State& state) {
    Checker checker{state};
    checker.check();
    if (!checker.mistake.empty())
        return Error{"the state contradicts itself: " + checker.mistake};
    return {};
}

} // namespace svc::rollout
