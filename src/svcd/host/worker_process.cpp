#include "svcd/host/worker_process.h"

#include "os/fd.h"
#include "svcd/host/children/child_process.h"

#include <cerrno>
#include <csignal>

namespace svc::daemon {

WorkerProcess::WorkerProcess(HostContext& context, Identity identity)
    : context_(context), identity_(std::move(identity)), output_(context), hook_(context),
      listeners_(context.settings.runtime_dir + "/links", identity_.name),
      watch_(context, {.target = [this] { return probe_target(); },
                       .subject = [this] { return hook_subject(rollout::HookPoint::post_ready); },
                       .processes = [this] { return processes(); },
                       .listeners = [this] { return shared_listeners(); },
                       .read_notifications =
                           [this] {
                               if (notify_)
                                   notify_->drain();
                           },
                       .keep =
                           [this] {
                               note();
                               context_.callbacks.publish();
                           },
                       .report =
                           [this](rollout::ProbeKind kind, rollout::ProbeVerdict verdict,
                                  std::string detail) {
                               context_.callbacks.observe(rollout::ProbeReported{
                                   identity_.id, kind, verdict, std::move(detail)});
                           }}),
      memory_(
          context.io, [this] { return processes(); },
          [this](std::uint64_t bytes) {
              context_.callbacks.observe(rollout::MemoryExceeded{identity_.id, bytes});
          }),
      again_(context.io) {}

WorkerProcess::~WorkerProcess() {
    if (stage_ == Stage::launching || stage_ == Stage::running) {
        killed_ = true;
        end_what_is_left(); // there may be nobody left to observe anything
        context_.children.forget(main_);
    }
    close();
}

void WorkerProcess::warn(const std::string& text) const {
    context_.callbacks.warn(identity_.name + ": " + text);
}

void WorkerProcess::launch() {
    reading_ = ContentReader::start(context_.io, context_.executables, *identity_.revision,
                                    [this] { launch_now(); });
    if (reading_)
        stage_ = Stage::reading;
    else
        launch_now();
}

void WorkerProcess::launch_now() {
    stage_ = Stage::none;
    reading_.reset();
    std::string step;
    const auto started = start(step);
    if (!started) {
        fail_launch(started.error().code, step, started.error().message);
        return;
    }
    context_.callbacks.observe(rollout::WorkerSpawned{identity_.id, leader_});
}

Result<void> WorkerProcess::start(std::string& step) {
    step = "notify_socket";
    const std::string notify_path = context_.notify_directory() + "/" + identity_.name;
    if (auto opened = open_notify_socket(notify_path); !opened)
        return opened;
    step = "executable";
    auto executable = context_.executables.find(*identity_.revision);
    if (!executable)
        return Error{executable.error().message +
                         "; not started: `svc reload` deploys it, or put the old file back",
                     executable.error().code};
    by_path_ = !executable->fd;
    step = "listener";
    LaunchParcel parcel;
    WorkerPlace place;
    place.service = context_.settings.name;
    place.replica = identity_.replica;
    place.notify_path = notify_path;
    if (auto passed = pass_listeners(parcel, place); !passed)
        return passed;
    step = "cgroup";
    if (auto made = make_cgroup(parcel, place); !made)
        return made;
    step = "order";
    if (auto planned = plan(parcel, place, std::move(executable->fd)); !planned)
        return planned;
    step = "spawn";
    auto spawned = os::spawn_launcher(context_.launcher.get());
    if (!spawned)
        return spawned.error();

    leader_ = main_ = spawned->pid;
    leader_pidfd_ = std::move(spawned->pidfd);
    memory_kills_before_ = os::oom_kills_of(leader_);
    stage_ = Stage::launching;
    context_.children.expect(main_, [this](const os::Ended& ended) { handle_exit(ended); });
    auto launching = Launching::make(context_.io, std::move(spawned->socket), std::move(parcel),
                                     [this] { handle_answer(); });
    if (!launching) {
        kill();
        context_.children.forget(main_);
        return launching.error();
    }
    launching_ = std::move(*launching);
    note();
    return {};
}

/// In the order of the service file, the worker's own ones among the others.
Result<void> WorkerProcess::pass_listeners(LaunchParcel& parcel, WorkerPlace& place) {
    for (const auto& listener : identity_.revision->spec.listeners) {
        if (listener.scope == rollout::ListenerScope::worker) {
            auto socket = listeners_.open(listener);
            if (!socket)
                return socket.error();
            parcel.fds.push_back(socket->get());
            parcel.owned.push_back(std::move(*socket));
        } else {
            for (const int fd : context_.listeners.fds_of(listener, identity_.revision->number))
                parcel.fds.push_back(fd);
        }
        while (place.sockets.size() < parcel.fds.size()) {
            const auto bound = os::bound_address(parcel.fds[place.sockets.size()]);
            place.sockets.push_back({listener.name, bound ? *bound : listener.address});
        }
    }
    return {};
}

Result<void> WorkerProcess::plan(LaunchParcel& parcel, WorkerPlace& place, UniqueFd executable) {
    const auto& revision = *identity_.revision;
    const rollout::ReadyOn on = revision.spec.ready.on;
    if (on == rollout::ReadyOn::fd || on == rollout::ReadyOn::ipc) {
        const auto index = make_ready_fd(parcel, on);
        if (!index)
            return index.error();
        place.ready_index = *index;
    }
    if (auto opened = output_.open(revision, identity_.replica, parcel, place); !opened)
        return opened;
    auto order = plan_worker(revision, place);
    if (!order)
        return order.error();
    if (executable) {
        order->executable_index = static_cast<std::int32_t>(parcel.fds.size());
        parcel.fds.push_back(executable.get());
        parcel.owned.push_back(std::move(executable));
    }
    auto encoded = wire::encode_launch_order(*order, parcel.fds.size());
    if (!encoded)
        return encoded.error();
    parcel.order = std::move(*encoded);
    return {};
}

Result<int> WorkerProcess::make_ready_fd(LaunchParcel& parcel, rollout::ReadyOn on) {
    auto channel = on == rollout::ReadyOn::ipc ? os::make_socket_pair() : os::make_pipe();
    if (!channel)
        return channel.error();
    if (auto taken = watch_.take_ready_fd(std::move(channel->read_end), on); !taken)
        return taken.error();
    parcel.fds.push_back(channel->write_end.get());
    parcel.owned.push_back(std::move(channel->write_end));
    return static_cast<int>(parcel.fds.size()) - 1;
}

void WorkerProcess::release() {
    if (stage_ == Stage::launching)
        launching_->release();
}

void WorkerProcess::handle_answer() {
    if (stage_ != Stage::launching)
        return;
    switch (launching_->answer()) {
    case Launching::Answer::awaited:
    case Launching::Answer::silence:
        return;
    case Launching::Answer::failed:
        // svc-launch ends by itself after such an answer; this is for one that does not.
        kill();
        return;
    case Launching::Answer::executed:
        // End-of-file comes from an exec or from the end of the process. A process that ended
        // has its SIGCHLD on the way, and that tells more.
        if (!os::has_ended(leader_pidfd_.get()))
            confirm_exec();
        return;
    }
}

void WorkerProcess::confirm_exec() {
    stage_ = Stage::running;
    launching_.reset();
    if (by_path_)
        context_.executables.note_started(identity_.revision->executable, leader_);
    context_.callbacks.observe(rollout::WorkerExecuted{identity_.id});
    context_.inspect_listeners.wake();
}

void WorkerProcess::call_off() {
    if (stage_ == Stage::reading)
        fail_launch(ECANCELED, "executable", "its launch was called off");
}

void WorkerProcess::read_output() {
    if (stage_ == Stage::telling || stage_ == Stage::gone)
        return;
    const auto tell = [this] {
        context_.callbacks.observe(rollout::OutputRead{identity_.id, output_.lines()});
    };
    if (!output_.can_read_back())
        return tell();
    output_.read_back("svcd: " + identity_.name + " (process " + std::to_string(main_) +
                          "): failed, and runs still",
                      tell);
}

void WorkerProcess::signal(int number) {
    if (stage_ != Stage::running)
        return;
    if (const auto sent = os::send_signal(main_pidfd(), number); !sent)
        warn(sent.error().message);
    else
        context_.callbacks.observe(rollout::SignalSent{identity_.id});
}

void WorkerProcess::kill() {
    if (stage_ == Stage::none) { // its pre-start hook is all that there is of it
        hook_.cancel();
        fail_launch(0, "pre_start", "its launch was called off");
        return;
    }
    if (leader_ == 0 || stage_ == Stage::telling || stage_ == Stage::gone)
        return;
    killed_ = true;
    note();
    if (const auto ended = end_group(); !ended)
        context_.callbacks.observe(
            rollout::KillFailed{identity_.id, error_text(ended.error().code)});
}

void WorkerProcess::handle_exit(const os::Ended& ended) {
    // Before its group is killed: the process may have handed over with a last MAINPID=.
    if (notify_)
        notify_->drain();
    if (ended.pid != main_) {        // the leader, after another process became the main one
        leader_is_ = Leader::reaped; // in a moment, by our caller
        note();
        context_.children.forget(ended.pid);
        return;
    }
    end_what_is_left();
    rollout::ExitStatus status = exit_status_of(ended);
    judge_memory(status, ended.pid);
    if (stage_ == Stage::launching) {
        launching_->read_answer();
        if (launching_->answer() == Launching::Answer::failed) {
            const wire::LaunchFailure failure = launching_->failure();
            fail_launch(failure.error, std::string(wire::launch_step_name(failure.step)),
                        failure.sentence);
            return;
        }
        // svc-launch never exits after GO without a frame, so an exit status is the program's.
        if (launching_->answer() == Launching::Answer::executed && !ended.signaled) {
            confirm_exec();
        } else if (!ended.signaled) {
            fail_launch(0, "order",
                        "svc-launch ended before it started the program: " +
                            rollout::describe(status));
            return;
        }
    }
    handle_end(status);
}

void WorkerProcess::handle_end(const rollout::ExitStatus& status) {
    read_what_is_left();
    // It died over its own reload: policy counts it as the new revision's, and so are its last hooks.
    if (becoming_)
        identity_.revision = std::move(becoming_);
    exit_ = status;
    // Of one that was told to end nobody asks why; the others are reported with their last lines.
    if (!output_.can_read_back() || retired_ != rollout::Retirement::none) {
        tell_end();
        return;
    }
    stage_ = Stage::telling;
    context_.children.forget(main_); // it is reaped in a moment, and its number free
    watch_.end();
    memory_.stop();
    output_.read_back("svcd: " + identity_.name + " (process " + std::to_string(main_) +
                          "): " + rollout::describe(status),
                      [this] { tell_end(); });
}

void WorkerProcess::tell_end() {
    rollout::WorkerExited exited;
    exited.worker = identity_.id;
    exited.status = exit_;
    exited.last_output = output_.lines();
    close();
    context_.callbacks.observe(std::move(exited));
    context_.inspect_listeners.wake();
}

void WorkerProcess::read_what_is_left() {
    // A last READY=1 or STATUS= may be waiting in the socket, the last lines in the pipe. Nobody of
    // the worker's group is left to write more.
    if (notify_)
        notify_->drain();
    output_.drain();
}

void WorkerProcess::fail_launch(std::int32_t error, std::string step, std::string sentence) {
    output_.drain();
    close();
    context_.callbacks.observe(
        rollout::LaunchFailed{identity_.id, error, std::move(step), std::move(sentence)});
}

void WorkerProcess::close() {
    stage_ = Stage::gone;
    again_.cancel();
    let_go();
    reading_.reset();
    launching_.reset();
    watch_.close();
    memory_.stop();
    reload_.reset();
    becoming_.reset();
    listeners_.remove();
    notify_.reset();
    main_watch_.reset();
    if (leader_ != 0 && leader_is_ != Leader::reaped)
        context_.children.forget(leader_);
    output_.close();
    if (auto group = std::exchange(cgroup_, std::nullopt))
        context_.cgroups.retire(std::move(*group));
}

} // namespace svc::daemon
