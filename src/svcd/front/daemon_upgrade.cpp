// svc upgrade, SIGUSR2: another program goes on in this very process.
#include "svcd/front/daemon.h"

#include "os/clock.h"
#include "os/program.h"
#include "svcd/front/carried_clients.h"
#include "svcd/front/handover.h"
#include "svcd/front/version.h"
#include "svcd/host/children/file_job.h"
#include "svcd/host/children/loop.h"
#include "svcd/host/survival/kept_names.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace svc::daemon {

namespace asio = boost::asio;

namespace {

/// What is under way (a launch, a hook) is waited for: it ends in this program, and is begun anew in none.
constexpr auto quiet_bound = std::chrono::seconds(60);
constexpr auto dry_run_bound = std::chrono::seconds(10);
/// Between two looks: not all of what is waited for tells of its end (a full queue of the manager's has room).
constexpr Duration look_interval = std::chrono::milliseconds(100);

} // namespace

std::string Daemon::why_not_quiet() const {
    if (phase() == Phase::ended)
        return "this supervisor ends";
    if (job_ || leaving_to_next_)
        return "this supervisor is told to stop";
    if (!store_.is_settled())
        return "the store of fds has not taken what it was given";
    if (leftovers_)
        return "what an earlier supervisor left has not ended yet";
    if (!admissions_.idle())
        return "a request is being checked";
    if (!host_->all_recorded())
        return "the end of a rollout is being written";
    if (!host_->failure_is_told())
        return "the hook for a failed rollout runs";
    if (!host_->last_lines_are_passed_on())
        return "nobody reads this supervisor's stderr, where the last lines of a worker that ended "
               "go";
    return rollout::unrest(state());
}

asio::awaitable<Result<void>> Daemon::upgrade() {
    if (upgrading_)
        co_return Error{"another upgrade is under way"};
    upgrading_ = true;
    host_->ledger().upgrade_problem.clear();
    Result<void> result = co_await prepare_upgrade();
    if (!result) {
        upgrading_ = false;
        new_program_.reset();
        note(rollout::EventKind::refused,
             "the supervisor is not upgraded, and nothing was changed: " + result.error().message);
        co_return result;
    }
    // After the reply, which is written when our caller goes on; and what a signal that came before has put
    // into the loop gets its turn.
    const sigset_t before = os::block_all_signals();
    asio::post(io_,
               [this, before] { asio::post(io_, [this, before] { execute_upgrade(before); }); });
    co_return result;
}

asio::awaitable<Result<void>> Daemon::prepare_upgrade() {
    const auto path = os::own_program_path();
    if (!path)
        co_return path.error();
    auto opened = os::open_program(*path);
    if (!opened)
        co_return Error{"the new program: " + opened.error().message};
    new_program_ = std::move(*opened);
    const Instant deadline = os::now() + quiet_bound;
    for (;;) {
        if (auto quiet = co_await until_quiet(deadline); !quiet)
            co_return quiet;
        host_->publish(state());
        if (auto tried = co_await try_program(); !tried)
            co_return tried;
        if (why_not_quiet().empty())
            co_return Result<void>();
    }
}

asio::awaitable<Result<void>> Daemon::until_quiet(Instant deadline) {
    Wakeup wakeup(io_.get_executor());
    const EventLog::Subscription subscription(events_, wakeup);
    Alarm next_look(io_);
    std::string why = why_not_quiet();
    while (!why.empty() && os::now() < deadline && phase() != Phase::ended) {
        next_look.after(look_interval, [&wakeup] { wakeup.notify(); });
        co_await wakeup.wait();
        why = why_not_quiet();
    }
    if (why.empty())
        co_return Result<void>();
    co_return Error{why + "; try again when that is over"};
}

/// The new program reads the state that it would go on from, in a process of its own.
asio::awaitable<Result<void>> Daemon::try_program() {
    std::optional<Result<std::string>> answer;
    asio::steady_timer bound(io_, dry_run_bound);
    {
        // With our own command line: it has to understand that, too.
        std::vector<std::string> arguments = settings_.arguments;
        arguments.insert(arguments.begin() + (arguments.empty() ? 0 : 1), check_state_option);
        const FileJob job(io_,
                          os::start_program(new_program_.get(), arguments, host_->state_file()),
                          [&](Result<std::string> result) {
                              answer = std::move(result);
                              bound.cancel();
                          });
        auto [ignored] = co_await bound.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
    if (!answer)
        co_return Error{"the new program did not answer within " + format_duration(dry_run_bound) +
                        " whether it can go on"};
    if (!*answer)
        co_return Error{"the new program cannot go on: " + answer->error().message};
    co_return Result<void>();
}

void Daemon::execute_upgrade(const sigset_t& signals_before) {
    if (supervisor_->has_unrecorded())
        step();
    auto own = os::open_own_program();
    if (!why_not_quiet().empty() || !own) { // something came in between
        os::restore_signals(signals_before);
        upgrading_ = false;
        host_->ledger().upgrade_problem = own ? why_not_quiet() : own.error().message;
        note(rollout::EventKind::refused,
             "the supervisor is not upgraded: " + host_->ledger().upgrade_problem);
        return;
    }
    note(rollout::EventKind::supervisor,
         "this supervisor is upgraded: " + std::string(program_version) +
             " gives way to the program at its path");
    host_->publish(state());
    NamedFds fds = store_.all();
    for (const auto& [name, fd] : listeners_->inherited())
        fds.emplace_back(name, fd);
    fds.emplace_back(kept_lock, settings_.lock);
    fds.emplace_back(previous_program, own->get());
    fds.emplace_back(previous_launcher, host_->launcher());
    const auto clients = hand_over_clients(server_->carried(), fds);
    if (!clients)
        spdlog::warn("control clients end with this program: {}", clients.error().message);
    host_->stop_watching(); // their children would be ours still, and nobody would know them
    const Error failed = execute_with(new_program_.get(), fds, settings_.original_nofile_soft,
                                      settings_.arguments, settings_.environment);
    // Everything is as it was.
    host_->watch_again();
    os::restore_signals(signals_before);
    upgrading_ = false;
    host_->ledger().upgrade_problem = failed.message;
    note(rollout::EventKind::refused,
         "the supervisor is not upgraded, and nothing was changed: " + failed.message);
}

asio::awaitable<void> Daemon::upgrade_for_signal() {
    static_cast<void>(co_await upgrade()); // what stands in its way is told there
}

} // namespace svc::daemon
