#include "svcd/host/survival/cgroups.h"

#include "base/text.h"
#include "os/cgroup.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace svc::daemon {

namespace {

constexpr std::size_t named_limit = 5;
constexpr Duration lock_bound = std::chrono::seconds(1);
constexpr Duration launcher_bound = std::chrono::seconds(1);

} // namespace

bool is_workers_name(std::string_view name) {
    const auto dash = name.find('-');
    if (!name.starts_with('r') || dash == std::string_view::npos)
        return false;
    const auto place = name.substr(dash + 1);
    const auto dot = place.find('.');
    return is_number(name.substr(1, dash - 1)) && is_number(place.substr(0, dot)) &&
           (dot == std::string_view::npos || is_number(place.substr(dot + 1)));
}

std::string name_processes(const std::vector<os::FoundProcess>& processes) {
    std::string text;
    for (std::size_t at = 0; at < processes.size() && at < named_limit; ++at)
        text += (at == 0 ? "process " : ", process ") + std::to_string(processes[at].pid) + " (" +
                printable(processes[at].value, 64) + ")";
    if (processes.size() > named_limit)
        text += " and " + std::to_string(processes.size() - named_limit) + " more";
    return text;
}

// A worker's -------------------------------------------------------------------------------------

Result<UniqueFd> WorkerCgroup::door() const {
    return os::open_door(fd());
}

Result<void> WorkerCgroup::kill() const {
    return os::kill_cgroup(fd());
}

std::vector<os::FoundProcess> WorkerCgroup::processes() const {
    return os::is_populated(fd()) ? os::processes_in(fd()) : std::vector<os::FoundProcess>();
}

std::optional<std::string> WorkerCgroup::out_of_memory() const {
    const auto count = [this](const char* file, const char* key) {
        return os::number_in_cgroup(fd(), file, key).value_or(0);
    };
    // In this very group, not in one that the worker made below it: then all of it was killed.
    if (os::number_in_cgroup(fd(), "memory.oom.group") != 1 ||
        count("memory.events.local", "oom_kill") == 0)
        return std::nullopt;
    // "oom": its own limit was reached. Of one above, or of the machine, it says nothing.
    if (count("memory.events.local", "oom") > 0 && limits_ && limits_->memory_max)
        return "it needed more than its memory_max of " + format_size(*limits_->memory_max);
    return "of the machine, or of a cgroup above its own";
}

std::uint64_t WorkerCgroup::memory_kills() const {
    return os::number_in_cgroup(fd(), "memory.events", "oom_kill").value_or(0);
}

std::optional<std::uint64_t> WorkerCgroup::memory() const {
    return os::number_in_cgroup(fd(), "memory.current");
}

std::optional<std::uint64_t> WorkerCgroup::cpu_us() const {
    return os::number_in_cgroup(fd(), "cpu.stat", "usage_usec");
}

std::optional<std::uint64_t> WorkerCgroup::tasks() const {
    return os::number_in_cgroup(fd(), "pids.current");
}

// All of them ------------------------------------------------------------------------------------

Cgroups::Cgroups(boost::asio::io_context& io, std::function<void(const std::string&)> warn)
    : io_(io), warn_(std::move(warn)), bound_(io) {}

Cgroups::~Cgroups() {
    for (const Ending& ending : ending_)
        static_cast<void>(os::remove_cgroup(directory_.get(), ending.group.name()));
}

Result<void> Cgroups::open(const std::string& wanted) {
    if (wanted == "off") {
        why_none_ = "--cgroup off";
        return {};
    }
    if (wanted != "auto") {
        auto named = os::open_delegated_cgroup(wanted);
        if (!named)
            return named.error();
        // Nobody else tells us that it is ours alone. The fd goes with us, and over an exec it is taken anew.
        if (auto locked = os::lock_cgroup(named->directory.get(), lock_bound); !locked)
            return Error{wanted + ": " + locked.error().message, locked.error().code};
        return take(std::move(*named));
    }
    auto found = os::find_delegated_cgroup();
    const auto taken = found ? take(std::move(*found)) : Result<void>(found.error());
    if (!taken)
        why_none_ = taken.error().message;
    return {};
}

