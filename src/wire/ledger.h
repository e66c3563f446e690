// The ledger: what the mechanism knows besides the State, as values, for the supervisor that comes after
// this one. The fds that belong to it are in the fd store, under the names that stand here.
#pragma once

#include "base/address.h"
#include "base/listener_options.h"
#include "rollout/event.h"
#include "rollout/state.h"
#include "wire/metric_totals.h"

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace svc::wire {

/// One listener that is open. Not of those that systemd passes at every start, nor of a worker's own.
struct ListenerRecord {
    std::string identity; ///< what the table knows it by
    std::string name;     ///< of the newest service file that had it
    Address address;
    ListenerOptions options;              ///< the live ones as they should be now
    std::vector<std::string> sockets;     ///< names in the fd store
    rollout::RevisionNumber revision = 0; ///< that alone has it; 0: every one
    std::string group;                    ///< of a revision's: the listener's own identity
    bool used = false;                    ///< of a revision's: a worker of it was started
    std::uint32_t place = 0;              ///< of a revision's: in the kernel's group, from 0
    std::string link_path;                ///< private hard link of a unix path; empty: none
    std::string problem;                  ///< damage that could not be repaired; it was told

    bool operator==(const ListenerRecord&) const = default;
};
BOOST_DESCRIBE_STRUCT(ListenerRecord, (),
                      (identity, name, address, options, sockets, revision, group, used, place,
                       link_path, problem))

/// A worker's own listener: only the worker has the socket.
struct PrivateListenerRecord {
    std::string name;
    Address address;       ///< where it is bound
    std::string link_path; ///< private hard link of a unix path; empty: none

    bool operator==(const PrivateListenerRecord&) const = default;
};
BOOST_DESCRIBE_STRUCT(PrivateListenerRecord, (), (name, address, link_path))

/// A worker's processes, from their spawn on.
struct WorkerRecord {
    rollout::RevisionNumber revision = 0; ///< whose hooks and probes it has
    std::string launched_for;
    rollout::RevisionNumber old_revision = 0;
    rollout::Retirement retired = rollout::Retirement::none; ///< as its hooks were told
    rollout::Pid leader = 0; ///< of its process group: what svc-launch became
    rollout::Pid main = 0;   ///< the same, unless a MAINPID= named another one
    bool leader_reaped = false;
    bool by_path = true;
    bool killed = false;      ///< by us
    bool said_ready = false;  ///< READY=1
    bool captured = false;    ///< its output is a pipe whose read end is in the store
    bool ready_fd = false;    ///< so is our end of its notification fd
    bool heard_ready = false; ///< on it
    std::vector<PrivateListenerRecord> listeners;
    std::string journal_identifier; ///< its output is a stream of the journal's; empty: it is not

    bool operator==(const WorkerRecord&) const = default;
};
BOOST_DESCRIBE_STRUCT(WorkerRecord, (),
                      (revision, launched_for, old_revision, retired, leader, main, leader_reaped,
                       by_path, killed, said_ready, captured, ready_fd, listeners,
                       journal_identifier, heard_ready))

/// What a request came to whose caller gave it a name: one that is sent again, because nobody answered, is the
/// same one.
struct RequestRecord {
    std::string token;
    rollout::RevisionNumber revision = 0; ///< that it made, or took back
    bool taken_back = false;
    std::optional<std::uint32_t> replicas; ///< only this number changed

    bool operator==(const RequestRecord&) const = default;
};
BOOST_DESCRIBE_STRUCT(RequestRecord, (), (token, revision, taken_back, replicas))

/// A `failed` hook that is due or runs. With the revision itself: the state may have dropped it by then.
struct FailureRecord {
    rollout::Revision revision;
    rollout::RevisionNumber from = 0; ///< what it is compared with
    std::string reason;

    bool operator==(const FailureRecord&) const = default;
};
BOOST_DESCRIBE_STRUCT(FailureRecord, (), (revision, from, reason))

struct Ledger {
    /// Of supervisors that took over one from the other: the first is 1.
    std::uint64_t generation = 1;
    /// Why the program that the last upgrade went over to could not go on; empty: it did.
    std::string upgrade_problem;
    std::map<std::uint64_t, RequestRecord> requests; ///< the newest ones, in their order
    std::vector<ListenerRecord> listeners;
    std::map<rollout::WorkerId, WorkerRecord> workers;
    /// The newest ones, by their numbers: streams go on where they were.
    std::map<std::uint64_t, rollout::Event> events;
    std::optional<FailureRecord> failure; ///< to be told at least once
    std::optional<MetricTotals> metrics;  ///< go on counting; none: of a supervisor that had none

    bool operator==(const Ledger&) const = default;
};
BOOST_DESCRIBE_STRUCT(Ledger, (),
                      (generation, upgrade_problem, requests, listeners, workers, events, failure,
                       metrics))

} // namespace svc::wire
