// move_workers(): who is launched and who is retired, so that the target revision fills every
// replica. A rollout, a rollback, a restart and a scale are all this one reconciliation; they
// differ only in what the target is.
//
// The arithmetic is that of a Kubernetes Deployment's rolling update, with two differences: every
// worker with a process counts against max_total, so that back-to-back reloads cannot pile up
// draining ones; and while a rollout has not proved itself, a crashed worker of the serving
// revision is replaced by its own kind before the new revision gets the place.
#include "rollout/planner.h"

namespace svc::rollout {

namespace {

class Mover {
public:
    explicit Mover(Planner& planner)
        : planner_(planner), state_(planner.state), target_(target_revision(state_)),
          budget_(budget_in_force(state_)) {
        for (const auto& [id, worker] : state_.workers) {
            running_ += has_process(worker) ? 1 : 0;
            const bool kept = state_.kept != 0 && worker.revision == state_.kept;
            if (!is_live(worker) || kept)
                continue;
            live_.push_back(&worker);
            available_ += is_available(worker) ? 1 : 0;
            // A second one at a replica, which a rollback can leave, fills no other replica.
            const bool second = !state_.rollout && place(worker.replica).fresh != nullptr;
            fresh_ += is_fresh(worker, target_) && !second ? 1 : 0;
            note_place(worker);
        }
    }

    void scale_down() {
        for (const Worker* worker : live_) {
            const std::uint32_t kept =
                worker->revision == target_ ? state_.replicas : budget_.replicas;
            if (worker->replica >= kept)
                planner_.retire(*worker, Retirement::scaled_down,
                                "scaled down to " + std::to_string(kept) + " replicas");
        }
    }

    /// What neither serves nor ever will: workers of a revision that was given up, not available yet.
    void take_back() {
        for (const Worker* worker : live_)
            if (!wanted(worker->revision) && !is_available(*worker))
                planner_.retire(*worker, Retirement::taken_back, "its revision was given up");
    }

    /// After a scale-down the surge that was right before can be too much.
    void trim() {
        const std::uint32_t most = budget_.replicas + budget_.surge;
        if (live_.size() <= most)
            return;
        const bool proved = serves_all(state_, target_) && !is_staged(state_);
        const RevisionNumber keeper = proved ? target_ : state_.current;
        std::vector<const Worker*> order = live_;
        std::stable_sort(order.begin(), order.end(), [&](const Worker* a, const Worker* b) {
            return trim_rank(*a, keeper) < trim_rank(*b, keeper);
        });
        for (std::size_t extra = 0; live_.size() - extra > most; ++extra)
            planner_.retire(*order[extra], Retirement::scaled_down,
                            "more workers than replicas and surge");
    }

    /// A rollback can leave two at a replica: one that took the place of one that it then reverted.
    void trim_doubles() {
        if (state_.rollout ||
            std::int64_t{available_} <= std::int64_t{budget_.replicas} - budget_.unavailable)
            return;
        for (const Worker* worker : live_) {
            if (is_fresh(*worker, target_) && is_available(*worker) &&
                place(worker->replica).fresh != worker) {
                planner_.retire(*worker, Retirement::scaled_down, "its replica has another worker");
                return;
            }
        }
    }

    void launch() {
        std::uint32_t next = 0;
        restore_serving(next);
        if (stands_still(state_))
            return;
        const std::uint32_t restored = next;
        const std::uint32_t limit = fresh_limit(state_);
        if (fresh_ >= limit)
            return;
        for (const std::uint32_t index : by_need(state_.replicas)) {
            if (fresh_ + next - restored >= limit)
                return;
            const Place at = place(index);
            if (at.fresh == nullptr && !at.becomes && may_start(index, target_))
                launch_at(index, target_, next);
        }
    }

