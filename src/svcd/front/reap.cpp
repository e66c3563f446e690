#include "svcd/front/reap.h"

#include "os/cgroup.h"
#include "os/clock.h"
#include "os/delegation.h"
#include "os/own_unit.h"
#include "svcd/front/manager_job.h"
#include "svcd/front/places.h"
#include "svcd/host/leftovers.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <unistd.h>

namespace svc::daemon {

namespace {

/// A child of a supervisor that was killed has its lock, too, until it has seen that.
constexpr Duration lock_bound = std::chrono::seconds(5);
constexpr Duration lock_again = std::chrono::milliseconds(100);
constexpr int rounds_limit = 5;
/// From our start on; then everybody is killed at once, which may take kill_bound. The units' TimeoutStopSec=90s would
/// end us instead, without a word.
constexpr Duration whole_bound = std::chrono::seconds(80);
static_assert(longest_grace <= whole_bound && whole_bound + kill_bound < std::chrono::seconds(90));

/// For whom systemd runs us, if it does.
struct Caller {
    os::OwnUnit supervisor;
    bool is_companion = false; ///< else the supervisor's own unit, in ExecStopPost=
};

std::optional<Caller> find_caller(const std::string& name) {
    const auto unit = os::own_unit();
    const std::string own = "svcd@" + name + ".service";
    if (unit && (unit->name == own || unit->name == "svcd-reap@" + name + ".service"))
        return Caller{{own, unit->of_user}, unit->name != own};
    return std::nullopt;
}

/// With a status for which the unit has no Restart= (systemd.exec(5), EXIT_CODE).
bool has_exited_for_good() {
    const auto is = [](const char* name, std::initializer_list<std::string_view> values) {
        const char* value = std::getenv(name);
        return value != nullptr && std::find(values.begin(), values.end(), value) != values.end();
    };
    return is("EXIT_CODE", {"exited"}) && is("EXIT_STATUS", {"0", "2", "5"});
}

/// Whether what is left is the next supervisor's.
bool goes_on(const Caller& caller, UnitJob job) {
    switch (job) {
    case UnitJob::start:
        return true;
    case UnitJob::stop:
        return false;
    case UnitJob::none:
    case UnitJob::unknown:
        // The companion is stopped for nothing else. After the end of a supervisor that nobody asked for,
        // systemd has no job yet, and will start it again.
        return !caller.is_companion && !has_exited_for_good();
    }
    fatal("goes_on(): no such job");
}

class Reaper {
public:
    Reaper(boost::asio::io_context& io, std::string name, Directories places, std::string cgroup)
        : io_(io), name_(std::move(name)), runtime_(std::move(places.runtime)),
          history_(std::move(places.state)), wanted_cgroup_(std::move(cgroup)), again_(io),
          lock_deadline_(os::now() + lock_bound), deadline_(os::now() + whole_bound) {}

    void start() {
        caller_ = find_caller(name_);
        if (wanted_cgroup_ == "off")
            return look_first();
        if (wanted_cgroup_ != "auto")
            return take(os::open_delegated_cgroup(wanted_cgroup_));
        if (!caller_)
            return look_first();
        if (!caller_->is_companion)
            return take(os::find_delegated_cgroup());
        // The supervisor's is another unit's, which may have no process, and no mark that we can see.
        take(os::ask_for_delegated_cgroup(caller_->supervisor));
    }

    [[nodiscard]] int exit_status() const { return exit_status_; }

private:
    void take(Result<os::Delegated> found) {
        if (found)
            cgroup_ = std::move(found->directory);
        else
            spdlog::debug("no cgroup is looked into: {}", found.error().message);
        // systemd before 254 puts the next main process into the unit's own group, where none can be as long as
        // its children have controllers: it would not start any more (219/CGROUP).
        if (found && caller_ && !caller_->is_companion)
            if (auto taken = os::disable_controllers(cgroup_.get()); !taken)
                spdlog::error("the supervisor may not be able to start again: {}",
                              taken.error().message);
        look_first();
    }

    void look_first() {
        look();
        if (!left_)
            return;
        const auto caller = caller_;
        if (!caller)
            return lock();
        job_ = std::make_unique<ManagerJob>(io_, caller->supervisor, [this, caller](UnitJob job) {
            if (goes_on(*caller, job))
                spdlog::debug("{} is started again, and takes over {}", caller->supervisor.name,
                              left_->describe());
            else
                lock();
        });
    }

    void look() {
        left_ = std::make_unique<Leftovers>(io_, runtime_ + "/notify", std::set<std::string>(),
                                            cgroup_.get());
        if (left_->empty())
            left_.reset();
    }

    void fail(const std::string& why) {
        spdlog::error("{}", why);
        exit_status_ = 1;
    }

    Result<void> try_to_lock() {
        // systemd removes the directory of a service that is stopped; then there is none who could hold it.
        if (std::error_code unknown; !lock_ && std::filesystem::exists(runtime_, unknown)) {
            auto lock = lock_service(name_, runtime_);
            if (!lock)
                return lock.error();
            lock_ = std::move(*lock);
        }
        // A group that was named by mistake is another service's.
        if (!cgroup_ || wanted_cgroup_ == "auto")
            return {};
        auto locked = os::lock_cgroup(cgroup_.get(), {});
        return locked ? locked
                      : Error{wanted_cgroup_ + ": " + locked.error().message, locked.error().code};
    }

    void lock() {
        const auto locked = try_to_lock();
        if (locked)
            end();
        else if (locked.error().code == EWOULDBLOCK && os::now() < lock_deadline_)
            again_.after(lock_again, [this] { lock(); });
        else
            fail("nothing is ended: " + locked.error().message);
    }

    void end() {
        spdlog::warn("no supervisor is there any more for {}: told to end", left_->describe());
        const Duration bound = std::clamp<Duration>(deadline_ - os::now(), {}, longest_grace);
        left_->end(history_, bound, [this] {
            if (left_->gave_up())
                return fail(left_->describe() +
                            " cannot be killed, and is still there: of a user that we may not "
                            "signal, or stuck in the kernel (ps shows D)");
            look();
            if (left_ && ++rounds_ < rounds_limit && os::now() < deadline_)
                end();
            else if (left_)
                fail("new ones come as old ones end: " + left_->describe() + " is still there");
        });
    }

    boost::asio::io_context& io_;
    std::string name_;
    std::string runtime_;
    History history_;           ///< only read
    std::string wanted_cgroup_; ///< --cgroup
    std::optional<Caller> caller_;
    UniqueFd cgroup_; ///< the service's; empty: none is known
    Alarm again_;
    Instant lock_deadline_;
    Instant deadline_; ///< of all
    UniqueFd lock_;
    std::unique_ptr<Leftovers> left_;
    std::unique_ptr<ManagerJob> job_;
    int rounds_ = 0;
    int exit_status_ = 0;
};

} // namespace

int reap(const Options& options) {
    const auto variable = [](const char* name) -> const char* { return std::getenv(name); };
    auto directories = find_directories(options.name, options.runtime_dir, options.state_dir,
                                        ::geteuid(), variable);
    if (!directories) {
        spdlog::critical("{}", directories.error().message);
        return 1;
    }
    boost::asio::io_context io(1);
    Reaper reaper(io, options.name, std::move(*directories), options.cgroup);
    reaper.start();
    io.run();
    return reaper.exit_status();
}

} // namespace svc::daemon
