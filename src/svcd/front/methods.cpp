#include "svcd/front/methods.h"

#include "base/text.h"
#include "svcd/front/call_parameters.h"
#include "svcd/front/waiting.h"

#include <algorithm>

namespace svc::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::uint32_t replicas_limit = 10000; ///< as the service file's

std::string who(const Peer& peer) {
    return "uid " + std::to_string(peer.uid) + ", pid " + std::to_string(peer.pid);
}

/// The revision that made way at once for `newer`; 0: none did.
rollout::RevisionNumber superseded_by(const rollout::State& state, rollout::RevisionNumber newer) {
    for (const auto& outcome : state.outcomes)
        if (outcome.verdict == rollout::Verdict::superseded && outcome.successor == newer)
            return outcome.revision;
    return 0;
}

std::string accepted_text(const rollout::State& state, const Admission& admission) {
    std::string text = "revision " + std::to_string(admission.revision) + " is accepted";
    if (const auto older = superseded_by(state, admission.revision); older != 0)
        text += " and supersedes revision " + std::to_string(older);
    return admission.note.empty() ? text : text + "; " + admission.note;
}

} // namespace

asio::awaitable<void> Methods::handle(const wire::VarlinkCall& call, Caller& caller) {
    const std::string_view name = call.method;
    const auto dot = name.rfind('.');
    const std::string_view interface = name.substr(0, dot == std::string_view::npos ? 0 : dot);
    const std::string_view method = name.substr(dot == std::string_view::npos ? 0 : dot + 1);
    if (interface == service_interface_name)
        answer_introspection(call, caller);
    else if (interface != wire::control_interface_name)
        reply_interface_not_found(caller, interface);
    else if (method == "Status")
        co_await status(call, caller);
    else if (method == "Metrics")
        co_await metrics(caller);
    else if (method == "Reload")
        co_await reload(call, caller, rollout::CauseKind::reload);
    else if (method == "Apply")
        co_await reload(call, caller, rollout::CauseKind::apply);
    else if (method == "Undo")
        co_await undo(call, caller);
    else if (method == "History")
        history(call, caller);
    else if (method == "Revision")
        revision(call, caller);
    else if (method == "Diff")
        diff(call, caller);
    else if (method == "Timeline")
        timeline(call, caller);
    else if (method == "Scale")
        co_await scale(call, caller);
    else if (method == "Stop")
        co_await stop(call, caller);
    else if (method == "Pause")
        pause(call, caller);
    else if (method == "Resume")
        co_await resume(call, caller);
    else if (method == "Abort")
        co_await abort(call, caller);
    else if (method == "Promote")
        co_await promote(call, caller);
    else if (method == "Replace")
        co_await replace(call, caller);
    else if (method == "Freeze")
        freeze(call, caller);
    else if (method == "Unfreeze")
        unfreeze(call, caller);
    else if (method == "Upgrade")
        co_await upgrade(call, caller);
    else if (method == "Follow")
        co_await follow(call, caller);
    else if (method == "Events")
        co_await events(call, caller);
    else
        reply_method_not_found(caller, name);
}

bool Methods::permitted(Caller& caller) {
    if (caller.may_change())
        return true;
    wire::VarlinkReply reply;
    reply.error = wire::control_error::not_permitted;
    wire::Refusal why;
    why.message = "uid " + std::to_string(caller.peer().uid) +
                  " may look at this service but not change it; root, the supervisor's own user "
                  "and the members of its --control-group may";
    reply.parameters = wire::to_json(why);
    caller.reply(reply);
    return false;
}

asio::awaitable<void> Methods::status(const wire::VarlinkCall& call, Caller& caller) {
    const auto asked = parameters_of<wire::StatusCall>(call, caller);
    if (!asked)
        co_return;
    wire::ServiceStatus status = backend_.status();
    if (asked->connections || asked->usage)
        co_await backend_.look_closer(*asked, status);
    wire::VarlinkReply reply;
    reply.parameters = wire::to_json(status);
    caller.reply(reply);
}

asio::awaitable<void> Methods::metrics(Caller& caller) {
    wire::MetricsReply measured;
    measured.families = co_await backend_.metrics();
    wire::VarlinkReply reply;
    reply.parameters = wire::to_json(measured);
    caller.reply(reply);
}

asio::awaitable<void> Methods::reload(const wire::VarlinkCall& call, Caller& caller,
                                      rollout::CauseKind kind) {
    const auto wanted = parameters_of<wire::ReloadCall>(call, caller);
    if (!wanted || !permitted(caller) || !is_short(wanted->token, caller))
        co_return;
    AdmissionRequest request;
    request.cause = {kind, printable(wanted->cause, cause_limit), caller.peer().uid};
    request.supersede = wanted->supersede;
    request.immediate = wanted->immediate;
    request.token = wanted->token;
    co_await roll_out(std::move(request), *wanted, call, caller);
}

