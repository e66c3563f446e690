// The methods that steer a rollout: Pause, Resume, Abort, Promote, Replace, Freeze, Unfreeze.
#include "svcd/front/methods.h"

#include "base/text.h"
#include "svcd/front/call_parameters.h"
#include "svcd/front/steering.h"
#include "svcd/front/waiting.h"

namespace svc::daemon {

namespace asio = boost::asio;
using rollout::State;

namespace {

/// "by uid 1000: lunch": who asked belongs to every reason.
std::string by(const Caller& caller, const std::string& reason = {}) {
    std::string text = "by uid " + std::to_string(caller.peer().uid);
    if (!reason.empty())
        text += ": " + printable(reason, cause_limit);
    return text;
}

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

} // namespace

/// True: it was refused, and the caller told.
bool Methods::refused(Waiting& waiting, const std::string& why) {
    if (backend_.state().wanted != rollout::Wanted::run) {
        waiting.fail(wire::control_error::stopping, "the supervisor is stopping");
        return true;
    }
    if (!why.empty())
        waiting.fail(wire::control_error::refused, why);
    return !why.empty();
}

void Methods::pause(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::PauseCall>(call, caller);
    if (!wanted || !permitted(caller))
        return;
    Waiting waiting(backend_, caller, call.more);
    if (refused(waiting, why_not_pause(backend_.state())))
        return;
    const auto revision = backend_.state().rollout->to;
    backend_.request(rollout::PauseRequested{"asked for " + by(caller, wanted->reason)});
    waiting.accept(waiting.progress("paused", revision,
                                    "the rollout of revision " + number(revision) +
                                        " is paused; `svc resume` goes on, `svc abort` goes back"),
                   false);
}

asio::awaitable<void> Methods::resume(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::ContinueCall>(call, caller);
    if (!wanted || !permitted(caller))
        co_return;
    Waiting waiting(backend_, caller, call.more);
    if (refused(waiting, why_not_resume(backend_.state())))
        co_return;
    const auto revision = backend_.state().rollout->to;
    backend_.request(rollout::ResumeRequested{});
    waiting.accept(waiting.progress("accepted", revision,
                                    "the rollout of revision " + number(revision) + " goes on"),
                   wanted->wait);
    if (wanted->wait)
        co_await waiting.for_rollout(revision, wanted->wait_drained, {});
}

asio::awaitable<void> Methods::abort(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::AbortCall>(call, caller);
    if (!wanted || !permitted(caller))
        co_return;
    Waiting waiting(backend_, caller, call.more);
    const State& state = backend_.state();
    if (refused(waiting, why_not_abort(state)))
        co_return;
    const bool goes_back = can_go_back(state);
    const auto revision = goes_back ? state.rollout->to : state.pending;
    std::string text = describe_taking_back(state);
    backend_.request(rollout::AbortRequested{"aborted " + by(caller, wanted->reason)});
    const bool wait = goes_back && wanted->wait;
    waiting.accept(waiting.progress("accepted", revision, std::move(text)), wait);
    if (wait)
        co_await waiting.for_abort(revision);
}

asio::awaitable<void> Methods::promote(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::ContinueCall>(call, caller);
    if (!wanted || !permitted(caller))
        co_return;
    Waiting waiting(backend_, caller, call.more);
    const State& state = backend_.state();
    if (refused(waiting, why_not_promote(state)))
        co_return;
    const auto revision = state.rollout->to;
    const bool analysed = rollout::rollout_spec_in_force(state).analysis.has_value();
    backend_.request(rollout::PromoteRequested{});
    waiting.accept(waiting.progress("accepted", revision,
                                    "revision " + number(revision) + " is promoted" +
                                        (analysed ? "; its analysis decides" : "")),
                   wanted->wait);
    if (wanted->wait)
        co_await waiting.for_rollout(revision, wanted->wait_drained, {});
}

asio::awaitable<void> Methods::replace(const wire::VarlinkCall& call, Caller& caller) {
    // Left out it would read as 0, and a forgotten parameter must not replace anybody.
    if (!call.parameters.contains("replica")) {
        reply_invalid_parameter(caller, "replica");
        co_return;
    }
    const auto wanted = parameters_of<wire::ReplaceCall>(call, caller);
    if (!wanted || !permitted(caller))
        co_return;
    Waiting waiting(backend_, caller, call.more);
    const State& state = backend_.state();
    if (refused(waiting, why_not_replace(state, wanted->replica)))
        co_return;
    backend_.request(rollout::ReplaceRequested{wanted->replica, "asked for " + by(caller)});
    waiting.accept(waiting.progress("accepted", state.current,
                                    "the worker of replica " + number(wanted->replica) +
                                        " is replaced by another one of revision " +
                                        number(state.current)),
                   wanted->wait);
    if (wanted->wait)
        co_await waiting.for_replacement(wanted->replica);
}

void Methods::freeze(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::FreezeCall>(call, caller);
    if (!wanted || !permitted(caller))
        return;
    if (wanted->reason.empty()) {
        reply_invalid_parameter(caller, "reason");
        return;
    }
    Waiting waiting(backend_, caller, call.more);
    if (refused(waiting, why_not_freeze(backend_.state())))
        return;
    backend_.request(rollout::FreezeRequested{by(caller, wanted->reason)});
    const State& state = backend_.state();
    std::string text = "rollouts are refused until `svc unfreeze`; crashed workers are still "
                       "started again";
    if (state.rollout)
        text += "; the rollout of revision " + number(state.rollout->to) +
                ", which is under way, goes on";
    waiting.accept(waiting.progress("accepted", rollout::target_revision(state), std::move(text)),
                   false);
}

void Methods::unfreeze(const wire::VarlinkCall& call, Caller& caller) {
    if (!call.parameters.empty()) {
        reply_invalid_parameter(caller, call.parameters.begin()->key());
        return;
    }
    if (!permitted(caller))
        return;
    Waiting waiting(backend_, caller, call.more);
    if (refused(waiting, why_not_unfreeze(backend_.state())))
        return;
    backend_.request(rollout::FreezeRequested{});
    waiting.accept(waiting.progress("accepted", rollout::target_revision(backend_.state()),
                                    "rollouts are allowed again"),
                   false);
}

} // namespace svc::daemon
