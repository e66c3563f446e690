// One question to a supervisor that is not waited for.
#pragma once

#include "svc/talk/client.h"
#include "svc/talk/conversation.h"

#include <optional>

namespace svc::cli {

/// A call with one reply, on a connection of its own: a supervisor that hangs holds up nobody.
class Glance {
public:
    static Result<Glance> ask(const Service& service, const wire::VarlinkCall& call);
    /// Readable when something of the answer came, or the supervisor hung up.
    [[nodiscard]] int fd() const { return client_.fd(); }
    /// The answer, or why there is none; nullopt: it is not whole yet.
    std::optional<Result<wire::VarlinkReply>> take();

private:
    explicit Glance(Client client) : client_(std::move(client)) {}
    Client client_;
};

} // namespace svc::cli
