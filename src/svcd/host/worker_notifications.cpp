// What a worker says on its notify socket.
#include "svcd/host/worker_process.h"

#include "svcd/host/survival/kept_names.h"

#include "base/text.h"
#include "os/fd.h"

#include <boost/asio/post.hpp>

namespace svc::daemon {

namespace {

bool says_something(const rollout::WorkerNotified& said) {
    return said.ready || said.reloading || said.stopping || said.status || said.error ||
           said.extend_timeout;
}

// Whoever reaps it has to do so before the kernel tells (PIDFD_GET_INFO): that is soon, but not at once.
constexpr int exit_status_tries = 40;

bool changes_state(const rollout::WorkerNotified& said) {
    return said.ready || said.reloading || said.stopping;
}

} // namespace

WorkerIdentity WorkerProcess::who() const {
    const auto& credentials = identity_.revision->credentials;
    return WorkerIdentity{leader_, main_, credentials.set ? credentials.uid : os::own_uid()};
}

Result<void> WorkerProcess::open_notify_socket(const std::string& path, UniqueFd kept) {
    const auto& revision = *identity_.revision;
    std::optional<uid_t> owner;
    if (revision.credentials.set)
        owner = revision.credentials.uid;
    const bool anyone = revision.spec.ready.notify_access == rollout::NotifyAccess::all;
    Result<UniqueFd> socket = std::move(kept);
    if (!*socket)
        socket = os::open_notify_socket(path, owner, anyone);
    if (!socket)
        return socket.error();
    NotifyReader::Handlers handlers;
    handlers.datagram = [this](os::Datagram datagram) { handle_datagram(std::move(datagram)); };
    handlers.batch_ended = [this] { tell_kept(); };
    handlers.keep = [this] {
        note();
        context_.callbacks.publish();
    };
    auto reader = NotifyReader::make(context_.io, path, std::move(*socket), std::move(handlers));
    if (!reader)
        return reader.error();
    notify_ = std::move(*reader);
    return {};
}

void WorkerProcess::handle_datagram(os::Datagram datagram) {
    // The exec comes before what the program says, but the two arrive on two sockets.
    if (stage_ == Stage::launching) {
        launching_->read_answer();
        if (launching_->answer() == Launching::Answer::executed)
            confirm_exec();
    }
    const auto access = identity_.revision->spec.ready.notify_access;
    if (stage_ != Stage::running || !may_notify(access, who(), datagram.sender, datagram.uid)) {
        if (!std::exchange(warned_, true))
            warn("a message on its notify socket was ignored: process " +
                 std::to_string(datagram.sender) + " of uid " + std::to_string(datagram.uid) +
                 " may not speak for it (see notify_access in svc.toml(5)); further ones are "
                 "ignored silently");
        return;
    }
    const auto said = wire::parse_notification(datagram.bytes);
    if (said.barrier) {
        tell_kept();
        // Closed when the step that handles what was said before has had its turn in the loop.
        if (datagram.fds.size() == 1)
            boost::asio::post(context_.io, [fd = std::move(datagram.fds.front())] {});
        return;
    }
    watch_.hear(said);
    if (said.fd_store && !std::exchange(store_warned_, true))
        warn("it wants to store fds (FDSTORE=1); svc keeps none for a worker, they were closed");
    if (said.main_pid)
        change_main(*said.main_pid);
    rollout::WorkerNotified seen;
    seen.worker = identity_.id;
    seen.ready = said.ready;
    said_ready_ = said_ready_ || said.ready;
    seen.reloading = said.reloading;
    seen.stopping = said.stopping;
    seen.status = said.status;
    seen.error = said.error;
    if (datagram.sender == main_)
        seen.extend_timeout = said.extend_timeout;
    if (says_something(seen))
        keep(std::move(seen));
    if (reload_)
        reload_->hear(said);
}

void WorkerProcess::keep(rollout::WorkerNotified said) {
    if (kept_ && changes_state(said))
        tell_kept();
    if (!kept_) {
        kept_ = std::move(said);
        return;
    }
    // Of texts that come faster than they are read, the last one counts: a flood becomes one
    // observation a batch.
    if (said.status)
        kept_->status = std::move(said.status);
    if (said.error)
        kept_->error = said.error;
    if (said.extend_timeout)
        kept_->extend_timeout = said.extend_timeout;
}

void WorkerProcess::tell_kept() {
    if (!kept_)
        return;
    if (kept_->ready)
        context_.inspect_listeners.wake();
    context_.callbacks.observe(std::move(*kept_));
    kept_.reset();
}

void WorkerProcess::change_main(pid_t pid) {
    if (pid == main_)
        return;
    // First the pidfd, then the look at who it is: in the other order the number could be reused
    // between the two.
    auto pidfd = os::open_pidfd(pid);
    if (!pidfd || !may_become_main(who(), pid)) {
        warn("MAINPID=" + std::to_string(pid) +
             " was ignored: it is neither in the worker's process group nor a descendant of "
             "process " +
             std::to_string(main_));
        return;
    }
    if (main_ != leader_) // the end of the leader is still of interest: see end_group()
        context_.children.forget(main_);
    if (leader_is_ == Leader::main)
        leader_is_ = Leader::handed_over;
    main_ = pid;
    successor_pidfd_ = std::move(*pidfd);
    main_watch_.reset();
    context_.children.expect(main_, [this](const os::Ended& ended) { handle_exit(ended); });
    if (const auto watching = watch_main(); !watching)
        warn(watching.error().message);
    if (kept_fds_)
        context_.store.put(kept_name(identity_.id, "main"), successor_pidfd_.get());
    note();
    context_.callbacks.observe(rollout::MainPidChanged{identity_.id, main_});
}

Result<void> WorkerProcess::watch_main() {
    auto copy = os::duplicate(main_pidfd());
    if (!copy)
        return copy.error();
    auto watch = Watch::make(context_.io, std::move(*copy));
    if (!watch)
        return watch.error();
    main_watch_ = std::move(*watch);
    main_watch_->when_readable([this] { handle_main_ended(); });
    return {};
}

void WorkerProcess::handle_main_ended() {
    // Of a child SIGCHLD tells, with the status (a grandchild became one when its parent ended). Of
    // another process's child nobody tells us how it ended.
    if (os::is_our_child(main_)) {
        context_.children.collect();
        return;
    }
    const pid_t ended = main_;
    context_.children.forget(ended);
    if (notify_)
        notify_->drain();
    if (main_ != ended) // it handed over with a last MAINPID=
        return;
    end_what_is_left();
    learn_exit_status(exit_status_tries);
}

} // namespace svc::daemon