    void retire_old() {
        if (stands_still(state_))
            return;
        const bool keeps_serving = has_second_set() || keeps_old_set(state_);
        const std::int64_t floor = std::int64_t{budget_.replicas} - budget_.unavailable;
        std::int64_t unproven = 0;
        std::vector<const Worker*> old;
        for (const Worker* worker : live_) {
            if (keeps_serving && is_fresh(*worker, state_.current))
                continue;
            if (can_become_target(state_, *worker))
                continue;
            if (!is_fresh(*worker, target_))
                old.push_back(worker);
            else if (!is_available(*worker))
                ++unproven;
        }
        std::int64_t places = std::ssize(live_) - floor - unproven;
        std::int64_t spare = std::int64_t{available_} - floor;
        // The rest of the replicas is the old revision's until the next stage.
        if (is_staged(state_) && !keeps_serving)
            places = std::min(places, std::ssize(old) - std::int64_t{budget_.replicas} +
                                          fresh_limit(state_));
        if (places <= 0 && state_.rollout)
            return;
        std::stable_sort(old.begin(), old.end(), [&](const Worker* a, const Worker* b) {
            return retire_rank(*a) < retire_rank(*b);
        });
        for (const Worker* worker : old) {
            // Where a replica is held down, what is spare never comes; a successor takes nothing away.
            const bool succeeded = worker->revision == target_ && has_successor(*worker);
            if (!succeeded && (places <= 0 || (is_available(*worker) && spare-- <= 0)))
                return;
            --places;
            planner_.retire(*worker, Retirement::replaced,
                            worker->revision == target_
                                ? "replaced, " + worker->stale
                                : "replaced by revision " + std::to_string(target_));
        }
    }

    /// A warm old set is in the way of nothing: it makes room under max_total for a worker that is due,
    /// unless what drains already leaves enough. To end it would not be faster then.
    void give_way() {
        if (state_.kept == 0 || crowded_ == 0)
            return;
        std::uint32_t leaving = 0;
        for (const auto& [id, worker] : state_.workers)
            leaving += has_process(worker) && !is_live(worker) && !cannot_be_killed(worker) ? 1 : 0;
        if (leaving < crowded_)
            planner_.act(EndKeeping{"another worker is due, and max_total (" +
                                    std::to_string(budget_.total) + ") has no room for it"});
    }

    /// Workers that cannot be killed keep their places for good. A rollout that lacks these would
    /// wait for ever once every other worker has come to rest.
    void give_up_if_crowded() {
        if (!state_.rollout || crowded_ == 0)
            return;
        std::uint32_t stuck = 0;
        for (const auto& [id, worker] : state_.workers) {
            if (cannot_be_killed(worker))
                ++stuck;
            else if (!is_available(worker))
                return;
        }
        give_up_for_want_of_room(planner_, "there is no room for another worker: max_total is " +
                                               std::to_string(budget_.total) + ", and " +
                                               std::to_string(stuck) + " cannot be killed");
    }

private:
    [[nodiscard]] bool wanted(RevisionNumber revision) const {
        return revision == target_ || revision == state_.current;
    }

    /// blue_green: until the last stage is passed, the old set stays whole.
    [[nodiscard]] bool has_second_set() const {
        return is_staged(state_) && rollout_spec_in_force(state_).strategy == Strategy::blue_green;
    }

    [[nodiscard]] bool has_successor(const Worker& worker) const {
        const Worker* successor = place(worker.replica).fresh;
        return successor != nullptr && is_available(*successor);
    }

    /// Who lives at a replica; of several the one that was launched first. Asked for every replica at every
    /// decision, so it is looked up once.
    struct Place {
        bool covered = false;
        const Worker* fresh = nullptr;   ///< of the target revision, and nothing wants another one
        const Worker* newer = nullptr;   ///< of the target revision
        const Worker* serving = nullptr; ///< of the revision that completed last
        bool becomes =
            false; ///< in_place: one is, or will be told to become, the target revision's
    };

    void note_place(const Worker& worker) {
        if (worker.replica >= places_.size())
            places_.resize(worker.replica + 1);
        Place& place = places_[worker.replica];
        place.covered = true;
        if (place.fresh == nullptr && is_fresh(worker, target_))
            place.fresh = &worker;
        if (place.newer == nullptr && worker.revision == target_)
            place.newer = &worker;
        if (place.serving == nullptr && worker.revision == state_.current)
            place.serving = &worker;
        place.becomes = place.becomes || can_become_target(state_, worker);
    }

    [[nodiscard]] Place place(std::uint32_t index) const {
        return index < places_.size() ? places_[index] : Place{};
    }

    /// Replicas without any worker first, then in order.
    [[nodiscard]] std::vector<std::uint32_t> by_need(std::uint32_t replicas) const {
        std::vector<std::uint32_t> order;
        for (const bool served : {false, true})
            for (std::uint32_t index = 0; index < replicas; ++index)
                if (place(index).covered == served)
                    order.push_back(index);
        return order;
    }

    [[nodiscard]] bool lives_at(std::uint32_t index, RevisionNumber revision) const {
        const Place at = place(index);
        return (revision == target_ && at.newer != nullptr) ||
               (revision == state_.current && at.serving != nullptr);
    }