Result<void> Cgroups::take(os::Delegated delegated) {
    auto leaf = os::make_cgroup(delegated.directory.get(), os::supervisor_leaf);
    if (!leaf && leaf.error().code == EEXIST)
        leaf = os::open_cgroup(delegated.directory.get(), os::supervisor_leaf);
    if (!leaf)
        return Error{delegated.path + ": " + leaf.error().message, leaf.error().code};
    // By "0" from wherever we are, then what else is in the way.
    auto moved = os::write_cgroup(leaf->get(), "cgroup.procs", "0");
    if (moved)
        moved = os::move_processes(delegated.directory.get(), leaf->get());
    if (!moved)
        return Error{delegated.path + ": this process cannot go into " + os::supervisor_leaf +
                         ": " + moved.error().message,
                     moved.error().code};
    directory_ = std::move(delegated.directory);
    leaf_ = std::move(*leaf);
    path_ = std::move(delegated.path);
    // Each tells something of a worker that asks for no limit: who was killed for memory, how much it uses.
    for (const char* controller : {"memory", "pids"})
        static_cast<void>(enable(controller));
    return {};
}

std::string Cgroups::describe() const {
    if (present())
        return "each worker has a cgroup of its own, in " + path_;
    return "workers have no cgroups (" + why_none_ +
           "): limits are not enforced, and what leaves a worker's process group is not found";
}

std::set<std::string> Cgroups::controllers(const std::string& file) const {
    return os::read_controllers(os::read_cgroup(directory_.get(), file));
}

/// Not there at all is no error.
Result<void> Cgroups::enable(const std::string& controller) {
    if (!controllers("cgroup.controllers").contains(controller) ||
        controllers("cgroup.subtree_control").contains(controller))
        return {};
    auto enabled = os::write_cgroup(directory_.get(), "cgroup.subtree_control", "+" + controller);
    std::erase_if(not_enabled_, [&](const auto& entry) { return entry.first == controller; });
    if (!enabled)
        not_enabled_.emplace_back(controller, enabled.error());
    return enabled;
}

void Cgroups::enable_for(const std::optional<rollout::LimitsSpec>& limits) {
    for (const wire::LimitFile& file : wire::limit_files(limits.value_or(rollout::LimitsSpec{})))
        static_cast<void>(enable(file.controller));
}

std::string Cgroups::unenforced(const std::optional<rollout::LimitsSpec>& limits) {
    if (!limits)
        return {};
    std::vector<std::string> keys;
    std::vector<std::string> reasons;
    const auto add = [](std::vector<std::string>& to, const std::string& text) {
        if (std::find(to.begin(), to.end(), text) == to.end())
            to.push_back(text);
    };
    if (present())
        enable_for(limits);
    else
        reasons.push_back(why_none_);
    for (const wire::LimitFile& file : wire::limit_files(*limits)) {
        // The leaf is beside the workers' groups and has the same files.
        if (present() && os::has_file(leaf_.get(), file.file))
            continue;
        add(keys, file.key);
        if (!present())
            continue;
        const auto failed =
            std::find_if(not_enabled_.begin(), not_enabled_.end(),
                         [&](const auto& entry) { return entry.first == file.controller; });
        if (failed != not_enabled_.end())
            add(reasons, failed->second.message);
        else if (controllers("cgroup.controllers").contains(file.controller))
            add(reasons, "this kernel has no " + file.file);
        else
            add(reasons, "there is no " + file.controller + " controller in " + path_);
    }
    if (keys.empty())
        return {};
    return join(keys, ", ") + (keys.size() == 1 ? " is" : " are") +
           " not enforced: " + join(reasons, "; ");
}

Result<void> Cgroups::limit(int directory, const std::optional<rollout::LimitsSpec>& limits) {
    for (const wire::LimitFile& file : wire::limit_files(limits.value_or(rollout::LimitsSpec{}))) {
        if (!os::has_file(directory, file.file)) // unenforced() tells
            continue;
        if (auto set = os::write_cgroup(directory, file.file, file.text); !set)
            return Error{"cannot set " + file.key + ": " + set.error().message, set.error().code};
    }
    return {};
}

