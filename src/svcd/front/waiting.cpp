#include "svcd/front/waiting.h"

#include "base/text.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <memory>
#include <set>

namespace svc::daemon {

namespace asio = boost::asio;
using rollout::EventKind;
using rollout::Outcome;
using rollout::State;
using rollout::Verdict;

namespace {

std::string verdict_sentence(const Outcome& outcome) {
    const std::string name = "revision " + std::to_string(outcome.revision);
    switch (outcome.verdict) {
    case Verdict::complete:
        return name + " is complete";
    case Verdict::rolled_back:
        return name + " failed and was rolled back";
    case Verdict::failed:
        return name + " failed";
    case Verdict::superseded:
        return name + " was superseded by revision " + std::to_string(outcome.successor);
    case Verdict::aborted:
        return "the rollout of " + name + " was aborted";
    }
    fatal("an unknown verdict");
}

/// What a caller who waits for a rollout wants to read.
bool tells_progress(EventKind kind) {
    switch (kind) {
    case EventKind::worker_status:
    case EventKind::listener:
    case EventKind::listener_damaged:
    case EventKind::refused:
    case EventKind::rollout_requested:
    case EventKind::frozen:
        return false;
    case EventKind::rollout_pending:
    case EventKind::rollout_started:
    case EventKind::rollout_paused:
    case EventKind::rollout_resumed:
    case EventKind::rollout_stage:
    case EventKind::rollout_rolling_back:
    case EventKind::rollout_ended:
    case EventKind::scaled:
    case EventKind::worker_launched:
    case EventKind::worker_ready:
    case EventKind::worker_available:
    case EventKind::worker_retired:
    case EventKind::worker_stopping:
    case EventKind::worker_killed:
    case EventKind::kill_failed:
    case EventKind::worker_exited:
    case EventKind::worker_restarting:
    case EventKind::hook_failed:
    case EventKind::stopping:
        return true;
    }
    fatal("an unknown kind of event");
}

/// Without those that cannot be killed: nobody knows whether these ever end.
std::size_t older_with_process(const State& state, rollout::RevisionNumber revision) {
    return static_cast<std::size_t>(
        std::count_if(state.workers.begin(), state.workers.end(), [&](const auto& each) {
            return each.second.revision < revision && rollout::has_process(each.second) &&
                   !rollout::cannot_be_killed(each.second);
        }));
}

/// Why some of `replicas` have no available worker and will not get one now: theirs failed, and the
/// next try is later or never. Empty as long as one is on its way.
std::string given_up(const State& state, std::uint32_t replicas) {
    std::set<std::uint32_t> served;
    for (const auto& [id, worker] : state.workers) {
        if (rollout::is_live(worker) && !rollout::is_available(worker))
            return {};
        if (rollout::is_available(worker))
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

Waiting::Waiting(Backend& backend, Caller& caller, bool more)
    : backend_(backend), caller_(caller), more_(more), seen_(backend.events().newest()),
      subscription_(backend.events(), caller.wakeup()) {}

void Waiting::send(wire::Progress progress, bool last) {
    if (!last && (!more_ || caller_.backed_up()))
        return;
    wire::VarlinkReply reply;
    reply.parameters = wire::to_json(progress);
    reply.continues = !last;
    caller_.reply(reply);
}

void Waiting::accept(wire::Progress progress, bool wait) {
    if (!wait)
        progress.verdict = "accepted";
    send(std::move(progress), !wait);
}

void Waiting::fail(std::string_view error, const std::string& message,
                   const std::vector<std::string>& mistakes) {
    wire::VarlinkReply reply;
    reply.error = error;
    reply.parameters = wire::to_json(wire::Refusal{message, mistakes});
    caller_.reply(reply);
}

wire::Progress Waiting::progress(std::string state, rollout::RevisionNumber revision,
                                 std::string text) const {
    const State& now = backend_.state();
    wire::Progress made;
    made.state = std::move(state);
    made.revision = revision;
    made.text = std::move(text);
    made.updated = rollout::available_workers(now, revision);
    made.available = rollout::available_workers(now);
    made.replicas = now.wanted == rollout::Wanted::run ? now.replicas : 0;
    made.workers = wire::count_workers(now);
    return made;
}

std::string Waiting::phase_name() const {
    const State& state = backend_.state();
    if (state.pending == revision_)
        return "pending";
    if (state.rollout && state.rollout->to == revision_ &&
        state.rollout->phase == rollout::RolloutPhase::rolling_back)
        return "rolling back";
    return "progressing";
}

void Waiting::forward_events(const std::string& state) {
    while (const rollout::Event* event = backend_.events().after(seen_)) {
        seen_ = event->sequence;
        if (!tells_progress(event->kind))
            continue;
        wire::Progress made =
            progress(state.empty() ? phase_name() : state, wire::sentence_of(*event));
        made.worker = event->worker_name;
        send(std::move(made), false);
    }
}

asio::awaitable<std::optional<Outcome>> Waiting::verdict() {
    while (!caller_.gone()) {
        const State& state = backend_.state();
        const Outcome* const ended = rollout::find_outcome(state, revision_);
        forward_events({});
        if (ended != nullptr) {
            const Outcome outcome = *ended;
            if (outcome.verdict != Verdict::superseded || outcome.successor == 0)
                co_return outcome;
            revision_ = outcome.successor;
            send(progress(phase_name(),
                          verdict_sentence(outcome) + "; waiting for the verdict on that one"),
                 false);
            continue;
        }
        const bool awaited = state.pending == revision_ ||
                             (state.rollout && state.rollout->to == revision_) ||
                             state.next_revision <= revision_;
        if (backend_.finished() || !awaited) {
            fail(wire::control_error::stopping,
                 "the supervisor stopped before there was a verdict on revision " +
                     std::to_string(revision_));
            co_return std::nullopt;
        }
        co_await caller_.wakeup().wait();
    }
    co_return std::nullopt;
}

asio::awaitable<void> Waiting::until_drained() {
    std::size_t told = 0;
    while (!caller_.gone() && !backend_.finished()) {
        forward_events("draining");
        const std::size_t left = older_with_process(backend_.state(), revision_);
        if (left == 0)
            break;
        if (left != told)
            send(progress("draining", std::to_string(left) +
                                          (left == 1 ? " old worker is" : " old workers are") +
                                          " draining"),
                 false);
        told = left;
        co_await caller_.wakeup().wait();
    }
}

asio::awaitable<void> Waiting::until_finished() {
    while (!caller_.gone() && !backend_.finished()) {
        forward_events("draining");
        co_await caller_.wakeup().wait();
    }
    forward_events("draining");
}

asio::awaitable<void> Waiting::for_rollout(rollout::RevisionNumber revision, bool drained,
                                           std::vector<std::string> changed) {
    revision_ = revision;
    const auto outcome = co_await verdict();
    if (!outcome)
        co_return;
    if (drained && outcome->verdict == Verdict::complete)
        co_await until_drained();
    else if (drained && outcome->verdict == Verdict::aborted)
        co_await until_finished(); // only a stop aborts: every worker drains
    wire::Progress last = progress("done", verdict_sentence(*outcome));
    last.verdict = rollout::describe(outcome->verdict);
    last.reason = outcome->reason;
    last.last_output = outcome->last_output;
    last.changed = std::move(changed);
    send(std::move(last), true);
}

asio::awaitable<void> Waiting::for_scale(std::uint32_t replicas, std::vector<std::string> changed) {
    revision_ = rollout::target_revision(backend_.state());
    const auto& revisions = backend_.state().revisions;
    const auto target = revisions.find(revision_);
    const Duration patience =
        (target == revisions.end() ? rollout::RolloutSpec{} : target->second.spec.rollout)
            .progress_deadline;
    Patience late(co_await asio::this_coro::executor, patience, caller_.wakeup());
    while (!caller_.gone()) {
        const State& state = backend_.state();
        forward_events("progressing");
        const std::uint32_t available = rollout::available_workers(state);
        const auto live =
            std::count_if(state.workers.begin(), state.workers.end(),
                          [](const auto& entry) { return rollout::is_live(entry.second); });
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
                     " workers are available after " + format_rough(patience);
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

asio::awaitable<void> Waiting::for_stop() {
    revision_ = rollout::target_revision(backend_.state());
    co_await until_finished();
    wire::Progress last = progress("done", "every worker is gone; the supervisor ends");
    last.verdict = "stopped";
    if (!backend_.state().workers.empty()) {
        last.verdict = "failed";
        last.reason = "workers that cannot be killed are left behind: " + last.workers;
        last.text = "the supervisor ends; " + last.reason;
    }
    send(std::move(last), true);
}

} // namespace svc::daemon
