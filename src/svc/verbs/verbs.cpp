#include "svc/verbs/verbs.h"

namespace svc::cli {

int run(const Options& options, const Console& console) {
    switch (options.verb) {
    case Verb::reload:
    case Verb::apply:
    case Verb::undo:
    case Verb::pause:
    case Verb::resume:
    case Verb::abort:
    case Verb::promote:
    case Verb::scale:
    case Verb::replace:
    case Verb::freeze:
    case Verb::unfreeze:
    case Verb::stop:
        return change_service(options, console);
    case Verb::upgrade:
        return upgrade_service(options, console);
    case Verb::status:
    case Verb::list:
        return show_status(options, console);
    case Verb::top:
        return show_top(options, console);
    case Verb::events:
        return show_events(options, console);
    case Verb::logs:
        return show_logs(options, console);
    case Verb::history:
        return show_history(options, console);
    case Verb::diff:
        return show_diff(options, console);
    case Verb::timeline:
        return show_timeline(options, console);
    case Verb::metrics:
        return show_metrics(options, console);
    case Verb::check:
        return check_file(options, console);
    case Verb::try_out:
        return try_service(options, console);
    case Verb::init:
        return init_service(options, console);
    case Verb::preset:
        return show_preset(options, console);
    case Verb::complete:
        return complete_line(options, console);
    }
    fatal("run(): no such verb");
}

} // namespace svc::cli
