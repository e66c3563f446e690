// status and list: verbs that change nothing.
#include "base/text.h"
#include "os/clock.h"
#include "svc/draw/render.h"
#include "svc/talk/conversation.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <cerrno>

namespace svc::cli {
namespace {

/// Of a list, in which one that is dead must not hold up the others.
constexpr Patience nobody_waits{Duration::zero(), Duration::zero()};

std::string problem_of(const Error& error) {
    switch (error.code) {
    case ENOENT:
    case ECONNREFUSED:
        return "not running";
    case EACCES:
    case EPERM:
        return "not allowed to look";
    case ETIMEDOUT:
    case EAGAIN:
        return "does not answer";
    }
    return error.message;
}

} // namespace

int show_status(const Options& options, const Console& console) {
    const auto service = choose_service(options, console);
    if (!service)
        return fail(service.error(), console);
    const auto tell_that_it_is_slow = [&] {
        console.err("svc: " + service->name +
                    ": the supervisor does not answer yet (it may be on its way); waiting\n");
    };
    const auto answer = ask_status(*service, console.patience, tell_that_it_is_slow, true);
    if (!answer)
        return fail(answer.error(), console);
    if (options.json)
        print_json(answer->json, console);
    else
        console.out(render_status(answer->status, os::wall_now(), console.terminal));
    return exit_done;
}

int show_list(const Options& options, const Console& console) {
    const auto directories = runtime_directories(options.runtime_dir);
    std::vector<ListedService> listed;
    boost::json::array json;
    for (const auto& service : find_services(directories)) {
        auto answer = ask_status(service, nobody_waits);
        ListedService line{service.name, service.control, {}, {}};
        boost::json::object object{{"service", service.name}, {"control", service.control}};
        if (answer) {
            line.status = std::move(answer->status);
            object["status"] = std::move(answer->json);
        } else {
            line.problem = problem_of(answer.error());
            object["problem"] = line.problem;
        }
        listed.push_back(std::move(line));
        json.emplace_back(std::move(object));
    }
    if (options.json)
        print_json(json, console);
    else if (listed.empty())
        console.err("svc: no services in " + join(directories, " or ") + '\n');
    else
        console.out(render_list(listed, os::wall_now(), console.terminal));
    return exit_done;
}

} // namespace svc::cli
