// House: a DaemonHost with a real loop and real processes, and all that it saw.
#pragma once

#include "../../patience.h"
#include "svcd/host/host.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace svc::daemon::test {

/// Removed with everything in it.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

class House {
public:
    /// `manager`: who keeps the fds; nullptr: nobody does.
    explicit House(std::shared_ptr<const os::ManagerSocket> manager = nullptr);
    ~House();

    /// A revision whose workers run the probe with these words.
    rollout::Revision& revision(rollout::RevisionNumber number, std::vector<std::string> words);
    /// A worker of that revision, launched; with `go` also released as soon as it was spawned.
    rollout::WorkerId launch(rollout::RevisionNumber number, bool go = true);
    void perform(const rollout::Action& action) { host->perform(action, state); }

    /// Runs the loop until `done`, or until patience is over; true if it was done.
    template <class Predicate>
    bool run_until(Predicate done) {
        const auto end = std::chrono::steady_clock::now() + svc::test::patience;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end)
                return false;
            io.restart();
            io.run_one_for(std::chrono::milliseconds(200));
        }
        return true;
    }
    /// The first observation of this kind from now on or seen already, of `worker` if it is not 0.
    template <class Kind>
    const Kind* find(rollout::WorkerId worker = 0) const {
        for (const auto& observation : seen) {
            const auto* kind = std::get_if<Kind>(&observation);
            if (kind != nullptr && (worker == 0 || kind->worker == worker))
                return kind;
        }
        return nullptr;
    }
    /// Runs the loop for this time, in which something must not happen.
    void run_for(Duration time) {
        const auto end = std::chrono::steady_clock::now() + time;
        run_until([&] { return std::chrono::steady_clock::now() > end; });
    }
    template <class Kind>
    std::size_t count() const {
        std::size_t result = 0;
        for (const auto& observation : seen)
            result += std::holds_alternative<Kind>(observation) ? 1 : 0;
        return result;
    }
    template <class Kind>
    std::optional<Kind> await() {
        run_until([this] { return find<Kind>() != nullptr; });
        const auto* found = find<Kind>();
        return found == nullptr ? std::nullopt : std::optional<Kind>(*found);
    }
    /// Until a worker said this with STATUS=.
    bool await_status(const std::string& text);
    [[nodiscard]] bool has_status(const std::string& text) const;
    /// Every STATUS= in order.
    [[nodiscard]] std::vector<std::string> statuses() const;
    /// Of the first WorkerSpawned.
    [[nodiscard]] rollout::Pid spawned() const;

    TemporaryDirectory directory;
    boost::asio::io_context io{1};
    Settings settings;
    std::vector<std::string> listener_reports;
    std::vector<rollout::Observation> seen;
    std::vector<std::string> warnings;
    int finished = -1;
    FdStore store;
    ListenerTable listeners;
    std::unique_ptr<DaemonHost> host;
    rollout::State state;

private:
    void await_children();
    boost::asio::signal_set children_;
};

bool process_exists(pid_t pid);

/// A hook without a timeout, whose failure is ignored.
inline rollout::HookSpec once(rollout::Hook what) {
    return {std::move(what), {}, rollout::HookFailure::ignore};
}

} // namespace svc::daemon::test
