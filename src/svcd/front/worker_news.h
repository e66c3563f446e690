// WorkerNews: which workers a waiting caller does not know as they are now.
#pragma once

#include "rollout/event.h"
#include "wire/control.h"

#include <map>
#include <set>

namespace svc::daemon {

/// At first everything about every worker is news. From then on:
///
///   told ─ an event about it; it moved on without one (executing → starting, forgotten) → news ─ take() → told
///   told ─ it said something (STATUS=) → whisper: goes along with the next news, and is none itself
///   told as gone: forgotten here
///
/// So a rollout tells some lines about each worker, never the whole list again; and a caller that reads slowly
/// is told once what changed twice. Only workers on their way somewhere are looked at without an event.
class WorkerNews {
public:
    /// Everything about everybody.
    void begin(const rollout::State& state);
    void happened(const rollout::Event& event);
    /// Whether take() has something that is worth a message of its own.
    [[nodiscard]] bool any(const rollout::State& state);
    /// At most `limit` of the news, longest-lived workers first.
    std::vector<wire::WorkerProgress> take(const rollout::State& state, Instant now,
                                           std::size_t limit);

private:
    struct Told {
        wire::WorkerProgress last;
        rollout::WorkerPhase phase = rollout::WorkerPhase::spawning;
        std::optional<std::uint64_t> connections{}; ///< that it waits for
    };
    struct End {
        bool willed = false; ///< it was told to go
        std::string how;     ///< empty: it has not ended
    };
    void notice_moves(const rollout::State& state);
    void tell(const rollout::State& state, rollout::WorkerId id, Instant now,
              std::vector<wire::WorkerProgress>& list);
    void tell_gone(rollout::WorkerId id, std::vector<wire::WorkerProgress>& list);

    std::map<rollout::WorkerId, Told> told_;
    std::map<rollout::WorkerId, End> ends_; ///< of those that are not told as gone yet
    std::set<rollout::WorkerId> moving_;    ///< told, and on their way somewhere
    std::set<rollout::WorkerId> news_;
    std::set<rollout::WorkerId> whispers_;
};

} // namespace svc::daemon
