// What outlives a simulated supervisor: the image of what it published, written and read by the code that ships
// (wire/image.h), and the store of fds, of which there are only the names.
#pragma once

#include "wire/image.h"

#include <array>
#include <set>
#include <string>
#include <vector>

namespace svc::sim {

/// The order in which a simulated host does what must outlive it: DaemonHost's, or one that is wrong on purpose.
struct Habits {
    bool publishes_late = false; ///< after the act instead of before it
    bool releases_early =
        false; ///< fds leave the store before what was published is silent about them
    bool trusts_the_store = false; ///< GO without waiting for it to confirm that it has the worker
    bool reads_early = false;      ///< READY=1 leaves its socket before it is written down
};

/// The memory file. A supervisor that is killed while it writes leaves a part of its last write.
class MemoryFile {
public:
    void publish(const rollout::State& state, const wire::Ledger& ledger);
    /// The same, cut off after this many bytes, modulo as many as there are.
    void publish_torn(const rollout::State& state, const wire::Ledger& ledger, std::uint64_t bytes);
    /// As the next supervisor does: what can be gone on from, or why not. It writes on in the same file.
    Result<wire::Snapshot> take_over();

private:
    void write(const wire::ImageWriter::Write& write, std::size_t bytes);

    std::array<std::string, 2> slots_;
    wire::ImageWriter writer_;
};

/// Who reads, seen from the one who wrote.
enum class NextProgram {
    same,
    later,   ///< its state has members that this one's has not
    earlier, ///< it knows nothing of some members of this one's
    too_old, ///< it is told that it cannot read this
};
/// What another program makes of what this one leaves.
Result<wire::Snapshot> read_by(NextProgram program, const rollout::State& state,
                               const wire::Ledger& ledger);

/// The fd store: what was offered is there once it was taken in, what was released goes once a step has settled and
/// was published (FdStore, svcd/host/survival/fd_store.h).
class Store {
public:
    void put(std::string name) { names_.insert(std::move(name)); }
    void release(const std::string& name, const Habits& habits) {
        if (habits.releases_early)
            names_.erase(name);
        else
            released_.push_back(name);
    }
    void settle() {
        for (const std::string& name : std::exchange(released_, {}))
            names_.erase(name);
    }
    [[nodiscard]] bool has(const std::string& name) const { return names_.contains(name); }

private:
    std::set<std::string> names_;
    std::vector<std::string> released_;
};

std::string kept_worker(rollout::WorkerId worker);
std::string kept_listener(rollout::RevisionNumber revision);

/// Of what was published: a listener or a worker that it speaks of, and that the store has not; empty: there is none.
/// `refused`: workers for which the store had no room.
std::string missing_from(const Store& store, const rollout::State& left,
                         const std::set<rollout::WorkerId>& refused);

} // namespace svc::sim
