// All of a worker: its cgroup, if it has one, and its process group.
#include "svcd/host/worker_process.h"

#include <csignal>

namespace svc::daemon {

Result<void> WorkerProcess::make_cgroup(LaunchParcel& parcel, WorkerPlace& place) {
    if (!context_.cgroups.present())
        return {};
    auto made = context_.cgroups.make(identity_.name, identity_.revision->spec.limits);
    if (!made)
        return made.error();
    cgroup_ = std::move(*made);
    auto door = cgroup_->door();
    if (!door)
        return door.error();
    place.cgroup_index = static_cast<int>(parcel.fds.size());
    parcel.fds.push_back(door->get());
    parcel.owned.push_back(std::move(*door));
    return {};
}

os::ProcessSet WorkerProcess::process_set() const {
    os::ProcessSet set{.members = {}, .roots = processes()};
    if (cgroup_)
        for (const auto& process : cgroup_->processes())
            set.members.push_back(process.pid);
    return set;
}

/// An error is one of the main process, with which the worker ends.
Result<void> WorkerProcess::end_group() {
    if (cgroup_) {
        if (const auto killed = cgroup_->kill(); !killed)
            warn(killed.error().message);
    }
    // Beside that: a launcher may not have entered it yet.
    // Before Linux 6.9 a process group is reached by its number, which is the worker's as long as its
    // leader is not reaped or its main process, not reaped either, is a member.
    const auto group_of_main = os::process_group_of(main_);
    Result<void> sent;
    if (leader_is_ != Leader::reaped || group_of_main == leader_)
        sent = os::kill_group(leader_pidfd_.get(), leader_, group_of_main == leader_);
    if (leader_is_ == Leader::main)
        return sent;
    if (!sent)
        warn(sent.error().message);
    return group_of_main == main_ ? os::kill_group(main_pidfd(), main_)
                                  : os::send_signal(main_pidfd(), SIGKILL);
}

/// Its main process has ended, or nobody is left who could wait for it.
void WorkerProcess::end_what_is_left() {
    tell_what_is_left();
    if (const auto ended = end_group(); !ended)
        warn(ended.error().message);
}

/// What nobody ends but us is not silently ended: a server that daemonises a part of itself would wonder.
void WorkerProcess::tell_what_is_left() const {
    if (!cgroup_ || killed_ || stage_ != Stage::running)
        return;
    auto left = cgroup_->processes();
    std::erase_if(left, [this](const auto& process) { return process.pid == main_; });
    if (!left.empty())
        warn(std::to_string(left.size()) +
             (left.size() == 1 ? " process outlives" : " processes outlive") +
             " its main process, killed: " + name_processes(left));
}

/// A SIGKILL of the kernel's for memory looks like anybody's. What is certain is said to be the reason; else
/// no more than what was counted.
void WorkerProcess::judge_memory(rollout::ExitStatus& status, pid_t ended) const {
    if (killed_ || status.kind != rollout::ExitStatus::Kind::signal || status.value != SIGKILL)
        return;
    const auto why = cgroup_ ? cgroup_->out_of_memory() : std::nullopt;
    status.out_of_memory = why.has_value();
    status.detail = why ? *why : tell_memory_kills(ended);
}

std::string WorkerProcess::tell_memory_kills(pid_t ended) const {
    const auto counted = cgroup_ ? cgroup_->memory_kills() : os::oom_kills_of(ended);
    const auto before =
        cgroup_ ? 0 : memory_kills_before_; // it has been its own from the first day
    if (!counted || !before || *counted <= *before)
        return {};
    const auto kills = *counted - *before;
    return "since its start the kernel killed " + std::to_string(kills) +
           (kills == 1 ? " process" : " processes") + " for memory in its cgroup" +
           (cgroup_ ? "" : ", which is not its alone");
}

} // namespace svc::daemon
