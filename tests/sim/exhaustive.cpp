// exhaustive [--depth N] [--crashes N] [--scenario NAME] [--trace "MOVE, MOVE, …"] [--broken]
//
// Every list of at most N moves, for each of a few small services. Two lists that lead to the same moment are
// followed once: a moment is the whole state as it would be written, and the machine's own books. From each
// moment the story is also brought to its end, with nothing going wrong any more, and must come to rest.
//
// Besides, once in a story, another supervisor follows: this one ends before or after any action, or in any
// publication, of what follows from one of the first moves (--crashes), and the next one goes on from what was
// published; or it is upgraded there; or all that it left is lost.
//
// A violation is printed as the shortest list of moves that shows it; --scenario with --trace tells that story.
// --broken: policies that are wrong on purpose must be caught, by the invariant they break.
#include "broken.h"
#include "trial.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace svc::sim {
namespace {

using namespace rollout;
using namespace std::chrono_literals;

Scenario scenario(std::string name, std::uint32_t replicas, Strategy strategy) {
    Scenario made;
    made.name = std::move(name);
    made.spec.rollout.replicas = replicas;
    made.spec.rollout.strategy = strategy;
    made.spec.restart.backoff_max = 400ms;
    made.spec.stop.grace = 5s;
    made.live = replicas + 1;
    made.total = replicas + 1 + replicas;
    made.floor = replicas;
    return made;
}

Scenario recreate(std::string name, std::uint32_t replicas) {
    Scenario made = scenario(std::move(name), replicas, Strategy::recreate);
    made.live = replicas;
    made.total = replicas + replicas;
    made.floor = 0;
    return made;
}

Scenario blue_green(std::string name, std::uint32_t replicas, Duration keep_old) {
    Scenario made = scenario(std::move(name), replicas, Strategy::blue_green);
    made.spec.rollout.stages = {RolloutStage{.size = Share{100, true}}};
    made.spec.rollout.keep_old = keep_old;
    made.live = replicas + replicas;
    made.total = replicas + replicas + replicas;
    made.sizes = {replicas};
    return made;
}

Scenario in_place(std::string name, std::uint32_t replicas) {
    Scenario made = scenario(std::move(name), replicas, Strategy::in_place);
    made.spec.rollout.in_place =
        InPlaceSpec{HookSpec{SleepHook{1s}, 10s, HookFailure::fail}, {}, {}};
    return made;
}

std::vector<Scenario> scenarios() {
    std::vector<Scenario> all;
    all.push_back(scenario("rolling-1", 1, Strategy::rolling));
    all.push_back(scenario("rolling-2", 2, Strategy::rolling));
    all.push_back(scenario("rolling-2-in-place-of-surge", 2, Strategy::rolling));
    all.back().spec.rollout.max_surge = Share{0, false};
    all.back().spec.rollout.max_unavailable = Share{1, false};
    all.back().live = 2;
    all.back().total = 4;
    all.back().floor = 1;
    all.push_back(scenario("rolling-1-pausing", 1, Strategy::rolling));
    all.back().spec.rollout.on_failure = OnFailure::pause;
    all.back().spec.rollout.min_ready = 1s;
    all.push_back(scenario("rolling-1-hooks", 1, Strategy::rolling));
    all.back().spec.stop.pre_stop = HookSpec{SleepHook{1s}, 10s, {}};
    all.back().spec.stop.post_stop = HookSpec{SleepHook{1s}, 10s, {}};
    all.push_back(scenario("rolling-1-rollout-hooks", 1, Strategy::rolling));
    all.back().spec.rollout.before = HookSpec{SleepHook{1s}, 10s, HookFailure::fail};
    all.back().spec.rollout.after = HookSpec{SleepHook{1s}, 10s, HookFailure::fail};
    all.push_back(scenario("rolling-2-liveness", 2, Strategy::rolling));
    all.back().spec.live.watchdog = 10s;
    all.back().less = 1;
    all.push_back(in_place("in-place-1", 1));
    all.push_back(in_place("in-place-2-revert", 2));
    all.back().spec.rollout.in_place->revert = HookSpec{SleepHook{1s}, 10s, HookFailure::fail};
    all.push_back(in_place("in-place-1-verify", 1));
    all.back().spec.rollout.in_place->verify = HookSpec{SleepHook{1s}, 10s, HookFailure::fail};
    all.push_back(scenario("rolling-1-slow-store", 1, Strategy::rolling));
    all.back().slow_store = true;
    all.push_back(scenario("rolling-1-from-nothing", 1, Strategy::rolling));
    all.back().begins_empty = true;
    all.push_back(recreate("recreate-1", 1));
    all.push_back(recreate("recreate-2", 2));
    all.push_back(blue_green("blue-green-1", 1, Duration{}));
    all.push_back(blue_green("blue-green-2-kept", 2, 60s));
    all.back().less = 1;
    all.push_back(blue_green("blue-green-1-kept-in-no-room", 1, 60s));
    all.back().spec.rollout.max_total = 2;
    all.back().spec.rollout.stages.front().hold = Duration{}; // soon there
    all.back().total = 2;
    all.push_back(blue_green("blue-green-2-kept-in-no-room", 2, 60s));
    all.back().spec.rollout.max_total = 3; // four while a second set is made
    all.back().total = 4;
    all.back().less = 1;
    all.push_back(scenario("canary-2", 2, Strategy::canary));
    all.back().spec.rollout.stages = {RolloutStage{.size = Share{1, false}, .hold = 10s}};
    all.back().spec.rollout.analysis = HookSpec{SleepHook{1s}, 10s, HookFailure::fail};
    all.back().sizes = {1};
    all.push_back(scenario("canary-1-two-stages", 1, Strategy::canary));
    all.back().spec.rollout.stages = {RolloutStage{.size = Share{1, false}},
                                      RolloutStage{.size = Share{100, true}, .hold = 1s}};
    all.back().sizes = {1, 1};
    return all;
}

/// Revision 2 serves, revision 1 came before it; or nothing has happened yet.
Scene beginning(const Scenario& scenario) {
    Trial trial(scenario, {}, Scene{.state = State{.service = "sim"}});
    for (int revisions = 0; revisions < 2 && !scenario.begins_empty; ++revisions) {
        trial.make(Move{MoveKind::request_good});
        trial.come_to_rest();
    }
    return trial.scene();
}

struct Found {
    std::string violation;
    std::string trace;
};

struct Extent {
    int depth = 5;
    /// The supervisor may end in what follows from so many moves, the first ones. One such story costs as
    /// much as a dozen others.
    int crashes = 2;
};

/// Depth first, so that nothing but the way here is in memory.
class Search {
public:
    Search(const Scenario& scenario, Brain brain, Extent extent)
        : scenario_(scenario), brain_(brain), extent_(extent) {}

