#include "svcd/front/manager_job.h"

#include "os/program.h"

#include <sstream>
#include <utility>
#include <vector>

namespace svc::daemon {

namespace {

constexpr Duration answer_bound = std::chrono::seconds(5);

std::vector<std::string> question(const os::OwnUnit& unit) {
    std::vector<std::string> command = {"systemctl", "list-jobs", "--no-legend", "--plain",
                                        unit.name};
    if (unit.of_user)
        command.insert(command.begin() + 1, "--user");
    return command;
}

} // namespace

UnitJob find_job(std::string_view jobs, std::string_view unit) {
    UnitJob found = UnitJob::none;
    std::istringstream lines{std::string(jobs)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string number;
        std::string name;
        std::string type;
        words >> number >> name >> type;
        // A job "start" waits behind a stop that is under way: the two together are a restart.
        if (name == unit && (type == "restart" || type == "start" || type == "try-restart"))
            return UnitJob::start;
        if (name == unit && type == "stop")
            found = UnitJob::stop;
    }
    return found;
}

ManagerJob::ManagerJob(boost::asio::io_context& io, const os::OwnUnit& unit,
                       std::function<void(UnitJob)> answer)
    : answer_(std::move(answer)), bound_(io) {
    bound_.after(answer_bound, [this] { end(UnitJob::unknown); });
    job_.emplace(io, os::start_program(question(unit)),
                 [this, name = unit.name](const Result<std::string>& jobs) {
                     end(jobs ? find_job(*jobs, name) : UnitJob::unknown);
                 });
}

void ManagerJob::end(UnitJob job) {
    bound_.cancel();
    const auto then = std::exchange(answer_, nullptr);
    if (then)
        then(job); // it may destroy us
}

} // namespace svc::daemon
