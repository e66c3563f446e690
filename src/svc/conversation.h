// What the verbs that talk to a supervisor have in common.
#pragma once

#include "svc/client.h"
#include "svc/services.h"
#include "svc/verbs.h"
#include "wire/control.h"

namespace svc::cli {

/// A supervisor that is well answers at once what needs no work.
inline constexpr Duration quick_answer = std::chrono::seconds(10);

wire::VarlinkCall make_call(std::string_view method, boost::json::object parameters, bool more);

/// The supervisor's Status, as it came and as a struct.
struct StatusAnswer {
    boost::json::object json;
    wire::ServiceStatus status;
};
Result<StatusAnswer> ask_status(const Service& service);

/// Says what an error reply means and returns the exit status.
int fail(const wire::VarlinkReply& reply, const Service& service, const Options& options,
         const Console& console);

/// One line of JSON for a program.
void print_json(const boost::json::value& value, const Console& console);

} // namespace svc::cli
