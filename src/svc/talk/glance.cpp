#include "svc/talk/glance.h"

#include "os/clock.h"

#include <cerrno>

namespace svc::cli {

Result<Glance> Glance::ask(const Service& service, const wire::VarlinkCall& call) {
    auto client = Client::connect_at_once(service.control, service.name);
    if (!client)
        return client.error();
    if (auto sent = client->send(call, os::now()); !sent)
        return sent.error();
    return Glance(std::move(*client));
}

std::optional<Result<wire::VarlinkReply>> Glance::take() {
    auto reply = client_.receive(os::now());
    if (!reply && reply.error().code == ETIMEDOUT)
        return std::nullopt;
    return reply;
}

} // namespace svc::cli