    /// Backoff and restart policy, as far as they are about this revision.
    bool may_start(std::uint32_t index, RevisionNumber revision) {
        if (index >= state_.replica_list.size())
            return true;
        const Replica& replica = state_.replica_list[index];
        if (replica.failing_revision != revision)
            return true;
        // The successor of one that runs is no restart: the policy does not speak of it.
        const bool held_down = replica.held_down && !lives_at(index, revision);
        return !held_down && (!replica.next_start || planner_.due(*replica.next_start));
    }

    void launch_at(std::uint32_t index, RevisionNumber revision, std::uint32_t& next) {
        if (live_.size() + reserved_ + next + crowded_ >= budget_.replicas + budget_.surge)
            return;
        if (running_ + next < budget_.total)
            planner_.act(LaunchWorker{state_.next_worker + next++, revision, index});
        else
            ++crowded_;
    }

    /// While a rollout progresses: crashed workers of the serving revision are started again as long as
    /// too few of either revision serve. The place of one in backoff is kept.
    void restore_serving(std::uint32_t& next) {
        const RevisionNumber serving = state_.current;
        if (serving == 0 || serving == target_ || !state_.rollout ||
            rollout_spec_in_force(state_).strategy == Strategy::recreate)
            return;
        std::int64_t serve = 0;
        std::int64_t old = 0;
        std::int64_t older = 0; // with those of a revision that was given up, as long as they serve
        for (const Worker* worker : live_) {
            serve += worker->revision == serving || is_available(*worker) ? 1 : 0;
            old += worker->revision == serving ? 1 : 0;
            older += is_fresh(*worker, target_) ? 0 : 1;
        }
        // Replicas that the new file adds are the new revision's from the start.
        const std::uint32_t before = std::min(state_.rollout->previous_replicas, budget_.replicas);
        std::int64_t missing = std::int64_t{before} - budget_.unavailable - serve;
        // What stands still may do so for hours, and is then whole.
        if (has_second_set())
            missing = std::int64_t{before} - old;
        else if (stands_still(state_))
            missing = std::max(missing, std::int64_t{before} - fresh_ - older);
        else if (is_staged(state_))
            missing = std::max(missing, std::int64_t{before} - fresh_limit(state_) - older);
        for (const std::uint32_t index : by_need(before)) {
            if (missing <= 0)
                return;
            const Worker* newer = place(index).newer;
            const bool served = newer != nullptr && is_available(*newer) && !has_second_set();
            if (place(index).serving != nullptr || served)
                continue;
            if (is_held_down(index, serving))
                continue;
            --missing;
            if (may_start(index, serving))
                launch_at(index, serving, next);
            else
                ++reserved_;
        }
    }

    [[nodiscard]] bool is_held_down(std::uint32_t index, RevisionNumber revision) const {
        return index < state_.replica_list.size() && state_.replica_list[index].held_down &&
               state_.replica_list[index].failing_revision == revision;
    }

    /// Who goes first when there are too many: who does not serve, the newest revision before the others;
    /// then workers of a revision that was given up; last the revision that proved itself last.
    [[nodiscard]] int trim_rank(const Worker& worker, RevisionNumber keeper) const {
        if (!is_available(worker))
            return worker.revision == target_ ? 0 : 1;
        if (!wanted(worker.revision) || !worker.stale.empty())
            return 2;
        return worker.revision == keeper ? 4 : 3;
    }

    /// Which old worker goes first: one that does not serve; one whose replica the new revision serves
    /// already; one whose replica it is about to.
    [[nodiscard]] int retire_rank(const Worker& worker) const {
        if (!is_available(worker))
            return 0;
        const Worker* successor = place(worker.replica).newer;
        if (successor == nullptr)
            return 3;
        return is_available(*successor) ? 1 : 2;
    }

    Planner& planner_;
    const State& state_;
    RevisionNumber target_;
    Budget budget_;
    std::vector<const Worker*> live_;
    std::vector<Place> places_; ///< by replica
    std::uint32_t available_ = 0;
    std::uint32_t fresh_ = 0;
    std::uint32_t running_ = 0; ///< draining ones too
    std::uint32_t reserved_ = 0;
    std::uint32_t crowded_ = 0; ///< workers that were not launched for want of room in max_total
};

} // namespace

void move_workers(Planner& planner) {
    if (planner.state.wanted != Wanted::run || target_revision(planner.state) == 0)
        return;
    Mover mover(planner);
    for (const auto part :
         {&Mover::scale_down, &Mover::take_back, &Mover::trim, &Mover::trim_doubles, &Mover::launch,
          &Mover::give_way, &Mover::retire_old, &Mover::give_up_if_crowded}) {
        (mover.*part)();
        if (planner.acted())
            return;
    }
}

} // namespace svc::rollout
