#include "svcd/host/watching/notify_rules.h"

#include "os/process.h"

namespace svc::daemon {

namespace {

constexpr int generations_limit = 64; // /proc is read while processes come and go: never a loop

bool in_group(const WorkerIdentity& worker, pid_t group) {
    return group == worker.leader || group == os::process_group_of(worker.main);
}

} // namespace

bool may_notify(rollout::NotifyAccess access, const WorkerIdentity& worker, pid_t sender,
                uid_t sender_uid) {
    switch (access) {
    case rollout::NotifyAccess::all:
        return true;
    case rollout::NotifyAccess::main:
        return sender == worker.main;
    case rollout::NotifyAccess::group: {
        if (sender == worker.main)
            return true;
        const auto group = sender > 0 ? os::process_group_of(sender) : std::nullopt;
        return group ? in_group(worker, *group) : sender_uid == worker.uid;
    }
    }
    return false;
}

bool may_become_main(const WorkerIdentity& worker, pid_t candidate) {
    if (candidate <= 1)
        return false;
    const auto group = os::process_group_of(candidate);
    if (!group)
        return false;
    if (in_group(worker, *group))
        return true;
    pid_t ancestor = candidate;
    for (int generation = 0; generation < generations_limit; ++generation) {
        const auto parent = os::parent_of(ancestor);
        if (!parent || *parent <= 1)
            return false;
        if (*parent == worker.main)
            return true;
        ancestor = *parent;
    }
    return false;
}

bool is_of_worker(const WorkerIdentity& worker, pid_t process) {
    if (process <= 1)
        return false;
    // As long as there is a member of its group, the number of the leader is nobody else's, even
    // after it was reaped.
    return process == worker.leader || process == worker.main || may_become_main(worker, process);
}

} // namespace svc::daemon
