// Waiting for workers where no rollout has a verdict: a scale, the replacement of one worker.
#include "svcd/front/waiting.h"

#include "base/text.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <memory>
#include <set>

namespace svc::daemon {

namespace asio = boost::asio;
using rollout::State;

namespace {

/// How far the replacement of one worker is.
struct Replacement {
    bool old_left = false; ///< one that was to go has a process, and can be ended
    std::string fresh;     ///< the name of the available one in its place
    [[nodiscard]] bool done() const { return !old_left && !fresh.empty(); }
};

Replacement replacement_of(const State& state, std::uint32_t replica,
                           rollout::RevisionNumber revision) {
    Replacement found;
    for (const auto& [id, worker] : state.workers) {
        if (worker.replica != replica || worker.revision != revision)
            continue;
        if (rollout::is_fresh(worker, revision) && rollout::is_available(worker))
            found.fresh = worker.name;
        else if (!worker.stale.empty() && rollout::has_process(worker) &&
                 !rollout::cannot_be_killed(worker))
            found.old_left = true;
    }
    return found;
}

bool is_kept(const State& state, const rollout::Worker& worker) {
    return state.kept != 0 && worker.revision == state.kept;
}

/// Why some of `replicas` have no available worker and will not get one now: theirs failed, and the
/// next try is later or never. Empty as long as one is on its way.
std::string given_up(const State& state, std::uint32_t replicas) {
    std::set<std::uint32_t> served;
    for (const auto& [id, worker] : state.workers) {
        if (rollout::is_live(worker) && !rollout::is_available(worker))
            return {};
        if (rollout::is_available(worker) && !is_kept(state, worker))
            served.insert(worker.replica);
    }
    std::vector<std::string> failures;
    for (std::uint32_t index = 0; index < replicas; ++index) {
        if (served.contains(index))
            continue;
        if (index >= state.replica_list.size())
            return {};
        const auto& replica = state.replica_list[index];
        if (!replica.held_down && !replica.next_start)
            return {};
        failures.push_back("replica " + std::to_string(replica.index) + " failed (" +
                           replica.last_exit +
                           (replica.held_down ? ") and stays down, as restart.policy says"
                                              : ") and is tried again"));
    }
    return join(failures, "; ");
}

/// Wakes the waiting once when its time is up; nothing after it is gone.
class Patience {
public:
    Patience(const asio::any_io_executor& executor, Duration length, Wakeup& wakeup)
        : timer_(executor), up_(std::make_shared<Up>(Up{false, &wakeup})) {
        timer_.expires_after(length);
        timer_.async_wait([up = up_](const boost::system::error_code&) {
            up->passed = true;
            if (up->wakeup != nullptr)
                up->wakeup->notify();
        });
    }
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;
    ~Patience() { up_->wakeup = nullptr; }
    [[nodiscard]] bool passed() const { return up_->passed; }

private:
    /// Outlives this object: a timer that fired cannot be called back from the loop's queue.
    struct Up {
        bool passed;
        Wakeup* wakeup;
    };
    asio::steady_timer timer_;
    std::shared_ptr<Up> up_;
};

} // namespace

Duration Waiting::patience() const {
    const auto& revisions = backend_.state().revisions;
    const auto target = revisions.find(revision_);
    return (target == revisions.end() ? rollout::RolloutSpec{} : target->second.spec.rollout)
        .progress_deadline;
}

asio::awaitable<void> Waiting::for_scale(std::uint32_t replicas, std::vector<std::string> changed) {
    revision_ = rollout::target_revision(backend_.state());
    aim_.replicas = replicas;
    const Duration most = patience();
    Patience late(co_await asio::this_coro::executor, most, caller_.wakeup());
    while (!caller_.gone()) {
        const State& state = backend_.state();
        forward_events("progressing");
        const std::uint32_t available = wire::count_serving(state);
        const auto live =
            std::count_if(state.workers.begin(), state.workers.end(), [&](const auto& entry) {
                return rollout::is_live(entry.second) && !is_kept(state, entry.second);
            });
        std::string verdict = "scaled";
        std::string reason;
        if (state.wanted != rollout::Wanted::run || backend_.finished()) {
            verdict = "aborted";
            reason = "the supervisor is stopping";
        } else if (state.replicas != replicas) {
            verdict = "failed";
            reason = "the target became " + std::to_string(state.replicas);
        } else if (available == replicas && live == replicas) {
            // there
        } else if (const std::string why = given_up(state, replicas); !why.empty()) {
            verdict = "failed";
            reason = std::to_string(available) + " of " + std::to_string(replicas) +
                     " workers are available; " + why;
        } else if (late.passed()) {
            verdict = "failed";
            reason = std::to_string(available) + " of " + std::to_string(replicas) +
                     " workers are available after " + format_rough(most);
        } else {
            co_await caller_.wakeup().wait();
            continue;
        }
        const std::string aim = "scaled to " + std::to_string(replicas);
        wire::Progress last = progress("done", reason.empty() ? aim : "not " + aim + ": " + reason);
        last.verdict = std::move(verdict);
        last.reason = std::move(reason);
        last.changed = std::move(changed);
        send(std::move(last), true);
        break;
    }
}

asio::awaitable<void> Waiting::for_replacement(std::uint32_t replica) {
    revision_ = backend_.state().current;
    aim_.replica = replica;
    const Duration most = patience();
    Patience late(co_await asio::this_coro::executor, most, caller_.wakeup());
    const std::string name = "the worker of replica " + std::to_string(replica);
    while (!caller_.gone()) {
        const State& state = backend_.state();
        forward_events("progressing");
        const Replacement now = replacement_of(state, replica, revision_);
        std::string reason;
        if (state.wanted != rollout::Wanted::run || backend_.finished())
            reason = "the supervisor is stopping";
        else if (state.current != revision_ || state.rollout)
            reason = "a rollout has begun, which replaces every worker";
        else if (replica >= state.replicas)
            reason = "scaled down to " + std::to_string(state.replicas) + " replicas";
        else if (late.passed() && !now.done())
            reason = "not available within progress_deadline (" + format_duration(most) +
                     "); the old one " + (now.old_left ? "serves on" : "is gone");
        if (reason.empty() && !now.done()) {
            co_await caller_.wakeup().wait();
            continue;
        }
        wire::Progress last = progress(
            "done", name + (reason.empty() ? " is replaced by " + now.fresh : " is not replaced"));
        last.worker = now.fresh;
        last.verdict = reason.empty() ? "replaced" : "failed";
        last.reason = std::move(reason);
        send(std::move(last), true);
        break;
    }
}

} // namespace svc::daemon
