// What the ListenerTable holds of one listener.
#pragma once

#include "base/listener_options.h"
#include "base/unique_fd.h"
#include "os/listener_socket.h"
#include "rollout/revision.h"
#include "wire/control.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace svc::daemon {

/// A socket that systemd passed, held from our start to our end.
struct Inherited {
    UniqueFd socket;
    /// As its unit has it, and to be put back once nothing else is asked for; see os::backlog_of().
    std::optional<std::uint32_t> backlog;
};

/// One listener that is open.
struct ListenerEntry {
    std::uint64_t key = 0; // in the HangupWatch
    std::string name;      // of the newest service file that had it
    Address address;
    ListenerOptions options; // the live ones as they should be now
    std::vector<UniqueFd> sockets;
    std::vector<std::uint64_t> stored;       // of each of `sockets` its number in the fd store
    bool recorded = false;                   // a ledger that names those may have been written
    bool adopted = false;                    // an earlier supervisor opened it
    std::vector<const Inherited*> inherited; // in place of `sockets`; never closed
    rollout::RevisionNumber revision = 0;    // that alone has it; 0: every one
    std::string group;                       // of a revision's: the listener's own identity
    std::string link_path;                   // private hard link of a unix path; empty: none
    std::string problem;                     // damage that could not be repaired; it was told

    [[nodiscard]] std::vector<int> fds() const;
    /// Calls `with` for each socket and the options that it should have now.
    void each(auto&& with) const {
        for (const Inherited* one : inherited) {
            ListenerOptions wished = options;
            if (!wished.backlog)
                wished.backlog = one->backlog;
            with(one->socket.get(), wished);
        }
        for (const auto& socket : sockets)
            with(socket.get(), options);
    }
    /// 0: it has none, being a datagram socket, or nobody knows.
    [[nodiscard]] std::uint32_t backlog() const;
};

/// By FileDescriptorName.
using InheritedByName = std::map<std::string, std::vector<Inherited>>;
/// What systemd passed to us, before anything was done with it.
InheritedByName inherit(std::map<std::string, std::vector<UniqueFd>> passed);

/// Where it is bound: a port of 0 is the port that it got.
Address bound_address_of(const ListenerEntry& entry);

/// What waits and what was dropped at all of its sockets.
void show_load(const ListenerEntry& entry, wire::ListenerStatus& status);

/// Those of one worker only are opened with it (PrivateListeners) and are none of the table's.
bool is_held_here(const rollout::ListenerSpec& listener);
/// Each revision has a socket of its own.
bool is_of_revision(const rollout::ListenerSpec& listener);
/// What the table knows the listener of a revision by.
std::string identity_of(const rollout::ListenerSpec& listener, rollout::RevisionNumber revision);
/// Why a listener cannot be opened: the port is held by `holder`.
Error held_by_our_own(const rollout::ListenerSpec& wanted, const ListenerEntry& holder);

/// "a worker shut it down; it listens again"
std::string damage_text(const os::Damage& damage);

} // namespace svc::daemon
