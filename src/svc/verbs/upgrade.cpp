// upgrade: another program goes on in place of the supervisor that runs.
#include "os/clock.h"
#include "svc/screen/interrupts.h"
#include "svc/talk/conversation.h"

#include <boost/json/value.hpp>

#include <algorithm>
#include <cerrno>
#include <map>

namespace svc::cli {
namespace {

/// An exec takes some milliseconds: "0.05s".
std::string render_short(Duration elapsed) {
    if (elapsed >= std::chrono::minutes(1))
        return format_rough(elapsed);
    const auto hundredths = elapsed.count() / 10'000;
    const std::string rest = std::to_string(hundredths % 100);
    return std::to_string(hundredths / 100) + "." + (rest.size() < 2 ? "0" : "") + rest + "s";
}

/// Workers that run before and after, in the same processes.
std::size_t untouched_of(const wire::ServiceStatus& before, const wire::ServiceStatus& after) {
    std::map<std::string, std::int32_t> pids;
    for (const auto& worker : before.workers)
        pids[worker.name] = worker.pid;
    return static_cast<std::size_t>(
        std::count_if(after.workers.begin(), after.workers.end(), [&](const auto& worker) {
            const auto found = pids.find(worker.name);
            return worker.pid > 0 && found != pids.end() && found->second == worker.pid;
        }));
}

///   how it is now ─ Upgrade, answered before anything happens → how it is now, again and again
///         │ no, with a reason                    │ a larger generation: upgraded
///         └→ nothing was changed                 └ upgrade_problem: the old program goes on after all
///
/// The connection ends with the old program.
class Upgrade {
public:
    Upgrade(const Options& options, const Service& service, const Console& console,
            const Interrupts& interrupts)
        : options_(options), service_(service), console_(console), interrupts_(interrupts),
          line_(service, console.patience, interrupts.fd()), began_(os::now()) {
        if (options.timeout)
            deadline_ = began_ + *options.timeout;
    }

    int run() {
        auto reply = ask("Status");
        if (!reply)
            return give_up(reply.error());
        auto before = read_status(std::move(*reply), service_);
        if (!before)
            return fail(before.error(), console_);
        asked_before_ = line_.times_asked();
        reply = ask("Upgrade");
        if (!reply)
            return give_up(reply.error());
        answered_ = true;
        if (!reply->error.empty())
            return fail(*reply, service_, options_, console_);
        const auto accepted = wire::from_json<wire::UpgradeReply>(reply->parameters);
        if (!accepted)
            return fail(accepted.error(), console_);
        return wait_for_next(before->status, accepted->generation);
    }

private:
    /// Once: an upgrade that was asked for twice might happen twice.
    Result<wire::VarlinkReply> ask(std::string_view method) {
        for (;;) {
            auto reply = line_.next([&] { return make_call(method, {}, false); }, deadline_);
            const int code = reply ? 0 : reply.error().code;
            if (code == ECONNRESET && method == "Status")
                continue;
            if (code == EINTR && !Interrupts::ends(signal_ = interrupts_.take()))
                continue;
            return reply;
        }
    }

    int wait_for_next(const wire::ServiceStatus& before, std::uint64_t generation) {
        if (!deadline_)
            deadline_ = os::now() + console_.patience.again;
        for (;; line_.hang_up()) { // the old program answered once more: not at full speed
            auto reply = ask("Status");
            if (!reply)
                return give_up(reply.error());
            const auto now = read_status(std::move(*reply), service_);
            if (!now)
                return fail(now.error(), console_);
            if (!now->status.upgrade_problem.empty())
                return tell_problem(now->status);
            if (now->status.generation > generation)
                return tell(before, now->status);
        }
    }

    int tell_problem(const wire::ServiceStatus& now) {
        if (options_.json)
            print_json({{"service", service_.name},
                        {"verdict", "failed"},
                        {"reason", now.upgrade_problem},
                        {"generation", now.generation},
                        {"version", now.version}},
                       console_);
        console_.err("svc: " + service_.name + ": the supervisor was not upgraded, " +
                     safe(now.version) + " goes on: " + safe(now.upgrade_problem) + '\n');
        return exit_failed;
    }

