#include "svc/talk/conversation.h"

#include "os/clock.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <cerrno>

namespace svc::cli {

namespace {

constexpr Duration slow_answer = std::chrono::seconds(1);

} // namespace

Result<Service> choose_service(const Options& options, const Console& console) {
    return choose_service(options.name, runtime_directories(options.runtime_dir),
                          console.patience.first);
}

wire::VarlinkCall make_call(std::string_view method, boost::json::object parameters, bool more) {
    wire::VarlinkCall call;
    call.method = std::string(wire::control_interface_name) + "." + std::string(method);
    call.parameters = std::move(parameters);
    call.more = more;
    return call;
}

Result<wire::VarlinkReply> ask(const Service& service, const wire::VarlinkCall& call,
                               const Patience& patience, const std::function<void()>& slow) {
    Line line(service, {patience.first, patience.first});
    const Instant deadline = os::now() + quick_answer;
    Instant until = slow ? os::now() + slow_answer : deadline;
    for (;;) {
        auto reply = line.next([&] { return call; }, until);
        if (!reply && reply.error().code == ETIMEDOUT && until < deadline) {
            slow();
            until = deadline;
        } else if (reply || reply.error().code != ECONNRESET) {
            return reply;
        }
    }
}

Result<StatusAnswer> ask_status(const Service& service, const Patience& patience,
                                const std::function<void()>& slow, bool closely) {
    boost::json::object parameters;
    if (closely)
        parameters = {{"connections", true}, {"usage", true}};
    auto reply = ask(service, make_call("Status", std::move(parameters), false), patience, slow);
    if (!reply)
        return reply.error();
    // An older supervisor does not know the word.
    if (closely && reply->error == "org.varlink.service.InvalidParameter")
        return ask_status(service, patience, slow);
    return read_status(std::move(*reply), service);
}

Result<StatusAnswer> read_status(wire::VarlinkReply reply, const Service& service) {
    if (!reply.error.empty())
        return Error{"the supervisor of " + service.name + " answered " + reply.error, EPROTO};
    auto status = wire::from_json<wire::ServiceStatus>(reply.parameters);
    if (!status)
        return Error{"the status of " + service.name +
                         " is not understood: " + status.error().message +
                         "; svc and its supervisor are of releases that "
                         "are too far apart",
                     EPROTO};
    return StatusAnswer{std::move(reply.parameters), std::move(*status)};
}

int fail(const Error& error, const Console& console) {
    console.err("svc: " + safe(error.message) + '\n');
    switch (error.code) {
    case ENOENT:
    case ECONNREFUSED:
    case ECONNRESET:
    case ESRCH:
        return exit_no_supervisor;
    case EACCES:
    case EPERM:
        return exit_not_allowed;
    case ETIMEDOUT:
    case EAGAIN:
        return exit_timed_out;
    case ENOTUNIQ:
        return exit_usage;
    }
    return exit_failed;
}

int fail(const wire::VarlinkReply& reply, const Service& service, const Options& options,
         const Console& console) {
    if (options.json)
        print_json({{"error", reply.error}, {"parameters", reply.parameters}}, console);
    const auto refusal = wire::from_json<wire::Refusal>(reply.parameters);
    std::string text = refusal ? safe(refusal->message) : "";
    if (text.empty())
        text = "the supervisor answered " + safe(reply.error) +
               "; is svc of the same release as its svcd?";
    console.err("svc: " + service.name + ": " + text + '\n');
    if (refusal)
        for (const auto& mistake : refusal->mistakes)
            console.err(safe(mistake) + '\n');
    if (reply.error == wire::control_error::not_permitted)
        return exit_not_allowed;
    if (reply.error == wire::control_error::service_file) {
        console.err("Nothing was changed: the old revision serves on.\n");
        return exit_service_file;
    }
    return exit_failed;
}

void print_json(const boost::json::value& value, const Console& console) {
    const std::string text = boost::json::serialize(value);
    // JSON escapes what a terminal would act on but for DEL and the controls above 0x80.
    console.out((console.terminal.interactive ? safe(text) : text) + '\n');
}

} // namespace svc::cli
