#include "svcd/host/leftovers.h"

#include "os/cgroup.h"
#include "os/fd.h"
#include "os/process.h"
#include "svcd/host/survival/cgroups.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <charconv>
#include <map>

namespace svc::daemon {

namespace {

constexpr std::size_t described_limit = 5;

} // namespace

Leftovers::Leftovers(boost::asio::io_context& io, const std::string& notify_directory,
                     const std::set<std::string>& known, int cgroup)
    : io_(io), processes_(os::find_processes("NOTIFY_SOCKET=" + notify_directory + "/")),
      cgroup_(cgroup), deadline_(io) {
    std::erase_if(processes_, [&](const auto& process) { return known.contains(process.value); });
    if (cgroup_ >= 0)
        for (const std::string& name : os::child_cgroups(cgroup_))
            if (is_workers_name(name) && !known.contains(name))
                if (auto opened = os::open_cgroup(cgroup_, name))
                    groups_.push_back({name, std::move(*opened)});
    find_in_cgroups();
}

/// Adds those that are not in the list yet; whether there are any.
bool Leftovers::find_in_cgroups() {
    std::set<pid_t> listed;
    for (const auto& process : processes_)
        listed.insert(process.pid);
    const std::size_t before = processes_.size();
    for (const Group& group : groups_) {
        for (auto& process : os::processes_in(group.directory.get())) {
            if (!listed.insert(process.pid).second)
                continue;
            process.value = group.name;
            processes_.push_back(std::move(process));
        }
    }
    return processes_.size() > before;
}

std::string Leftovers::describe() const {
    std::string text;
    for (std::size_t at = 0; at < processes_.size() && at < described_limit; ++at)
        text += (at == 0 ? "process " : ", process ") + std::to_string(processes_[at].pid) + " (" +
                processes_[at].value + ")";
    if (processes_.size() > described_limit)
        text += " and " + std::to_string(processes_.size() - described_limit) + " more";
    return text;
}

LeftoverStop stop_of(const History& history, const std::string& worker) {
    const auto numbers = history.numbers();
    std::vector<rollout::RevisionNumber> candidates(numbers.rbegin(), numbers.rend());
    rollout::RevisionNumber its_own = 0;
    if (worker.starts_with('r'))
        std::from_chars(worker.data() + 1, worker.data() + worker.size(), its_own);
    candidates.insert(candidates.begin(), its_own);
    LeftoverStop stop;
    for (const auto number : candidates) {
        const auto entry = number != 0 ? history.read(number) : HistoryEntry{};
        if (!entry.revision)
            continue;
        // What stands on a disk may be anything.
        const auto& wanted = entry.revision->spec.stop;
        if (wanted.signal > 0 && wanted.signal <= SIGRTMAX)
            stop.signal = wanted.signal;
        stop.grace = std::clamp(wanted.grace, Duration::zero(), longest_grace);
        break;
    }
    return stop;
}

/// Whose main process is known is told through that alone.
void Leftovers::part() {
    std::map<pid_t, std::string> workers;
    std::map<pid_t, pid_t> parents;
    for (const auto& process : processes_) {
        workers.emplace(process.pid, process.value);
        parents.emplace(process.pid, os::parent_of(process.pid).value_or(0));
    }
    // One that has ended since the look, as a worker's short-lived child does, has no parent that says anything: it
    // would pass for a second main process. So it is asked after its parent was read.
    std::erase_if(processes_,
                  [](const auto& process) { return os::has_ended(process.pidfd.get()); });
    std::map<std::string, int> roots;
    std::set<pid_t> inner;
    for (const auto& process : processes_) {
        const auto parent = workers.find(parents.at(process.pid));
        if (parent != workers.end() && parent->second == process.value)
            inner.insert(process.pid);
        else
            ++roots[process.value];
    }
    const auto told =
        std::stable_partition(processes_.begin(), processes_.end(), [&](const auto& process) {
            return inner.contains(process.pid) && roots[process.value] == 1;
        });
    untold_ = static_cast<std::size_t>(told - processes_.begin());
}

void Leftovers::end(const History& history, Duration bound, std::function<void()> gone) {
    gone_ = std::move(gone);
    part();
    Duration grace{};
    for (std::size_t at = untold_; at < processes_.size(); ++at) {
        const auto& process = processes_[at];
        const LeftoverStop stop = stop_of(history, process.value);
        grace = std::max(grace, stop.grace);
        // Of one that we may not signal nobody can be told anything here: it is waited for, or outlived.
        static_cast<void>(os::send_signal(process.pidfd.get(), stop.signal));
    }
    deadline_.after(std::clamp(grace, Duration::zero(), bound), [this] { kill_the_rest(); });
    wait_for_next();
}

void Leftovers::kill() {
    for (const Group& group : groups_)
        static_cast<void>(os::kill_cgroup(group.directory.get()));
    for (const auto& process : processes_)
        static_cast<void>(os::send_signal(process.pidfd.get(), SIGKILL));
}

/// One that cannot be killed keeps nobody waiting.
void Leftovers::kill_the_rest() {
    kill();
    if (std::exchange(killing_, true))
        return;
    deadline_.after(kill_bound, [this] {
        std::erase_if(processes_, [](const auto& left) { return os::has_ended(left.pidfd.get()); });
        given_up_ = !processes_.empty();
        finish();
    });
}

void Leftovers::finish() {
    for (const Group& group : groups_)
        // One that was removed has no files any more: what has its name now is a new worker's.
        if (os::has_file(group.directory.get(), "cgroup.procs"))
            static_cast<void>(os::remove_cgroup(cgroup_, group.name));
    deadline_.cancel();
    watch_.reset();
    boost::asio::post(io_, std::exchange(gone_, nullptr));
}

void Leftovers::wait_for_next() {
    while (!processes_.empty() && os::has_ended(processes_.back().pidfd.get()))
        processes_.pop_back();
    // A worker ends when its main process ends (svc-worker(7)). What was forked after the look is killed, too.
    const bool all_told_have_ended = processes_.size() <= untold_;
    if (processes_.empty() && !find_in_cgroups())
        return finish();
    if (all_told_have_ended)
        kill_the_rest();
    auto copy = os::duplicate(processes_.back().pidfd.get());
    auto watch = copy ? Watch::make(io_, std::move(*copy)) : Result<Watch>(copy.error());
    if (!watch)
        fatal("cannot wait for a process: " + watch.error().message);
    watch_ = std::move(*watch);
    watch_->when_readable([this] { wait_for_next(); });
}

} // namespace svc::daemon
