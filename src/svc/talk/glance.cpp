#include "svc/talk/glance.h"

#include "os/clock.h"

#include <boost/json/value.hpp>

#include <cerrno>

namespace svc::cli {

Result<Glance> Glance::ask(const Service& service) {
    auto client = Client::connect_at_once(service.control, service.name);
    if (!client)
        return client.error();
    auto call = make_call("Status", {{"connections", true}, {"usage", true}}, false);
    if (auto sent = client->send(call, os::now()); !sent)
        return sent.error();
    return Glance(service, std::move(*client));
}

std::optional<Result<StatusAnswer>> Glance::take() {
    auto reply = client_.receive(os::now());
    if (!reply && reply.error().code == ETIMEDOUT)
        return std::nullopt;
    if (!reply)
        return reply.error();
    return read_status(std::move(*reply), service_);
}

} // namespace svc::cli
