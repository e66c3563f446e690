// The methods about older revisions: Undo, History, Revision, Diff, Timeline.
#include "svcd/front/methods.h"

#include "base/text.h"
#include "svcd/front/call_parameters.h"
#include "svcd/front/compare.h"
#include "svcd/front/history_view.h"

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
    if (!wanted || !permitted(caller) || !is_short(wanted->token, caller))
        co_return;
    AdmissionRequest request;
    request.cause = {rollout::CauseKind::undo, printable(wanted->cause, cause_limit),
                     caller.peer().uid};
    request.supersede = wanted->supersede;
    request.immediate = wanted->immediate;
    request.older = wanted->to;
    request.as_it_is_now = wanted->force;
    request.token = wanted->token;
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
    if (!wanted)
        return;
    if (wanted->from == 0 && wanted->to == 0) {
        diff_with_file(caller);
        return;
    }
    // A lone `to` is compared with what serves, as a lone `from` is.
    const auto from = wanted->from != 0 ? wanted->from : backend_.state().current;
    auto found = backend_.diff(from, wanted->to);
    if (found && !caller.may_change()) {
        for (wire::Difference& one : found->differences)
            if (one.what.starts_with(service_file_mark))
                one.before = one.after = "";
    }
    answer(caller, found);
}

/// It reads files, some of which may be closed to who may only look, and takes a moment.
void Methods::diff_with_file(Caller& caller) {
    if (!permitted(caller))
        return;
    const Loaded now = backend_.look_at_file();
    if (now.ok()) {
        answer(caller, daemon::diff_with_file(backend_.state(), now.revision));
        return;
    }
    const Admission refused = refuse_to_load(now);
    wire::VarlinkReply reply;
    reply.error = refused.error;
    wire::Refusal why;
    why.message = refused.message;
    why.mistakes = refused.mistakes;
    reply.parameters = wire::to_json(why);
    caller.reply(reply);
}

void Methods::timeline(const wire::VarlinkCall& call, Caller& caller) {
    const auto wanted = parameters_of<wire::TimelineCall>(call, caller);
    if (wanted)
        answer(caller, backend_.timeline(wanted->revision));
}

} // namespace svc::daemon
