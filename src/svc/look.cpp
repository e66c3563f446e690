// status, events and list: verbs that change nothing.
#include "base/text.h"
#include "os/clock.h"
#include "svc/conversation.h"
#include "svc/interrupts.h"
#include "svc/render.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <cerrno>

namespace svc::cli {
namespace {

std::string problem_of(const Error& error) {
    switch (error.code) {
    case ENOENT:
    case ECONNREFUSED:
        return "not running";
    case EACCES:
    case EPERM:
        return "not allowed to look";
    case ETIMEDOUT:
        return "does not answer";
    }
    return error.message;
}

/// Numbers that are missing between two events: the supervisor keeps a thousand, and a reader that is slower than
/// the service loses the oldest.
void tell_gap(std::uint64_t seen, std::uint64_t next, const Service& service,
              const Console& console) {
    if (next <= seen + 1)
        return;
    const std::uint64_t missing = next - seen - 1;
    console.err("svc: " + service.name + ": " + std::to_string(missing) +
                (missing == 1 ? " event is" : " events are") +
                " missing here; the supervisor keeps only the newest\n");
}

/// Prints one reply of Events; the exit status if it was the last. `seen`: the number of the last event.
std::optional<int> handle_event(const wire::VarlinkReply& reply, const Service& service,
                                const Options& options, const Console& console,
                                std::uint64_t& seen) {
    if (!reply.error.empty())
        return fail(reply, service, options, console);
    const auto event = wire::from_json<rollout::Event>(reply.parameters);
    if (!event)
        return fail(Error{"an event is not understood: " + event.error().message, EPROTO}, console);
    if (event->sequence != 0) {
        if (seen != 0)
            tell_gap(seen, event->sequence, service, console);
        seen = event->sequence;
    }
    if (!reply.continues && options.follow)
        console.err("svc: " + service.name + ": the supervisor has ended\n");
    // The stream's end carries none.
    if (event->sequence != 0 && options.json)
        print_json(reply.parameters, console);
    else if (event->sequence != 0)
        console.out(render_event(*event));
    return reply.continues ? std::nullopt : std::optional<int>(exit_done);
}

} // namespace

int show_status(const Options& options, const Console& console) {
    const auto service = choose_service(options.name, runtime_directories(options.runtime_dir));
    if (!service)
        return fail(service.error(), console);
    const auto answer = ask_status(*service);
    if (!answer)
        return fail(answer.error(), console);
    if (options.json)
        print_json(answer->json, console);
    else
        console.out(render_status(answer->status, os::wall_now(), console.terminal));
    return exit_done;
}

int show_events(const Options& options, const Console& console) {
    const auto service = choose_service(options.name, runtime_directories(options.runtime_dir));
    if (!service)
        return fail(service.error(), console);
    const auto interrupts = Interrupts::make();
    if (!interrupts)
        return fail(interrupts.error(), console);
    auto client = Client::connect(service->control, service->name, interrupts->fd());
    if (!client)
        return fail(client.error(), console);
    const Instant deadline = os::now() + quick_answer;
    const wire::EventsCall call{
        .since = options.since, .newest = options.lines, .follow = options.follow};
    if (auto sent = client->send(make_call("Events", wire::to_json(call), true), deadline); !sent)
        return fail(sent.error(), console);
    // With --lines it is meant to begin later.
    std::uint64_t seen = options.lines ? 0 : options.since;
    for (bool answered = false;;) {
        const auto reply = client->receive(options.follow ? std::nullopt : std::optional(deadline));
        if (!reply && reply.error().code == EINTR) {
            if (const int signal = interrupts->take(); Interrupts::ends(signal))
                return Interrupts::exit_status(signal);
            continue;
        }
        if (!reply && reply.error().code == ECONNRESET && answered)
            return fail(Error{"the supervisor of " + service->name +
                                  " has ended without a word; its log says why",
                              ECONNRESET},
                        console);
        if (!reply)
            return fail(reply.error(), console);
        answered = true;
        if (const auto status = handle_event(*reply, *service, options, console, seen))
            return *status;
    }
}

int show_list(const Options& options, const Console& console) {
    const auto directories = runtime_directories(options.runtime_dir);
    std::vector<ListedService> listed;
    boost::json::array json;
    for (const auto& service : find_services(directories)) {
        auto answer = ask_status(service);
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
