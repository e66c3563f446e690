#include "svcd/front/introspection.h"

#include "svcd/front/version.h"
#include "wire/control.h"

#include <boost/json/array.hpp>

namespace svc::daemon {

namespace {

constexpr std::string_view service_interface = R"(# What every Varlink service says about itself
interface org.varlink.service

# Who made the service and which interfaces it has
method GetInfo() -> (
  vendor: string,
  product: string,
  version: string,
  url: string,
  interfaces: []string
)

# The description of one interface
method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)
error MethodNotFound (method: string)
error MethodNotImplemented (method: string)
error InvalidParameter (parameter: string)
error PermissionDenied ()
error ExpectedMore ()
)";

void reply_error(Caller& caller, std::string_view name, std::string_view key,
                 std::string_view value) {
    wire::VarlinkReply reply;
    reply.error = std::string(service_interface_name) + "." + std::string(name);
    if (!key.empty())
        reply.parameters[key] = value;
    caller.reply(reply);
}

void get_info(Caller& caller) {
    wire::VarlinkReply reply;
    reply.parameters["vendor"] = "svc";
    reply.parameters["product"] = "svcd";
    reply.parameters["version"] = program_version;
    reply.parameters["url"] = "man:svcd(8)";
    reply.parameters["interfaces"] =
        boost::json::array{service_interface_name, wire::control_interface_name};
    caller.reply(reply);
}

void get_interface_description(const wire::VarlinkCall& call, Caller& caller) {
    const auto* wanted = call.parameters.if_contains("interface");
    if (wanted == nullptr || !wanted->is_string()) {
        reply_invalid_parameter(caller, "interface");
        return;
    }
    const std::string_view name(wanted->get_string());
    wire::VarlinkReply reply;
    if (name == service_interface_name)
        reply.parameters["description"] = service_interface;
    else if (name == wire::control_interface_name)
        reply.parameters["description"] = wire::control_interface;
    else {
        reply_interface_not_found(caller, name);
        return;
    }
    caller.reply(reply);
}

} // namespace

void answer_introspection(const wire::VarlinkCall& call, Caller& caller) {
    const std::string_view method =
        std::string_view(call.method).substr(service_interface_name.size() + 1);
    if (method == "GetInfo")
        get_info(caller);
    else if (method == "GetInterfaceDescription")
        get_interface_description(call, caller);
    else
        reply_method_not_found(caller, call.method);
}

void reply_interface_not_found(Caller& caller, std::string_view interface) {
    reply_error(caller, "InterfaceNotFound", "interface", interface);
}
void reply_method_not_found(Caller& caller, std::string_view method) {
    reply_error(caller, "MethodNotFound", "method", method);
}
void reply_invalid_parameter(Caller& caller, std::string_view parameter) {
    reply_error(caller, "InvalidParameter", "parameter", parameter);
}
void reply_expected_more(Caller& caller) {
    reply_error(caller, "ExpectedMore", {}, {});
}

} // namespace svc::daemon
