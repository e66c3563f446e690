// One look at a service that is not waited for.
#pragma once

#include "svc/talk/client.h"
#include "svc/talk/conversation.h"

#include <optional>

namespace svc::cli {

/// A Status that was asked for, on a connection of its own: a supervisor that hangs holds up nobody.
class Glance {
public:
    static Result<Glance> ask(const Service& service);
    /// Readable when something of the answer came, or the supervisor hung up.
    [[nodiscard]] int fd() const { return client_.fd(); }
    /// The answer, or why there is none; nullopt: it is not whole yet.
    std::optional<Result<StatusAnswer>> take();

private:
    Glance(const Service& service, Client client) : service_(service), client_(std::move(client)) {}
    Service service_;
    Client client_;
};

} // namespace svc::cli
