// KeptSockets: listening sockets that an earlier supervisor left in the fd store.
#pragma once

#include "base/address.h"
#include "base/listener_options.h"
#include "rollout/spec.h"
#include "svcd/host/survival/fd_store.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace svc::daemon {

/// Of "svc.listener.3" (kept_names.h); 0 for what is no such name.
std::uint64_t listener_number(std::string_view name);
/// Of "3"; 0 for what is no number that we would have given.
std::uint64_t given_number(std::string_view text);

/// Three ways lead out: one is restored because a record tells of it, adopted because the service file wants
/// its address (a cold start: no record could be read), or closed.
///
/// What can never happen: one that is closed here goes on to take connections, for as long as the store
/// still has it, which nobody would accept.
class KeptSockets {
public:
    explicit KeptSockets(FdStore& store) : store_(store) {}

    /// All that there are. Returns the highest number.
    std::uint64_t take(KeptFds& kept);

    struct Socket {
        UniqueFd fd;
        std::optional<Address> bound; ///< nullopt: it is no socket that we understand
        bool adopted = false;
    };
    /// Empty: there is none of that number.
    [[nodiscard]] Socket extract(std::uint64_t number);
    void give_back(std::uint64_t number, Socket socket);

    /// A second fd of the newest one that is bound to `address` and undamaged, with `options` set as they
    /// are at a reload. The first fd stays until close_all(). Port 0 is nobody's.
    [[nodiscard]] UniqueFd adopt(const Address& address, const ListenerOptions& options);
    /// Closes what keeps a new socket of `spec` from its address. Those of one revision are never adopted:
    /// nobody knows any more in which order the kernel has them.
    void make_way(const rollout::Spec& spec);
    /// Those that were adopted stay open where they were adopted. Texts for the others, "127.0.0.1:80".
    std::vector<std::string> close_all();

    [[nodiscard]] const std::map<std::uint64_t, Socket>& all() const { return sockets_; }

private:
    void close(std::uint64_t number, Socket& socket);

    FdStore& store_;
    std::map<std::uint64_t, Socket> sockets_;
};

} // namespace svc::daemon
