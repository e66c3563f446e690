// CommandProcess: one hook or check that runs through svc-launch.
#pragma once

#include "svcd/host/children/launching.h"
#include "svcd/host/hooks/commands.h"
#include "svcd/host/host_context.h"

namespace svc::daemon {

/// idle ─ start() → running ─ its end is seen → ended
///   │                  └ the timeout → timed_out ─ its end is seen, or it cannot be killed → ended
///   └ a step of start() failed → ended
///
/// It has its own process group, and what is left of that group when its main process ends is killed.
/// One that its timeout cannot end, because its program changed its user, is given up: it ends when
/// it likes. stdout and stderr are one pipe.
class CommandProcess {
public:
    struct Request {
        std::shared_ptr<const rollout::Revision> revision;
        std::vector<std::string> command;
        std::vector<std::string> extra_environment; ///< "NAME=value"
        Duration timeout{};                         ///< zero: none
        bool pass_output = false;                   ///< also to our own stderr, as a worker's is
    };
    /// `ended` is called once, from the loop, and may destroy the object.
    CommandProcess(HostContext& context, Request request, std::function<void(CommandResult)> ended);
    CommandProcess(const CommandProcess&) = delete;
    CommandProcess& operator=(const CommandProcess&) = delete;
    /// Kills the group if it still runs.
    ~CommandProcess();
    /// Its last lines so far.
    [[nodiscard]] std::vector<std::string> output() const;

private:
    enum class Stage { idle, running, timed_out, ended };

    Result<void> start();
    Result<UniqueFd> capture();
    void handle_answer();
    void handle_exit(const os::Ended& ended);
    void handle_timeout();
    [[nodiscard]] bool has_process() const {
        return stage_ == Stage::running || stage_ == Stage::timed_out;
    }
    Result<void> kill();
    [[nodiscard]] std::string timeout_text() const;
    void finish(bool succeeded, std::string how);

    HostContext& context_;
    Request request_;
    std::function<void(CommandResult)> ended_;
    Later tell_;
    Alarm deadline_;
    Stage stage_ = Stage::idle;
    CommandResult result_;
    pid_t pid_ = 0;
    UniqueFd pidfd_;
    std::unique_ptr<Launching> launching_;
    std::unique_ptr<OutputRelay> output_;
};

/// Runs it to its end; cancelling the coroutine ends its group.
boost::asio::awaitable<CommandResult> run_command(HostContext& context,
                                                  CommandProcess::Request request);

} // namespace svc::daemon
