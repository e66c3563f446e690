#include "svcd/front/waiting.h"

#include "os/clock.h"
#include "svcd/front/steering.h"

#include <algorithm>

namespace svc::daemon {

namespace asio = boost::asio;
using rollout::EventKind;
using rollout::Outcome;
using rollout::State;
using rollout::Verdict;

namespace {

/// Of one reply: some kilobytes.
constexpr std::size_t workers_a_reply = 100;

std::string verdict_sentence(const Outcome& outcome) {
    const std::string name = "revision " + std::to_string(outcome.revision);
    switch (outcome.verdict) {
    case Verdict::complete:
        return name + " is complete";
    case Verdict::rolled_back:
        return was_asked_for(outcome.reason) ? name + " was taken back"
                                             : name + " failed and was rolled back";
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
    case EventKind::supervisor:
    case EventKind::history:
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
    case EventKind::keeping_ended:
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
    case EventKind::warning:
    case EventKind::worker_recycled:
    case EventKind::probe_failed:
    case EventKind::worker_reloaded:
    case EventKind::stopping:
        return true;
    }
    fatal("an unknown kind of event");
}

/// Without those that cannot be killed (nobody knows whether these ever end), and those that are
/// kept on purpose.
std::size_t older_with_process(const State& state, rollout::RevisionNumber revision) {
    return static_cast<std::size_t>(
        std::count_if(state.workers.begin(), state.workers.end(), [&](const auto& each) {
            return each.second.revision < revision && rollout::has_process(each.second) &&
                   !rollout::cannot_be_killed(each.second) && each.second.revision != state.kept;
        }));
}

} // namespace

Waiting::Waiting(Backend& backend, Caller& caller, bool more)
    : backend_(backend), caller_(caller), more_(more), seen_(backend.events().newest()),
      subscription_(backend.events(), caller.wakeup()) {
    if (more_)
        news_.begin(backend_.state());
    caller_.goes_on_as([this] { return continuation(); });
}

std::optional<wire::VarlinkCall> Waiting::continuation() const {
    wire::FollowCall aim = aim_;
    if (aim.revision)
        aim.revision = revision_; // another one may have superseded it
    if (!aim.revision && !aim.replicas && !aim.replica && !aim.stop)
        return std::nullopt;
    return wire::VarlinkCall{.method = std::string(wire::control_interface_name) + ".Follow",
                             .parameters = wire::to_json(aim),
                             .more = more_};
}

void Waiting::send(wire::Progress progress, bool last) {
    if (!last && (!more_ || caller_.backed_up()))
        return;
    if (!last)
        progress.worker_list = news_.take(backend_.state(), os::now(), workers_a_reply);
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

void Waiting::join(rollout::RevisionNumber revision) {
    revision_ = revision;
    const bool stops = backend_.state().wanted != rollout::Wanted::run;
    send(progress(stops ? "draining" : phase_name(), ""), false);
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
    made.from = now.rollout ? now.rollout->from : 0;
    made.step = wire::name_of_stage(now);
    wire::put_wait_of_stage(now, os::now(), made);
    made.revision = revision;
    made.text = std::move(text);
    made.updated = rollout::available_workers(now, revision);
    made.available = wire::count_serving(now);
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
    if (rollout::is_held(state) && state.rollout->to == revision_)
        return state.rollout->paused_at ? "paused" : "held";
    return "progressing";
}

std::optional<EventKind> Waiting::forward_events(const std::string& state) {
    std::optional<EventKind> told;
    while (const rollout::Event* event = backend_.events().after(seen_)) {
        seen_ = event->sequence;
        if (more_)
            news_.happened(*event);
        if (!tells_progress(event->kind))
            continue;
        wire::Progress made =
            progress(state.empty() ? phase_name() : state, wire::sentence_of(*event));
        made.worker = event->worker_name;
        send(std::move(made), false);
        told = event->kind;
    }
    tell_workers(state);
    return told;
}

void Waiting::tell_workers(const std::string& state) {
    while (more_ && !caller_.backed_up() && news_.any(backend_.state()))
        send(progress(state.empty() ? phase_name() : state, {}), false);
}

/// What it waits for stays the last thing told: on a terminal that is all that is seen.
void Waiting::tell_standstill(std::optional<EventKind> told) {
    std::string now = standstill_of(backend_.state(), revision_);
    const bool says_it = told == EventKind::rollout_stage || told == EventKind::rollout_paused;
    if (!now.empty() && !says_it && (told || now != standstill_))
        send(progress(phase_name(),
                      "the rollout of revision " + std::to_string(revision_) + " " + now),
             false);
    standstill_ = std::move(now);
}

void Waiting::send_paused() {
    const rollout::Rollout& rollout = *backend_.state().rollout;
    wire::Progress last =
        progress("paused", "the rollout of revision " + std::to_string(revision_) + " is paused");
    last.verdict = "paused";
    last.reason = rollout.failure;
    last.last_output = rollout.last_output;
    send(std::move(last), true);
}

asio::awaitable<std::optional<Outcome>> Waiting::verdict() {
    while (!caller_.gone()) {
        const State& state = backend_.state();
        const Outcome* const ended = rollout::find_outcome(state, revision_);
        const auto told = forward_events({});
        if (ended != nullptr && backend_.is_recorded(revision_)) {
            const Outcome outcome = *ended;
            if (outcome.verdict != Verdict::superseded || outcome.successor == 0)
                co_return outcome;
            revision_ = outcome.successor;
            send(progress(phase_name(),
                          verdict_sentence(outcome) + "; waiting for the verdict on that one"),
                 false);
            continue;
        }
        if (ended == nullptr && state.current == revision_) // too long ago: its outcome is not kept
            co_return Outcome{.revision = revision_};
        const bool awaited = ended != nullptr || state.pending == revision_ ||
                             (state.rollout && state.rollout->to == revision_) ||
                             state.next_revision <= revision_;
        if ((backend_.finished() && ended == nullptr) || !awaited) {
            fail(wire::control_error::stopping,
                 "the supervisor stopped before there was a verdict on revision " +
                     std::to_string(revision_));
            co_return std::nullopt;
        }
        if (paused_by_failure(state) && state.rollout->to == revision_) {
            send_paused();
            co_return std::nullopt;
        }
        tell_standstill(told);
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
    aim_.revision = revision;
    aim_.wait_drained = drained;
    const auto outcome = co_await verdict();
    if (!outcome)
        co_return;
    if (drained && outcome->verdict == Verdict::complete)
        co_await until_drained();
    else if (drained && outcome->verdict == Verdict::aborted &&
             backend_.state().wanted != rollout::Wanted::run)
        co_await until_finished(); // a stop aborted it: every worker drains
    send_verdict(*outcome, std::move(changed));
}

void Waiting::send_verdict(const Outcome& outcome, std::vector<std::string> changed) {
    wire::Progress last = progress("done", verdict_sentence(outcome));
    last.verdict = rollout::describe(outcome.verdict);
    last.reason = outcome.verdict == Verdict::complete ? note_ : outcome.reason;
    last.last_output = outcome.last_output;
    last.changed = std::move(changed);
    send(std::move(last), true);
}

asio::awaitable<void> Waiting::for_abort(rollout::RevisionNumber revision) {
    revision_ = revision;
    aim_.revision = revision;
    aim_.taken_back = true;
    const auto outcome = co_await verdict();
    if (!outcome)
        co_return;
    if (outcome->verdict != Verdict::rolled_back || outcome->revision != revision) {
        send_verdict(*outcome, {});
        co_return;
    }
    wire::Progress last =
        progress("done", verdict_sentence(*outcome) + "; revision " +
                             std::to_string(backend_.state().current) + " serves on");
    last.verdict = "taken back";
    send(std::move(last), true);
}

asio::awaitable<void> Waiting::for_stop() {
    revision_ = rollout::target_revision(backend_.state());
    aim_.stop = true;
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