    std::optional<Found> run() {
        try {
            traces_ = follow(Trial(scenario_, brain_, beginning(scenario_)), extent_.depth).back();
        } catch (const Broken& broken) {
            Found found{broken.what(), ""};
            for (const std::string& move : trace_)
                found.trace += (found.trace.empty() ? "" : ", ") + move;
            return found;
        }
        return std::nullopt;
    }

    [[nodiscard]] std::uint64_t moments() const { return seen_.size(); }
    [[nodiscard]] std::uint64_t moves() const { return moves_; }
    /// As many lists as there are without taking equal moments for one.
    [[nodiscard]] double traces() const { return traces_; }

private:
    static constexpr int after_crash = 1; ///< moves; then the story is brought to its end
    /// How many lists of at most 0, 1, … moves begin at a moment, as far as it was followed.
    using Counts = std::vector<double>;

    // What follows from a moment is the same, whichever way led to it.
    const Counts& follow(const Trial& here, int left) {
        const std::string written = here.written();
        const std::uint64_t key = std::hash<std::string>{}(written + here.unwritten());
        Counts& counts = seen_[key]; // stays where it is when the table grows
        const auto wanted = static_cast<std::size_t>(left) + 1;
        if (counts.size() >= wanted)
            return counts;
        const Scene scene = here.scene();
        if (counts.empty()) {
            here.check_round_trip(written);
            Trial(scenario_, brain_, scene).come_to_rest();
        }
        counts.assign(wanted, 1);
        for (Move move : left > 0 ? here.moves() : std::vector<Move>()) {
            const bool may_crash = !scene.books.succeeded && extent_.depth - left < extent_.crashes;
            if (is_succession(move.kind)) {
                if (may_crash)
                    follow_move(here, scene, move, left, counts);
                continue;
            }
            const int places = follow_move(here, scene, move, left, counts);
            // And the same, the supervisor ending somewhere in what follows.
            for (move.ends_at = 1; may_crash && move.ends_at <= places; ++move.ends_at)
                follow_move(here, scene, move, left, counts);
        }
        return counts;
    }

