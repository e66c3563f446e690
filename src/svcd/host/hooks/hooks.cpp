#include "svcd/host/hooks/hooks.h"

#include "svcd/host/hooks/command_process.h"
#include "svcd/host/hooks/http_request.h"
#include "svcd/host/hooks/launch_plan.h"

#include "base/overloaded.h"
#include "base/text.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace svc::daemon {

namespace asio = boost::asio;

namespace {

using Ended = std::function<void(HookVerdict)>;

class RunningExec final : public RunningHook {
public:
    RunningExec(HostContext& context, const rollout::ExecHook& hook, HookSubject subject,
                Ended ended)
        : process_(context, request(hook, std::move(subject)),
                   [then = std::move(ended)](CommandResult result) { then(verdict(result)); }) {}
    [[nodiscard]] std::vector<std::string> output() const override { return process_.output(); }

private:
    static CommandProcess::Request request(const rollout::ExecHook& hook, HookSubject subject) {
        CommandProcess::Request request;
        request.command = expand_release(hook.command, subject.revision->release);
        request.revision = std::move(subject.revision);
        request.extra_environment = std::move(subject.environment);
        request.pass_output = subject.pass_output;
        return request;
    }
    static HookVerdict verdict(const CommandResult& result) {
        if (result.succeeded)
            return {true, {}, {}};
        return {false,
                result.output.empty() ? result.how : result.how + " (" + result.output.back() + ")",
                result.output};
    }

    CommandProcess process_;
};

class RunningSleep final : public RunningHook {
public:
    RunningSleep(HostContext& context, const rollout::SleepHook& hook, Ended ended)
        : alarm_(context.io) {
        alarm_.after(hook.length, [then = std::move(ended)] { then({true, {}, {}}); });
    }

private:
    Alarm alarm_;
};

/// What was over as soon as it was begun; only its verdict waits for the loop.
class EndedAtOnce final : public RunningHook {
public:
    EndedAtOnce(HostContext& context, HookVerdict verdict, Ended ended)
        : tell_(context.io,
                [result = std::move(verdict), then = std::move(ended)] { then(result); }) {
        tell_.wake();
    }

private:
    Later tell_;
};

class RunningConversation final : public RunningHook {
public:
    RunningConversation(HostContext& context, asio::awaitable<Result<void>> conversation,
                        Ended ended)
        : io_(context.io), shared_(std::make_shared<Shared>()) {
        shared_->ended = std::move(ended);
        asio::co_spawn(io_, std::move(conversation),
                       asio::bind_cancellation_slot(
                           shared_->cancel.slot(),
                           [shared = shared_](std::exception_ptr error, Result<void> done) {
                               shared->over = true;
                               if (const auto then = std::exchange(shared->ended, nullptr))
                                   then(verdict(error, done));
                           }));
    }
    ~RunningConversation() override {
        shared_->ended = nullptr;
        // From the loop, and keeping the signal: emit() may itself only queue what it does.
        if (!shared_->over)
            asio::post(io_, [shared = shared_] {
                if (!shared->over)
                    shared->cancel.emit(asio::cancellation_type::terminal);
            });
    }

private:
    struct Shared {
        Ended ended;
        asio::cancellation_signal cancel;
        bool over = false;
    };
    static HookVerdict verdict(const std::exception_ptr& error, const Result<void>& done) {
        if (error)
            return {false, "the request failed in the supervisor itself", {}};
        if (!done)
            return {false, done.error().message, {}};
        return {true, {}, {}};
    }

    asio::io_context& io_;
    std::shared_ptr<Shared> shared_;
};

HookVerdict send_hook_signal(const rollout::SignalHook& hook, int pidfd) {
    if (pidfd < 0)
        return {false, "the worker has already ended", {}};
    const auto sent = os::send_signal(pidfd, hook.signal);
    if (sent)
        return {true, {}, {}};
    return {false, "cannot send " + signal_name(hook.signal) + ": " + sent.error().message, {}};
}

} // namespace

std::unique_ptr<RunningHook>
start_conversation(HostContext& context, asio::awaitable<Result<void>> conversation, Ended ended) {
    return std::make_unique<RunningConversation>(context, std::move(conversation),
                                                 std::move(ended));
}

std::unique_ptr<RunningHook> start_failure(HostContext& context, std::string detail, Ended ended) {
    return std::make_unique<EndedAtOnce>(context, HookVerdict{false, std::move(detail), {}},
                                         std::move(ended));
}

std::unique_ptr<RunningHook> start_hook(HostContext& context, const rollout::Hook& hook,
                                        HookSubject subject, Ended ended) {
    return std::visit(
        Overloaded{
            [&](const rollout::ExecHook& exec) -> std::unique_ptr<RunningHook> {
                return std::make_unique<RunningExec>(context, exec, std::move(subject),
                                                     std::move(ended));
            },
            [&](const rollout::SleepHook& sleep) -> std::unique_ptr<RunningHook> {
                return std::make_unique<RunningSleep>(context, sleep, std::move(ended));
            },
            [&](const rollout::SignalHook& signal) -> std::unique_ptr<RunningHook> {
                return std::make_unique<EndedAtOnce>(
                    context, send_hook_signal(signal, subject.pidfd), std::move(ended));
            },
            [&](const rollout::HttpHook& request) -> std::unique_ptr<RunningHook> {
                return start_conversation(context, perform_request(request, {}), std::move(ended));
            },
        },
        hook);
}

} // namespace svc::daemon
