// status and list: verbs that change nothing.
#include "base/text.h"
#include "os/clock.h"
#include "svc/draw/overview.h"
#include "svc/draw/render.h"
#include "svc/talk/looks.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <cerrno>

namespace svc::cli {
namespace {

/// Of many, in which one that hangs must not hold up the others.
constexpr Duration longest_look = std::chrono::seconds(3);

/// Of the service that is named, or of the only one.
int show_one(const Options& options, const Console& console, const Service& service) {
    const auto tell_that_it_is_slow = [&] {
        console.err("svc: " + service.name +
                    ": the supervisor does not answer yet (it may be on its way); waiting\n");
    };
    const auto answer = ask_status(service, console.patience, tell_that_it_is_slow, true);
    if (!answer)
        return fail(answer.error(), console);
    if (options.json)
        print_json(answer->json, console);
    else
        console.out(render_status(answer->status, os::wall_now(), console.terminal));
    return exit_done;
}

int show_all(const Options& options, const Console& console) {
    const auto directories = runtime_directories(options.runtime_dir);
    Looks looks(directories, {});
    looks.look_once(longest_look);
    const auto sights = looks.sights();
    if (options.json)
        print_json(json_of(sights), console);
    if (sights.empty()) {
        // That there is none is an answer to who asks which there are.
        const auto none = choose_service({}, directories, Duration::zero());
        const int status = fail(none.error(), console);
        return options.verb == Verb::list && status == exit_no_supervisor ? int{exit_done} : status;
    }
    std::vector<Seen> seen;
    for (const auto& sight : sights)
        seen.push_back({sight.service.name,
                        sight.answer && sight.problem.empty() ? std::optional(sight.answer->status)
                                                              : std::nullopt,
                        sight.problem});
    if (!options.json)
        console.out(render_services(seen, console.terminal));
    return exit_done;
}

} // namespace

int show_status(const Options& options, const Console& console) {
    // A program is to get the same form however many there are.
    if (options.name.empty()) {
        const bool only_one = find_services(runtime_directories(options.runtime_dir)).size() == 1;
        if (options.json || options.verb == Verb::list || !only_one)
            return show_all(options, console);
    }
    const auto service = choose_service(options, console);
    if (!service)
        return fail(service.error(), console);
    return show_one(options, console, *service);
}

} // namespace svc::cli