    int follow_move(const Trial& here, const Scene& scene, const Move& move, int left,
                    Counts& counts) {
        trace_.push_back(here.describe(move));
        Trial next(scenario_, brain_, scene);
        next.make(move);
        ++moves_;
        // What a supervisor's end breaks, it breaks soon.
        const bool turns = move.ends_at > 0 || is_succession(move.kind);
        const int further = turns ? std::min(left - 1, after_crash) : left - 1;
        const Counts& after = follow(next, further);
        for (std::size_t length = 1; length < counts.size() && length <= after.size(); ++length)
            counts[length] += after[length - 1];
        trace_.pop_back();
        return next.places();
    }

    const Scenario& scenario_;
    Brain brain_;
    Extent extent_;
    std::vector<std::string> trace_;
    std::unordered_map<std::uint64_t, Counts> seen_;
    std::uint64_t moves_ = 0;
    double traces_ = 0;
};

/// The shortest one.
std::optional<Found> find(const Scenario& scenario, Brain brain, Extent extent) {
    for (Extent shorter{0, extent.crashes}; shorter.depth <= extent.depth; ++shorter.depth)
        if (auto found = Search(scenario, brain, shorter).run())
            return found;
    return std::nullopt;
}

void print(const Scenario& scenario, const Found& found) {
    std::printf("invariant %s\n  (its story: exhaustive --scenario %s --trace \"%s\")\n",
                found.violation.c_str(), scenario.name.c_str(), found.trace.c_str());
}

/// Runs `work` for each scenario, on all processors.
template <class Work>
void for_each_scenario(const std::vector<Scenario>& all, Work work) {
    std::atomic<std::size_t> next{0};
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
        threads.emplace_back([&] {
            for (std::size_t index = next++; index < all.size(); index = next++)
                work(all[index]);
        });
}

int search_all(const std::vector<Scenario>& all, Extent extent) {
    std::mutex mutex;
    std::uint64_t moments = 0;
    std::uint64_t moves = 0;
    double traces = 0;
    int violations = 0;
    for_each_scenario(all, [&](const Scenario& scenario) {
        const Extent its_own{extent.depth - scenario.less, extent.crashes};
        Search search(scenario, {}, its_own);
        const bool broken = search.run().has_value();
        const auto shortest = broken ? find(scenario, {}, its_own) : std::nullopt;
        const std::lock_guard lock(mutex);
        std::printf("%-28s %8llu states %10llu moves %12.0f traces\n", scenario.name.c_str(),
                    static_cast<unsigned long long>(search.moments()),
                    static_cast<unsigned long long>(search.moves()), search.traces());
        if (shortest)
            print(scenario, *shortest);
        moments += search.moments();
        moves += search.moves();
        traces += search.traces();
        violations += broken ? 1 : 0;
    });
    std::printf("depth %d: %llu states, %llu moves, %.0f traces, %d violations\n", extent.depth,
                static_cast<unsigned long long>(moments), static_cast<unsigned long long>(moves),
                traces, violations);
    return violations == 0 ? 0 : 1;
}

int tell(const Scenario& scenario, const std::string& trace) {
    try {
        Trial trial(scenario, {}, beginning(scenario));
        trial.narrate = true;
        for (std::size_t at = 0; at < trace.size();) {
            const std::size_t end = std::min(trace.find(", ", at), trace.size());
            const std::string wanted = trace.substr(at, end - at);
            at = end + 2;
            std::vector<Move> moves = trial.moves();
            const std::size_t crash = wanted.find(" and the supervisor ends at ");
            if (crash != std::string::npos)
                for (Move& one : moves)
                    one.ends_at = std::atoi(wanted.c_str() + wanted.rfind(' '));
            const auto move = std::find_if(moves.begin(), moves.end(), [&](const Move& one) {
                return trial.describe(one) == wanted;
            });
            if (move == moves.end()) {
                std::printf("\"%s\" cannot happen here; what can:\n", wanted.c_str());
                for (const Move& one : moves)
                    std::printf("  %s\n", trial.describe(one).c_str());
                return 2;
            }
            trial.make(*move);
        }
        std::printf("> and from here on nothing goes wrong\n");
        trial.come_to_rest();
    } catch (const Broken& broken) {
        std::printf("invariant %s\n", broken.what());
        return 1;
    }
    std::printf("no violation\n");
    return 0;
}

/// Those that show within a few moves of one or two replicas, without scaling and without processes that refuse
/// to die; the seeds of `sim` catch the others too.
int catch_broken_policies(const std::vector<Scenario>& all, Extent extent) {
    const std::set<std::string_view> within_reach = {"forgets_draining_workers",
                                                     "drains_too_early",
                                                     "ignores_surge",
                                                     "restarts_all_on_failure",
                                                     "kills_the_dead",
                                                     "clings_to_the_old_set",
                                                     "believes_what_was_started",
                                                     "skips_the_hold",
                                                     "skips_the_analysis",
                                                     "forgets_the_living",
                                                     "believes_in_launchers",
                                                     "signals_again",
                                                     "waits_for_lost_hooks",
                                                     "recreates_too_early",
                                                     "moves_while_paused",
                                                     "publishes_late",
                                                     "releases_early",
                                                     "trusts_the_store",
                                                     "reads_early"};
    int escaped = 0;
    for (const BrokenPolicy& broken : broken_policies()) {
        if (!within_reach.contains(broken.name))
            continue;
        std::mutex mutex;
        std::atomic<bool> caught = false;
        for_each_scenario(all, [&](const Scenario& scenario) {
            const auto found =
                find(scenario, Brain{broken.policy, broken.recover, broken.habits}, extent);
            const std::lock_guard lock(mutex);
            const bool right = found && (broken.invariant == any_invariant ||
                                         found->violation.front() == broken.invariant);
            if (!right || caught)
                return;
            caught = true;
            std::printf("%-26s %s\n%28s%s: %s\n", std::string(broken.name).c_str(),
                        found->violation.c_str(), "", scenario.name.c_str(), found->trace.c_str());
        });
        if (!caught)
            std::printf("%-26s NOT CAUGHT\n", std::string(broken.name).c_str());
        escaped += caught ? 0 : 1;
    }
    return escaped == 0 ? 0 : 1;
}

} // namespace
} // namespace svc::sim

int main(int argc, char** argv) {
    using namespace svc::sim;
    std::vector<Scenario> all = scenarios();
    Extent extent;
    bool broken = false;
    std::optional<std::string> trace;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const char* value = i + 1 < argc ? argv[i + 1] : "";
        if (option == "--broken")
            broken = true;
        else if (option == "--depth")
            extent.depth = std::atoi(value);
        else if (option == "--crashes")
            extent.crashes = std::atoi(value);
        else if (option == "--trace")
            trace = value;
        else if (option == "--scenario")
            std::erase_if(all, [&](const Scenario& one) { return one.name != value; });
        else
            all.clear();
        i += option == "--broken" ? 0 : 1;
    }
    if (all.empty() || (trace && all.size() != 1)) {
        std::fprintf(
            stderr, "usage: exhaustive [--depth N] [--crashes N] [--scenario NAME [--trace \"MOVE, "
                    "MOVE, …\"]] [--broken]\n");
        return 2;
    }
    if (trace)
        return tell(all.front(), *trace);
    return broken ? catch_broken_policies(all, extent) : search_all(all, extent);
}