asio::awaitable<void> Methods::roll_out(AdmissionRequest request, const wire::ReloadCall& options,
                                        const wire::VarlinkCall& call, Caller& caller) {
    // Before the request: the first events of the rollout come while it is admitted.
    Waiting waiting(backend_, caller, call.more);
    Admission admission = co_await backend_.admit(std::move(request));

    const auto& state = backend_.state();
    if (admission.kind == Admission::Kind::refused) {
        waiting.fail(admission.error, admission.message, admission.mistakes);
        co_return;
    }
    const bool pending = admission.revision != 0 && state.pending == admission.revision;
    const std::string number = std::to_string(admission.revision);
    wire::Progress first =
        waiting.progress(pending ? "pending" : "accepted", admission.revision, {});
    first.changed = admission.changed;
    switch (admission.kind) {
    case Admission::Kind::revision:
        first.text = accepted_text(state, admission);
        waiting.remember(admission.note);
        // Who waits is told by an event what it waits for.
        if (pending && !options.wait)
            first.text += " and waits for the running rollout";
        waiting.accept(std::move(first), options.wait);
        if (options.wait)
            co_await waiting.for_rollout(admission.revision, options.wait_drained,
                                         std::move(admission.changed));
        break;
    case Admission::Kind::taken_back:
        first.text = admission.note;
        waiting.accept(std::move(first), options.wait);
        if (options.wait)
            co_await waiting.for_abort(admission.revision);
        break;
    case Admission::Kind::scaled:
        first.text =
            "only rollout.replicas changed: scaling to " + std::to_string(admission.replicas);
        waiting.accept(std::move(first), options.wait);
        if (options.wait)
            co_await waiting.for_scale(admission.replicas, std::move(admission.changed));
        break;
    case Admission::Kind::unchanged:
        if (options.wait && admission.revision != state.current) {
            first.text = "nothing changed since revision " + number + ", whose rollout is not over";
            waiting.send(first, false);
            co_await waiting.for_rollout(admission.revision, options.wait_drained, {});
            break;
        }
        first.state = "done";
        first.verdict = "unchanged";
        first.text = "nothing changed since revision " + number;
        waiting.send(first, true);
        break;
    case Admission::Kind::refused:
        break;
    }
}

asio::awaitable<void> Methods::scale(const wire::VarlinkCall& call, Caller& caller) {
    // Left out it would read as 0, and a forgotten parameter must not stop every worker.
    if (!call.parameters.contains("replicas")) {
        reply_invalid_parameter(caller, "replicas");
        co_return;
    }
    const auto wanted = parameters_of<wire::ScaleCall>(call, caller);
    if (!wanted || !permitted(caller))
        co_return;
    Waiting waiting(backend_, caller, call.more);
    if (wanted->replicas > replicas_limit) {
        waiting.fail(wire::control_error::refused, "at most " + std::to_string(replicas_limit) +
                                                       " replicas; nothing was changed");
        co_return;
    }
    if (backend_.state().wanted != rollout::Wanted::run) {
        waiting.fail(wire::control_error::stopping, "the supervisor is stopping");
        co_return;
    }
    backend_.scale(wanted->replicas);
    waiting.accept(waiting.progress("accepted", rollout::target_revision(backend_.state()),
                                    "scaling to " + std::to_string(wanted->replicas)),
                   wanted->wait);
    if (wanted->wait)
        co_await waiting.for_scale(wanted->replicas, {});
}

asio::awaitable<void> Methods::stop(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::StopCall>(call, caller);
    if (!wanted || !permitted(caller))
        co_return;
    Waiting waiting(backend_, caller, call.more);
    backend_.stop(wanted->now, "svc stop (" + who(caller.peer()) + ")");
    waiting.accept(waiting.progress("accepted", rollout::target_revision(backend_.state()),
                                    wanted->now ? "stopping now" : "draining every worker"),
                   wanted->wait);
    if (wanted->wait)
        co_await waiting.for_stop();
}

asio::awaitable<void> Methods::events(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::EventsCall>(call, caller);
    if (!wanted)
        co_return;
    if (!call.more) {
        reply_expected_more(caller);
        co_return;
    }
    EventLog& log = backend_.events();
    EventLog::Subscription subscription(log, caller.wakeup());
    std::uint64_t seen = wanted->since;
    if (wanted->newest && log.newest() > *wanted->newest)
        seen = std::max(seen, log.newest() - *wanted->newest);
    if (seen > log.newest()) // it was another supervisor's, and this one began anew
        seen = 0;
    // Without `follow`: what there is now, not what comes while a slow client reads it.
    const std::uint64_t end = log.newest();
    caller.goes_on_as([&]() -> std::optional<wire::VarlinkCall> {
        wire::EventsCall rest;
        rest.since = seen;
        rest.follow = wanted->follow;
        return wire::VarlinkCall{
            .method = call.method, .parameters = wire::to_json(rest), .more = true};
    });
    while (!caller.gone()) {
        const rollout::Event* next = log.after(seen);
        const bool past_end = !wanted->follow && (next == nullptr || next->sequence > end);
        if (past_end || (next == nullptr && backend_.finished()))
            break;
        if (next == nullptr || caller.backed_up()) {
            co_await caller.wakeup().wait();
            continue;
        }
        seen = next->sequence;
        wire::VarlinkReply reply;
        reply.parameters = wire::to_json(*next);
        reply.continues = true;
        caller.reply(reply);
    }
    // The stream's end carries no event.
    caller.reply({});
}

} // namespace svc::daemon
