// history, diff and timeline: what the revisions were, what differs between them, how a rollout went.
#include "svc/draw/render.h"
#include "svc/talk/conversation.h"

#include <boost/json/value.hpp>

namespace svc::cli {
namespace {

/// One call that is answered at once: prints the reply as JSON, or as `render` makes it.
template <class Reply, class Render>
int show(const Options& options, const Console& console, const wire::VarlinkCall& call,
         Render render) {
    const auto service = choose_service(options, console);
    if (!service)
        return fail(service.error(), console);
    const auto reply = ask(*service, call, console.patience);
    if (!reply)
        return fail(reply.error(), console);
    if (!reply->error.empty())
        return fail(*reply, *service, options, console);
    const auto answer = wire::from_json<Reply>(reply->parameters);
    if (!answer)
        return fail(
            Error{"the answer of the supervisor is not understood: " + answer.error().message},
            console);
    if (options.json)
        print_json(reply->parameters, console);
    else
        console.out(render(*answer));
    return exit_done;
}

} // namespace

int show_history(const Options& options, const Console& console) {
    if (options.revision == 0)
        return show<wire::HistoryReply>(options, console, make_call("History", {}, false),
                                        [&](const wire::HistoryReply& reply) {
                                            return render_history(reply, console.terminal);
                                        });
    const auto call =
        make_call("Revision", wire::to_json(wire::RevisionCall{options.revision}), false);
    return show<wire::RevisionReply>(options, console, call, render_revision);
}

int show_diff(const Options& options, const Console& console) {
    const auto call =
        make_call("Diff", wire::to_json(wire::DiffCall{options.from, options.revision}), false);
    return show<wire::DiffReply>(options, console, call, render_diff);
}

int show_timeline(const Options& options, const Console& console) {
    const auto call =
        make_call("Timeline", wire::to_json(wire::TimelineCall{options.revision}), false);
    return show<wire::Timeline>(options, console, call, [&](const wire::Timeline& timeline) {
        return render_timeline(timeline, console.terminal);
    });
}

} // namespace svc::cli
