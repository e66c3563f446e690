// ManagerJob: what the service manager is about to do with us when it sends SIGTERM.
#pragma once

#include "os/own_unit.h"
#include "svcd/host/children/file_job.h"
#include "svcd/host/children/loop.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace svc::daemon {

enum class UnitJob {
    none,
    stop,
    start,   ///< by itself, or behind a stop: a restart
    unknown, ///< the manager does not answer
};

/// systemd sends the same signal for a stop and for a restart, and says `success` of both; only its list of
/// jobs tells them apart. In a restart the workers are to be left alone: the next supervisor has them.
/// It is asked through systemctl(1), whose words are stable, in a child and with a bound: a manager that
/// does not answer stops the service, which is what the signal means.
class ManagerJob {
public:
    /// `answer` is called once, from the loop.
    ManagerJob(boost::asio::io_context& io, const os::OwnUnit& unit,
               std::function<void(UnitJob job)> answer);
    ManagerJob(const ManagerJob&) = delete;
    ManagerJob& operator=(const ManagerJob&) = delete;

private:
    void end(UnitJob job);

    std::function<void(UnitJob job)> answer_;
    Alarm bound_;
    std::optional<FileJob> job_;
};

/// Of "12 svcd@web.service restart running" lines, as `systemctl list-jobs` prints them. Pure.
UnitJob find_job(std::string_view jobs, std::string_view unit);

} // namespace svc::daemon
