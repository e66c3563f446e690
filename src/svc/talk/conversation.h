// What the verbs that talk to a supervisor have in common.
#pragma once

#include "svc/options/options.h"
#include "svc/talk/console.h"
#include "svc/talk/line.h"
#include "svc/talk/services.h"
#include "wire/control.h"

namespace svc::cli {

/// A supervisor that is well answers at once what needs no work.
inline constexpr Duration quick_answer = std::chrono::seconds(10);

/// The service that the options name, or the only one.
Result<Service> choose_service(const Options& options, const Console& console);

wire::VarlinkCall make_call(std::string_view method, boost::json::object parameters, bool more);

/// The supervisor's Status, as it came and as a struct.
struct StatusAnswer {
    boost::json::object json;
    wire::ServiceStatus status;
};
Result<StatusAnswer> read_status(wire::VarlinkReply reply, const Service& service);
/// Waits for a supervisor that is not there yet for as long as `patience.first`. `slow`: as ask()'s. `closely`:
/// with what is found by looking for it: connections, memory.
Result<StatusAnswer> ask_status(const Service& service, const Patience& patience,
                                const std::function<void()>& slow = {}, bool closely = false);

/// A call that changes nothing and is answered at once: asked again if the supervisor dies over it. `slow` is called
/// once if it takes a second: the socket is there (the store of fds keeps it), and nobody answers on it yet.
Result<wire::VarlinkReply> ask(const Service& service, const wire::VarlinkCall& call,
                               const Patience& patience, const std::function<void()>& slow = {});

/// Says what an error reply means and returns the exit status.
int fail(const wire::VarlinkReply& reply, const Service& service, const Options& options,
         const Console& console);

/// One line of JSON for a program.
void print_json(const boost::json::value& value, const Console& console);

} // namespace svc::cli
