// A blocking Varlink client with deadlines.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"
#include "wire/varlink.h"

#include <optional>
#include <string>

namespace svc::cli {

/// One connection, one call at a time: send(), then receive() until a reply without `continues`.
///
/// Every error has a code that says what to do about it:
///   ENOENT, ECONNREFUSED   no supervisor        EACCES, EPERM   not allowed to reach it
///   ETIMEDOUT              no answer in time    EINTR           `interrupt` became readable
///   EAGAIN                 it takes no connections
///   ECONNRESET             it hung up           EPROTO          what it said is no Varlink
///   ESRCH                  it has died, and we are the reload of its own unit
class Client {
public:
    /// `interrupt`: a fd that ends every wait when it becomes readable; -1: none. It stays the
    /// caller's.
    static Result<Client> connect(const std::string& path, const std::string& service,
                                  int interrupt = -1);
    /// As connect(), which waits some seconds while the supervisor takes no connections: this one does not.
    static Result<Client> connect_at_once(const std::string& path, const std::string& service);

    Result<void> send(const wire::VarlinkCall& call, std::optional<Instant> deadline);
    /// ETIMEDOUT once `deadline` passed; a reply that is there already is given all the same.
    Result<wire::VarlinkReply> receive(std::optional<Instant> deadline);
    /// Readable when something came, or it hung up.
    [[nodiscard]] int fd() const { return socket_.get(); }

private:
    static Result<Client> connect(const std::string& path, const std::string& service,
                                  int interrupt, bool at_once);

    Client(UniqueFd socket, std::string service, int interrupt, UniqueFd supervisor)
        : socket_(std::move(socket)), service_(std::move(service)), interrupt_(interrupt),
          supervisor_(std::move(supervisor)) {}
    Result<void> wait_for(short events, std::optional<Instant> deadline);
    [[nodiscard]] Error hung_up() const;

    UniqueFd socket_;
    std::string service_;
    int interrupt_;
    UniqueFd supervisor_; ///< watch_own_supervisor(); mostly empty
    wire::MessageBuffer buffer_{wire::varlink_reply_limit};
};

} // namespace svc::cli
