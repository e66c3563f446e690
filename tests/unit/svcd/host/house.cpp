#include "house.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace svc::daemon::test {

TemporaryDirectory::TemporaryDirectory() {
    std::string pattern = "/tmp/svc-host-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error("cannot make a temporary directory");
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

namespace {

Settings settings_in(const std::string& directory) {
    Settings settings;
    settings.name = "web";
    settings.runtime_dir = directory + "/run";
    settings.state_dir = directory + "/state";
    settings.launcher_path = SVC_LAUNCH_PATH;
    return settings;
}

} // namespace

House::House(std::shared_ptr<const os::ManagerSocket> manager)
    : settings(settings_in(directory.path())), store(io, std::move(manager)),
      listeners(io, settings, store, {},
                [this](ListenerTable::News, const std::string& text) {
                    listener_reports.push_back(text);
                }),
      children_(io, SIGCHLD) {
    HostCallbacks callbacks;
    callbacks.observe = [this](rollout::Observation seen_now) {
        seen.push_back(std::move(seen_now));
    };
    callbacks.report = [](const rollout::Event&) {};
    callbacks.settled = [](const rollout::State&) {};
    callbacks.fall_back = [](const std::string&) {};
    callbacks.finish = [this](int status) { finished = status; };
    callbacks.warn = [this](const std::string& text) { warnings.push_back(text); };
    callbacks.recorded = [] {};
    callbacks.publish = [] {};
    auto made = DaemonHost::make(io, settings, listeners, store, std::move(callbacks));
    if (!made)
        throw std::runtime_error(made.error().message);
    host = std::move(*made);
    await_children();
}

House::~House() {
    host.reset();
    io.restart();
    io.poll();
}

void House::await_children() {
    children_.async_wait([this](boost::system::error_code error, int) {
        if (error)
            return;
        if (host)
            host->children_ended();
        await_children();
    });
}

rollout::Revision& House::revision(rollout::RevisionNumber number, std::vector<std::string> words) {
    auto& revision = state.revisions[number];
    revision.number = number;
    revision.executable = SVC_HOST_PROBE;
    revision.command = {"probe"};
    revision.command.insert(revision.command.end(), words.begin(), words.end());
    return revision;
}

rollout::WorkerId House::launch(rollout::RevisionNumber number, bool go) {
    const rollout::WorkerId id = state.next_worker++;
    auto& worker = state.workers[id];
    worker.id = id;
    worker.revision = number;
    worker.replica = static_cast<std::uint32_t>(id - 1);
    worker.name = rollout::name_of(number, worker.replica, 0);
    perform(rollout::LaunchWorker{id, number, worker.replica});
    if (go)
        perform(rollout::ReleaseWorker{id});
    return id;
}

bool House::has_status(const std::string& text) const {
    for (const auto& said : statuses()) {
        if (said == text)
            return true;
    }
    return false;
}

bool House::await_status(const std::string& text) {
    return run_until([&] { return has_status(text); });
}

std::vector<std::string> House::statuses() const {
    std::vector<std::string> result;
    for (const auto& observation : seen) {
        const auto* said = std::get_if<rollout::WorkerNotified>(&observation);
        if (said != nullptr && said->status)
            result.push_back(*said->status);
    }
    return result;
}

rollout::Pid House::spawned() const {
    const auto* worker = find<rollout::WorkerSpawned>();
    return worker == nullptr ? 0 : worker->pid;
}

bool process_exists(pid_t pid) {
    return ::kill(pid, 0) == 0;
}

} // namespace svc::daemon::test