    int tell(const wire::ServiceStatus& before, const wire::ServiceStatus& now) {
        const auto untouched = untouched_of(before, now);
        const auto all = before.workers.size();
        if (options_.json) {
            print_json({{"service", service_.name},
                        {"verdict", "upgraded"},
                        {"generation", now.generation},
                        {"version", now.version},
                        {"version_before", before.version},
                        {"supervisor_pid", now.supervisor_pid},
                        {"workers", all},
                        {"untouched", untouched}},
                       console_);
            return exit_done;
        }
        std::string text = service_.name + ": supervisor upgraded";
        if (before.version != now.version)
            text += " from " + safe(before.version) + " to " + safe(now.version);
        text += " (pid " + std::to_string(now.supervisor_pid);
        text += before.supervisor_pid == now.supervisor_pid
                    ? " as before, "
                    : ", before " + std::to_string(before.supervisor_pid) + ", ";
        text += untouched == all ? std::to_string(all)
                                 : std::to_string(untouched) + " of " + std::to_string(all);
        text += all == 1 ? " worker untouched), in " : " workers untouched), in ";
        console_.out(text + render_short(os::now() - began_) + '\n');
        return exit_done;
    }

    int give_up(const Error& error) {
        const std::string status = "; `svc status " + service_.name + "` shows what runs\n";
        const std::string name = "svc: " + service_.name + ": ";
        const bool may_come = asked_before_ && line_.times_asked() > *asked_before_;
        if (error.code == EINTR) {
            console_.err(name + "interrupted: " +
                         (may_come ? "the upgrade may or may not come" + status
                                   : "the supervisor was asked for nothing\n"));
            return Interrupts::exit_status(signal_);
        }
        if (error.code == ETIMEDOUT && answered_) {
            console_.err(name + "the new program does not go on within " +
                         format_rough(std::chrono::ceil<std::chrono::seconds>(os::now() - began_)) +
                         status);
            return exit_timed_out;
        }
        if (error.code == ETIMEDOUT && asked_before_) {
            console_.err(name +
                         "the supervisor waits for what it cannot hand over (a check, a launch, "
                         "a hook): it goes on as it is, and is upgraded when that is over, "
                         "or its log says why not" +
                         status);
            return exit_timed_out;
        }
        if (error.code == ECONNRESET) {
            console_.err(name +
                         "the supervisor ended before it answered: nobody knows whether it was "
                         "upgraded" +
                         status);
            return exit_failed;
        }
        return fail(error, console_);
    }

    const Options& options_;
    const Service& service_;
    const Console& console_;
    const Interrupts& interrupts_;
    Line line_;
    Instant began_;
    std::optional<Instant> deadline_;
    std::optional<unsigned> asked_before_; ///< calls before Upgrade
    bool answered_ = false;
    int signal_ = 0;
};

/// One after the other, each with the whole of --timeout. One that no supervisor answers for is no failure: what
/// starts it next is the new program.
int upgrade_all(const Options& options, const Console& console, const Interrupts& interrupts) {
    const auto services = find_services(runtime_directories(options.runtime_dir));
    if (services.empty() && !options.json)
        console.out("no service runs here: there is no supervisor to upgrade\n");
    int worst = exit_done;
    for (const auto& service : services) {
        const int status = Upgrade(options, service, console, interrupts).run();
        if (status > exit_timed_out) // by a signal: the person has had enough
            return status;
        if (status != exit_done && status != exit_no_supervisor)
            worst = exit_failed;
    }
    return worst;
}

} // namespace

int upgrade_service(const Options& options, const Console& console) {
    const auto interrupts = Interrupts::make();
    if (!interrupts)
        return fail(interrupts.error(), console);
    if (options.all)
        return upgrade_all(options, console, *interrupts);
    const auto service = choose_service(options, console);
    if (!service)
        return fail(service.error(), console);
    return Upgrade(options, *service, console, *interrupts).run();
}

} // namespace svc::cli
