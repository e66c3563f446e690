#include "svcd/front/reap.h"

#include "os/clock.h"
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
    Reaper(boost::asio::io_context& io, std::string name, std::string runtime, std::string state)
        : io_(io), name_(std::move(name)), runtime_(std::move(runtime)), history_(std::move(state)),
          again_(io), lock_deadline_(os::now() + lock_bound) {}

    void start() {
        look();
        if (!left_)
            return;
        const auto caller = find_caller(name_);
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

    [[nodiscard]] int exit_status() const { return exit_status_; }

private:
    void look() {
        left_ = std::make_unique<Leftovers>(io_, runtime_ + "/notify", std::set<std::string>());
        if (left_->empty())
            left_.reset();
    }

    void fail(const std::string& why) {
        spdlog::error("{}", why);
        exit_status_ = 1;
    }

    void lock() {
        // systemd removes the directory of a service that is stopped; then there is none who could hold it.
        if (std::error_code unknown; !std::filesystem::exists(runtime_, unknown))
            return end();
        auto lock = lock_service(name_, runtime_);
        if (lock) {
            lock_ = std::move(*lock);
            end();
        } else if (lock.error().code == EWOULDBLOCK && os::now() < lock_deadline_) {
            again_.after(lock_again, [this] { this->lock(); });
        } else {
            fail("nothing is ended: " + lock.error().message);
        }
    }

    void end() {
        spdlog::warn("no supervisor is there any more for {}: told to end", left_->describe());
        left_->end(history_, [this] {
            look();
            if (left_ && ++rounds_ < rounds_limit)
                end();
            else if (left_)
                fail("new ones come as old ones end: " + left_->describe() + " is still there");
        });
    }

    boost::asio::io_context& io_;
    std::string name_;
    std::string runtime_;
    History history_; ///< only read
    Alarm again_;
    Instant lock_deadline_;
    UniqueFd lock_;
    std::unique_ptr<Leftovers> left_;
    std::unique_ptr<ManagerJob> job_;
    int rounds_ = 0;
    int exit_status_ = 0;
};

} // namespace

int reap(const Options& options) {
    const auto variable = [](const char* name) -> const char* { return std::getenv(name); };
    const auto directories = find_directories(options.name, options.runtime_dir, options.state_dir,
                                              ::geteuid(), variable);
    if (!directories) {
        spdlog::critical("{}", directories.error().message);
        return 1;
    }
    boost::asio::io_context io(1);
    Reaper reaper(io, options.name, directories->runtime, directories->state);
    reaper.start();
    io.run();
    return reaper.exit_status();
}

} // namespace svc::daemon
