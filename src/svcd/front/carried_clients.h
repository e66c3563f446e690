// Clients of the control socket whose connections outlive the program that they were opened to.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "svcd/front/handover.h"
#include "svcd/host/survival/fd_store.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace svc::daemon {

/// When another program goes on in this process (daemon_upgrade.cpp), an exec keeps the clients' sockets, and
/// what is known of a client besides is two strings. What the next program finds looks to it as if it had just
/// come: it needs to know nothing of the one before.
struct Unfinished {
    std::string calls;   ///< what goes on with the call under way, then what was read and not begun
    std::string replies; ///< what was not written yet
    bool operator==(const Unfinished&) const = default;
};

/// "svc-clients 1", then for each client a line with its two lengths, and the strings. Pure.
std::string encode_clients(const std::vector<Unfinished>& clients);
/// Bounded, and all of `text` has to be right.
Result<std::vector<Unfinished>> decode_clients(std::string_view text);

/// Each with its connection, which stays the caller's. Adds to `fds` what is to be handed over; the file that is
/// returned is among it. An error: these clients end with this program.
Result<UniqueFd> hand_over_clients(const std::vector<std::pair<int, Unfinished>>& clients,
                                   NamedFds& fds);
/// Those that the program before us handed over; an error if what it says of them is wrong.
Result<std::vector<std::pair<UniqueFd, Unfinished>>> take_clients(KeptFds& kept);

} // namespace svc::daemon
