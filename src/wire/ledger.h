// The ledger: what the mechanism knows besides the State, as values, for the supervisor that comes after
// this one. The fds that belong to it are in the fd store, under the names that stand here.
#pragma once

#include "base/address.h"
#include "base/listener_options.h"
#include "rollout/state.h"

#include <boost/describe/class.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace svc::wire {

/// One listener that is open. Not of those that systemd passes at every start, nor of a worker's own.
struct ListenerRecord {
    std::string identity; ///< what the table knows it by
    std::string name;     ///< of the newest service file that had it
    Address address;
    ListenerOptions options; ///< the live ones as they should be now
    std::vector<std::string> sockets; ///< names in the fd store
    rollout::RevisionNumber revision = 0; ///< that alone has it; 0: every one
    std::string group;                    ///< of a revision's: the listener's own identity
    bool used = false;                    ///< of a revision's: a worker of it was started
    std::string link_path;                ///< private hard link of a unix path; empty: none
    std::string problem;                  ///< damage that could not be repaired; it was told

    bool operator==(const ListenerRecord&) const = default;
};
BOOST_DESCRIBE_STRUCT(ListenerRecord, (),
                      (identity, name, address, options, sockets, revision, group, used, link_path,
                       problem))

} // namespace svc::wire
