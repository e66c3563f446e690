#include "svcd/host/hooks/command_process.h"

#include "os/fd.h"
#include "rollout/state.h"
#include "svcd/host/children/child_process.h"
#include "svcd/host/hooks/launch_plan.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace svc::daemon {

namespace asio = boost::asio;

CommandProcess::CommandProcess(HostContext& context, Request request,
                               std::function<void(CommandResult)> ended)
    : context_(context), request_(std::move(request)), ended_(std::move(ended)),
      tell_(context.io,
            [this] {
                const auto then = std::move(ended_);
                then(std::move(result_));
            }),
      deadline_(context.io) {
    if (const auto started = start(); !started)
        finish(false, started.error().message);
}

CommandProcess::~CommandProcess() {
    if (has_process()) {
        (void)kill();
        context_.children.forget(pid_); // it will be reaped like an orphan
    }
    if (request_.pass_output)
        context_.let_linger(std::move(output_));
}

std::vector<std::string> CommandProcess::output() const {
    if (!output_)
        return {};
    output_->drain();
    return output_->lines();
}

Result<UniqueFd> CommandProcess::capture() {
    auto pipe = os::make_pipe();
    if (!pipe)
        return pipe.error();
    std::unique_ptr<OutputPlace> place;
    if (request_.pass_output)
        place = std::make_unique<ErrorPlace>(context_.errors);
    auto relay = OutputRelay::make(context_.io, std::move(pipe->read_end), std::move(place));
    if (!relay)
        return relay.error();
    output_ = std::move(*relay);
    return std::move(pipe->write_end);
}

Result<void> CommandProcess::start() {
    Environment environment = common_environment(*request_.revision, context_.settings.name);
    for (const auto& entry : request_.extra_environment) {
        const auto split = entry.find('=');
        environment[entry.substr(0, split)] =
            split == std::string::npos ? std::string() : entry.substr(split + 1);
    }
    const auto order = plan_command(*request_.revision, request_.command, environment);
    if (!order)
        return order.error();
    auto encoded = wire::encode_launch_order(*order, 1);
    if (!encoded)
        return encoded.error();
    auto write_end = capture();
    if (!write_end)
        return write_end.error();
    auto spawned = os::spawn_launcher(context_.launcher.get());
    if (!spawned)
        return spawned.error();

    stage_ = Stage::running;
    pid_ = spawned->pid;
    pidfd_ = std::move(spawned->pidfd);
    context_.children.expect(pid_, [this](const os::Ended& ended) { handle_exit(ended); });
    LaunchParcel parcel;
    parcel.order = std::move(*encoded);
    parcel.fds.push_back(write_end->get());
    parcel.owned.push_back(std::move(*write_end));
    auto launching = Launching::make(context_.io, std::move(spawned->socket), std::move(parcel),
                                     [this] { handle_answer(); });
    if (!launching) {
        (void)kill();
        context_.children.forget(pid_);
        return launching.error();
    }
    launching_ = std::move(*launching);
    launching_->release();
    if (request_.timeout > Duration::zero()) {
        deadline_.after(request_.timeout, [this] { handle_timeout(); });
    }
    return {};
}

void CommandProcess::handle_answer() {
    // A launcher that failed ends by itself; this is for one that does not.
    if (launching_->answer() == Launching::Answer::failed)
        (void)kill();
}

std::string CommandProcess::timeout_text() const {
    return "timed out after " + format_duration(request_.timeout);
}

void CommandProcess::handle_timeout() {
    stage_ = Stage::timed_out;
    const auto killed = kill();
    if (killed)
        return; // its end is seen in a moment
    context_.children.forget(pid_);
    finish(false, timeout_text() + ", and " + killed.error().message + "; end process " +
                      std::to_string(pid_) + " by hand");
}

void CommandProcess::handle_exit(const os::Ended& ended) {
    (void)kill();
    deadline_.cancel();
    launching_->read_answer();
    output_->drain();
    if (launching_->answer() == Launching::Answer::failed)
        finish(false, launching_->failure().sentence);
    else if (stage_ == Stage::timed_out)
        finish(false, timeout_text());
    else if (launching_->answer() != Launching::Answer::executed && !ended.signaled)
        finish(false, "svc-launch ended before it started " + request_.command.front());
    else
        finish(!ended.signaled && ended.value == 0, rollout::describe(exit_status_of(ended)));
}

Result<void> CommandProcess::kill() {
    if (!has_process())
        return {};
    return os::kill_group(pidfd_.get(), pid_);
}

void CommandProcess::finish(bool succeeded, std::string how) {
    stage_ = Stage::ended;
    result_.succeeded = succeeded;
    result_.how = std::move(how);
    if (output_)
        result_.output = output_->lines();
    tell_.wake();
}

asio::awaitable<CommandResult> run_command(HostContext& context, CommandProcess::Request request) {
    CommandResult result;
    bool ended = false;
    asio::steady_timer wakeup(context.io, asio::steady_timer::time_point::max());
    CommandProcess process(context, std::move(request), [&](CommandResult how) {
        result = std::move(how);
        ended = true;
        wakeup.cancel();
    });
    boost::system::error_code ignored;
    // The result comes from the loop, so it cannot come before this wait. A cancelled caller gets
    // here too; leaving ends the process group.
    co_await wakeup.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (!ended)
        result.how = "cancelled";
    co_return result;
}

} // namespace svc::daemon
