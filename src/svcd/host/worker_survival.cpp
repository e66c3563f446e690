// How a worker outlives the supervisor that started it, and what the next one makes of it.
#include "svcd/host/worker_process.h"

#include "svcd/host/children/child_process.h"
#include "svcd/host/survival/kept_names.h"

#include <array>

namespace svc::daemon {

namespace {

constexpr std::array worker_fds = {"pidfd", "main", "notify", "output", "ready", "journal"};
constexpr auto exit_status_interval = std::chrono::milliseconds(5);

} // namespace

/// As it is now, for the next supervisor.
void WorkerProcess::note() {
    if (leader_ == 0)
        return;
    wire::WorkerRecord& record = context_.ledger.workers[identity_.id];
    record.revision = identity_.revision->number;
    record.launched_for = identity_.launched_for;
    record.old_revision = identity_.old_revision;
    record.retired = retired_;
    record.leader = leader_;
    record.main = main_;
    record.leader_reaped = leader_is_ == Leader::reaped;
    record.by_path = by_path_;
    record.killed = killed_;
    record.said_ready = said_ready_;
    output_.note(record);
    record.ready_fd = watch_.ready_fd() >= 0;
    record.heard_ready = watch_.heard_ready();
    record.listeners = listeners_.records();
}

std::vector<std::pair<std::string, int>> WorkerProcess::kept_fds() const {
    const std::array all = {
        std::pair("pidfd", leader_pidfd_.get()), std::pair("main", successor_pidfd_.get()),
        std::pair("notify", notify_ ? notify_->fd() : -1), std::pair("ready", watch_.ready_fd())};
    std::vector<std::pair<std::string, int>> kept;
    for (const auto& [what, fd] : all)
        if (fd >= 0)
            kept.emplace_back(kept_name(identity_.id, what), fd);
    for (const auto& [what, fd] : output_.fds())
        if (fd >= 0)
            kept.emplace_back(kept_name(identity_.id, what), fd);
    return kept;
}

void WorkerProcess::keep() {
    for (const auto& [name, fd] : kept_fds())
        context_.store.put(name, fd);
    kept_fds_ = true;
    note();
}

/// They are in the store already.
void WorkerProcess::hold() {
    for (const auto& [name, fd] : kept_fds())
        context_.store.hold(name, fd);
}

void WorkerProcess::let_go() {
    if (!std::exchange(kept_fds_, false))
        return;
    for (const char* what : worker_fds)
        context_.store.release(kept_name(identity_.id, what));
}

WorkerProcess::Found WorkerProcess::take_over(const wire::WorkerRecord& left, KeptFds& kept) {
    identity_.launched_for = left.launched_for;
    identity_.old_revision = left.old_revision;
    retired_ = left.retired;
    by_path_ = left.by_path;
    killed_ = left.killed;
    said_ready_ = left.said_ready;
    leader_ = left.leader;
    main_ = left.main;
    kept_fds_ = true;
    cgroup_ = context_.cgroups.find(identity_.name, identity_.revision->spec.limits);
    listeners_.take_over(left.listeners);
    leader_pidfd_ = kept.take(kept_name(identity_.id, "pidfd"));
    successor_pidfd_ = kept.take(kept_name(identity_.id, "main"));
    if (left.main != left.leader)
        leader_is_ = left.leader_reaped ? Leader::reaped : Leader::handed_over;
    UniqueFd notify = kept.take(kept_name(identity_.id, "notify"));
    UniqueFd output = kept.take(kept_name(identity_.id, "output"));
    UniqueFd journal = kept.take(kept_name(identity_.id, "journal"));
    if (const auto taken = output_.take_over(std::move(output), std::move(journal),
                                             *identity_.revision, identity_.replica, left);
        !taken)
        warn(taken.error().message);
    if (UniqueFd ready = kept.take(kept_name(identity_.id, "ready"))) {
        const rollout::ReadyOn on = identity_.revision->spec.ready.on;
        if (const auto taken = watch_.take_ready_fd(std::move(ready), on, left.heard_ready); !taken)
            warn(taken.error().message);
    }
    if (main_pidfd() < 0 || os::has_ended(main_pidfd()))
        return take_over_ended();
    stage_ = Stage::running;
    const std::string path = context_.notify_directory() + "/" + identity_.name;
    if (const auto opened = open_notify_socket(path, std::move(notify)); !opened)
        warn(opened.error().message);
    // After an upgrade it is our child still; after a death it is somebody else's, or became ours because
    // we are that somebody (a container's init).
    context_.children.expect(main_, [this](const os::Ended& ended) { handle_exit(ended); });
    if (const auto watching = watch_main(); !watching)
        warn(watching.error().message);
    hold();
    note();
    return Found{.running = true};
}

WorkerProcess::Found WorkerProcess::take_over_ended() {
    Found found;
    if (main_pidfd() < 0) {
        if (leader_pidfd_)
            static_cast<void>(os::kill_group(leader_pidfd_.get(), leader_));
        // It may run still, as nobody's: its group is for Leftovers, not one that is about to be empty.
        cgroup_.reset();
    }
    if (main_pidfd() >= 0) {
        stage_ = Stage::running; // until now
        end_what_is_left();
        if (const auto exit = os::exit_of(main_pidfd()); exit && *exit) {
            found.status = exit_status_of(**exit);
            judge_memory(found.status, main_);
        }
    }
    output_.drain();
    found.last_output = output_.lines();
    exit_ = found.status;
    close();
    return found;
}

void WorkerProcess::read_waiting() {
    // The supervisor that read it may have ended before policy heard of it; to hear it twice changes nothing.
    if (main_ != leader_ && stage_ == Stage::running)
        context_.callbacks.observe(rollout::MainPidChanged{identity_.id, main_});
    if (said_ready_ && stage_ == Stage::running)
        context_.callbacks.observe(rollout::WorkerNotified{.worker = identity_.id, .ready = true});
    if (notify_)
        notify_->drain();
}

/// Of one that is not our child. Its last hooks and its successor wait for this: it is bounded.
void WorkerProcess::learn_exit_status(int tries) {
    const auto found = os::exit_of(main_pidfd());
    if (found && *found) {
        os::Ended ended = **found;
        ended.pid = main_;
        rollout::ExitStatus status = exit_status_of(ended);
        judge_memory(status, main_);
        handle_end(status);
        return;
    }
    if (found && tries > 0) {
        again_.after(exit_status_interval, [this, tries] { learn_exit_status(tries - 1); });
        return;
    }
    rollout::ExitStatus unknown;
    unknown.detail =
        found ? "nobody has reaped it, exit status unknown"
              : "exit status unknown: it was not this supervisor's child, and only Linux 6.15 "
                "and later tell of others";
    if (const auto kills = killed_ ? "" : tell_memory_kills(main_); !kills.empty())
        unknown.detail += "; " + kills;
    handle_end(unknown);
}

} // namespace svc::daemon
