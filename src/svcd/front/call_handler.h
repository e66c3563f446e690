// The seam between the control server, which knows sockets, and the methods, which know the
// service.
#pragma once

#include "svcd/front/peer.h"
#include "svcd/front/wakeup.h"
#include "wire/varlink.h"

#include <boost/asio/awaitable.hpp>

#include <functional>

namespace svc::daemon {

/// The client whose call is being handled. It may vanish at any moment; that changes nothing but
/// that replies go nowhere from then on.
class Caller {
public:
    virtual ~Caller() = default;
    [[nodiscard]] virtual const Peer& peer() const = 0;
    [[nodiscard]] virtual bool may_change() const = 0;
    /// Queues a reply; never blocks. Dropped if the client is gone or said `oneway`.
    virtual void reply(const wire::VarlinkReply& reply) = 0;
    [[nodiscard]] virtual bool gone() const = 0;
    /// Notified when the client vanishes or its queue empties; a handler that waits for the
    /// service subscribes it to the events too.
    virtual Wakeup& wakeup() = 0;
    /// True: enough is queued for this client; a stream of replies waits on wakeup().
    [[nodiscard]] virtual bool backed_up() const = 0;
    /// What a call that waits would have to be, now, for another program to go on with it when this one is
    /// upgraded; nullopt: nothing is waited for yet. It is asked until the call's handler ends. A call that
    /// gives none ends with its connection.
    using Continuation = std::function<std::optional<wire::VarlinkCall>()>;
    virtual void goes_on_as(Continuation) {}
};

class CallHandler {
public:
    virtual ~CallHandler() = default;
    /// Handles one call: any number of replies that continue and one that does not. The next call
    /// of the same client is handled when this has ended.
    virtual boost::asio::awaitable<void> handle(const wire::VarlinkCall& call, Caller& caller) = 0;
};

} // namespace svc::daemon