Result<WorkerCgroup> Cgroups::make(const std::string& name,
                                   const std::optional<rollout::LimitsSpec>& limits) {
    enable_for(limits);
    auto made = os::make_cgroup(directory_.get(), name);
    if (!made && made.error().code == EEXIST) {
        // Of a launch that came to nothing in an earlier life: its counters and limits go with it. Its launcher
        // ends by itself when its supervisor has, which may have been just now.
        const auto old = os::open_cgroup(directory_.get(), name);
        if (old && !os::await_empty(old->get(), launcher_bound))
            return Error{"the cgroup " + name + " is there, and not empty: " +
                             name_processes(os::processes_in(old->get())),
                         EEXIST};
        if (auto removed = os::remove_cgroup(directory_.get(), name); !removed)
            return removed.error();
        made = os::make_cgroup(directory_.get(), name);
    }
    if (!made)
        return made.error();
    WorkerCgroup group(name, std::move(*made), limits);
    if (auto limited = limit(group.fd(), limits); !limited) {
        retire(std::move(group));
        return limited.error();
    }
    return group;
}

std::optional<WorkerCgroup> Cgroups::find(const std::string& name,
                                          const std::optional<rollout::LimitsSpec>& limits) {
    if (!present())
        return std::nullopt;
    enable_for(limits);
    auto opened = os::open_cgroup(directory_.get(), name);
    if (!opened)
        return std::nullopt;
    WorkerCgroup group(name, std::move(*opened), limits);
    if (auto limited = limit(group.fd(), limits); !limited)
        warn_(name + ": " + limited.error().message);
    return group;
}

bool Cgroups::remove(const WorkerCgroup& group) {
    const auto removed = os::remove_cgroup(directory_.get(), group.name());
    if (!removed)
        warn_(removed.error().message);
    return !removed || *removed;
}

void Cgroups::retire(WorkerCgroup group) {
    if (remove(group))
        return;
    if (!watch_) {
        auto made = os::make_cgroup_watch();
        auto watch = made ? Watch::make(io_, std::move(*made)) : Result<Watch>(made.error());
        if (!watch)
            return warn_(watch.error().message + ": " + group.name() + " is left behind");
        watch_ = std::move(*watch);
        wait();
    }
    Ending ending{std::move(group), std::nullopt};
    if (auto watched = os::watch_populated(watch_->fd(), ending.group.fd()); watched)
        ending.watch = *watched;
    else
        warn_(watched.error().message + ": " + ending.group.name());
    // It may have become empty in between.
    if (!remove(ending))
        ending_.push_back(std::move(ending));
}

bool Cgroups::remove(const Ending& ending) {
    if (!remove(ending.group))
        return false;
    if (ending.watch)
        os::unwatch(watch_->fd(), *ending.watch);
    return true;
}

void Cgroups::wait() {
    watch_->when_readable([this] {
        os::drain_cgroup_watch(watch_->fd());
        wait();
        std::erase_if(ending_, [this](const Ending& ending) { return remove(ending); });
        if (ending_.empty())
            tell_removed();
    });
}

void Cgroups::when_removed(Duration bound, std::function<void()> then) {
    if (ending_.empty())
        return then();
    removed_ = std::move(then);
    bound_.after(bound, [this] { tell_removed(); });
}

void Cgroups::tell_removed() {
    bound_.cancel();
    if (const auto then = std::exchange(removed_, nullptr))
        then();
}

std::vector<std::string> Cgroups::ending() const {
    std::vector<std::string> names;
    for (const Ending& ending : ending_)
        names.push_back(ending.group.name());
    return names;
}

void Cgroups::sweep() {
    if (!present())
        return;
    for (const std::string& name : os::child_cgroups(directory_.get()))
        if (is_workers_name(name))
            static_cast<void>(os::remove_cgroup(directory_.get(), name));
}

} // namespace svc::daemon
