// How a worker is told which of its fds are its listening sockets: each protocol in its own words. Pure.
#pragma once

#include "base/address.h"
#include "rollout/revision.h"

#include <map>
#include <string>
#include <vector>

namespace svc::daemon {

/// A socket among those that a worker gets from fd 3 on, in that order.
struct PassedSocket {
    std::string name; ///< the listener's
    Address address;  ///< what it is bound to: a port that the kernel chose is in it
    bool operator==(const PassedSocket&) const = default;
};
inline constexpr int first_passed_fd = 3; ///< sd_listen_fds(3), SD_LISTEN_FDS_START

/// Sets each protocol's variables, in place of what the service file may say of them.
void announce_sockets(const std::vector<rollout::SocketProtocol>& protocols,
                      const std::vector<PassedSocket>& sockets, rollout::RevisionNumber revision,
                      std::map<std::string, std::string>& environment);

/// `text` with each {fd:NAME} replaced by the number of that listener's (first) fd. A name that no listener
/// has stays as it is: the service file's check has refused it.
std::string insert_fds(const std::string& text, const std::vector<PassedSocket>& sockets);

} // namespace svc::daemon
