// The methods about older revisions: Undo, History, Revision, Diff, Timeline.
#include "svcd/front/methods.h"

#include "base/text.h"
#include "svcd/front/call_parameters.h"

namespace svc::daemon {

namespace asio = boost::asio;

namespace {

template <class T>
void answer(Caller& caller, const Result<T>& found) {
    wire::VarlinkReply reply;
    if (found) {
        reply.parameters = wire::to_json(*found);
    } else {
        reply.error = wire::control_error::refused;
        wire::Refusal why;
        why.message = found.error().message;
        reply.parameters = wire::to_json(why);
    }
    caller.reply(reply);
}

} // namespace

asio::awaitable<void> Methods::undo(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::UndoCall>(call, caller);
    if (!wanted || !permitted(caller))
        co_return;
    AdmissionRequest request;
    request.cause = {rollout::CauseKind::undo, printable(wanted->cause, cause_limit),
                     caller.peer().uid};
    request.supersede = wanted->supersede;
    request.immediate = wanted->immediate;
    request.older = wanted->to;
    const wire::ReloadCall as_reload{.wait = wanted->wait, .wait_drained = wanted->wait_drained};
    co_await roll_out(std::move(request), as_reload, call, caller);
}

void Methods::history(const wire::VarlinkCall& call, Caller& caller) {
    if (!call.parameters.empty()) {
        reply_invalid_parameter(caller, call.parameters.begin()->key());
        return;
    }
    wire::VarlinkReply reply;
    reply.parameters = wire::to_json(backend_.history());
    caller.reply(reply);
}

void Methods::revision(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::RevisionCall>(call, caller);
    if (!wanted)
        return;
    auto found = backend_.revision(wanted->revision);
    // The file itself may be closed to who may only look.
    if (found && !caller.may_change())
        found->service_file.clear();
    answer(caller, found);
}

void Methods::diff(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::DiffCall>(call, caller);
    if (wanted)
        answer(caller, backend_.diff(wanted->from, wanted->to));
}

void Methods::timeline(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::TimelineCall>(call, caller);
    if (wanted)
        answer(caller, backend_.timeline(wanted->revision));
}

} // namespace svc::daemon
