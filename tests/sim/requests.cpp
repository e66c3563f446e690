// What administrators ask of the simulated supervisor, and what nobody asked for.
#include "world.h"

namespace svc::sim {

using namespace rollout;
using namespace std::chrono_literals;

namespace {

Share random_share(Random& random) {
    return random.chance(50) ? Share{static_cast<std::uint32_t>(random.below(3)), false}
                             : Share{static_cast<std::uint32_t>(random.below(3) * 25), true};
}

Quality random_quality(Random& random) {
    if (random.chance(55))
        return Quality::good;
    return static_cast<Quality>(1 + random.below(static_cast<std::uint64_t>(Quality::flaky)));
}

/// Any strategy, its stages as the parser makes them.
void randomize_strategy(Random& random, RolloutSpec& rollout) {
    if (random.chance(50))
        return;
    rollout.strategy = static_cast<Strategy>(random.below(5));
    const std::uint64_t stages = rollout.strategy == Strategy::canary       ? 1 + random.below(3)
                                 : rollout.strategy == Strategy::blue_green ? 1
                                                                            : 0;
    for (std::uint64_t stage = 0; stage < stages; ++stage) {
        RolloutStage made;
        made.size =
            rollout.strategy == Strategy::blue_green ? Share{100, true} : random_share(random);
        if (random.chance(70))
            made.hold = random.between(Duration{0}, 20s);
        rollout.stages.push_back(made);
    }
    if (stages > 0 && random.chance(30))
        rollout.analysis = HookSpec{SleepHook{1s}, 1min, HookFailure::fail};
    if (rollout.strategy == Strategy::in_place) {
        rollout.in_place = InPlaceSpec{HookSpec{SignalHook{1}, {}, HookFailure::fail}, {}, {}};
        if (random.chance(50))
            rollout.in_place->revert = HookSpec{SignalHook{1}, {}, HookFailure::fail};
        if (random.chance(30))
            rollout.in_place->verify = HookSpec{SignalHook{1}, {}, HookFailure::fail};
    }
    if (rollout.strategy != Strategy::blue_green || random.chance(50))
        return;
    rollout.keep_old = random.between(1s, 40s);
    if (random.chance(50))
        rollout.max_total = rollout.replicas; // as little as there may be
}

std::optional<HookSpec> random_hook(Random& random, std::uint32_t percent) {
    if (!random.chance(percent))
        return {};
    return HookSpec{SleepHook{1s}, 10s,
                    random.chance(50) ? HookFailure::fail : HookFailure::ignore};
}

void randomize_health(Random& random, Spec& spec) {
    spec.process.pre_start = random_hook(random, 8);
    spec.ready.post_ready = random_hook(random, 8);
    spec.rollout.before = random_hook(random, 8);
    spec.rollout.after = random_hook(random, 8);
    const ProbeSpec probe{HttpProbe{"/healthz", "health"}};
    if (random.chance(10))
        spec.ready.startup = probe;
    if (random.chance(15))
        spec.live.probe = probe;
    else if (random.chance(10))
        spec.live.watchdog = 10s;
    if (random.chance(2))
        spec.recycle.max_age = random.between(10min, 60min);
    if (random.chance(5))
        spec.recycle.max_memory = 1u << 20;
}

} // namespace

Revision World::random_revision() {
    Revision revision;
    Spec& spec = revision.spec;
    randomize_health(random_, spec);
    revision.in_place = random_.chance(70);
    // Whoever is asked for while it is to come to rest is not one that never does.
    if (!faults_)
        spec.recycle.max_age.reset();
    recycles_ = recycles_ || spec.recycle.max_age.has_value();
    spec.rollout.replicas =
        static_cast<std::uint32_t>(random_.chance(5) ? 0 : 1 + random_.below(5));
    spec.rollout.max_surge = random_share(random_);
    spec.rollout.max_unavailable = random_share(random_);
    if (random_.chance(20))
        spec.rollout.max_total = static_cast<std::uint32_t>(2 + random_.below(8));
    spec.rollout.min_ready = random_.chance(50) ? Duration{0} : random_.between(1ms, 3s);
    spec.rollout.progress_deadline = random_.between(5s, 60s);
    if (random_.chance(20))
        spec.rollout.on_failure = OnFailure::pause;
    randomize_strategy(random_, spec.rollout);
    spec.ready.on = random_.chance(75) ? ReadyOn::notify : static_cast<ReadyOn>(random_.below(5));
    spec.ready.delay = random_.between(Duration{0}, 500ms);
    spec.ready.timeout = random_.between(1s, 10s);
    if (random_.chance(30))
        spec.stop.pre_stop = HookSpec{SleepHook{1s}, {}, HookFailure::ignore};
    if (random_.chance(5))
        spec.stop.pre_stop = HookSpec{SleepHook{1s}, {}, HookFailure::fail};
    if (random_.chance(20))
        spec.stop.post_stop = HookSpec{SleepHook{1s}, 10s, HookFailure::ignore};
    spec.stop.grace = random_.between(3s, 15s);
    if (random_.chance(30))
        spec.stop.wait_idle = random_.between(1s, 20s);
    spec.stop.grace_max = spec.stop.grace + random_.between(Duration{0}, 15s);
    spec.restart.policy =
        random_.chance(80) ? RestartPolicy::always : static_cast<RestartPolicy>(random_.below(3));
    spec.restart.backoff_min = random_.between(1ms, 200ms);
    spec.restart.backoff_max = random_.between(1s, 5s);
    return revision;
}

void World::listen(RevisionNumber number) {
    listening_.insert(number);
    store_.put(kept_listener(number));
}

void World::ask_rollout(bool supersede) {
    const RevisionNumber number = next_number_++;
    // The first one decides whether there is a story at all: mostly a good one.
    qualities_[number] =
        number == 1 && random_.chance(85) ? Quality::good : random_quality(random_);
    listen(number);
    narrate("asked for revision " + std::to_string(number) + (supersede ? ", superseding" : "") +
            ", quality " + std::to_string(static_cast<int>(qualities_[number])));
    see(RolloutRequested{random_revision(), supersede, random_.chance(10)});
}

/// To the revision that serves, to the one that is kept warm, or to what came before.
void World::ask_undo() {
    const auto& revisions = believed().revisions;
    if (revisions.empty() || believed().wanted != Wanted::run)
        return;
    const auto older =
        std::next(revisions.begin(), static_cast<std::ptrdiff_t>(random_.below(revisions.size())));
    Revision revision = older->second;
    revision.made_from = older->first;
    revision.in_place = false; // what the old one was started from is not what its workers reload
    const RevisionNumber number = next_number_++;
    qualities_[number] = qualities_.at(older->first);
    listen(number);
    narrate("asked to undo to revision " + std::to_string(older->first));
    see(RolloutRequested{revision, random_.chance(25)});
    count("undo");
}

/// The last revision that completed under an earlier supervisor: mostly as good as it was then.
void World::fall_back() {
    count("fallback");
    answer_after(soon(), [this] {
        falls_back_ = true; // nobody but the next supervisor asks again
        if (random_.chance(10))
            see(StopRequested{false, "what it needs is gone", true});
        else
            ask_rollout(false);
        falls_back_ = false;
    });
}

/// What a person does to the rollout that runs.
void World::ask_control() {
    switch (random_.below(6)) {
    case 0:
    case 1:
        see(PauseRequested{"paused by uid 0"});
        return;
    case 2:
        see(ResumeRequested{});
        return;
    case 3:
        see(AbortRequested{"aborted by uid 0"});
        return;
    case 4:
        promote();
        return;
    default:
        see(ReplaceRequested{static_cast<std::uint32_t>(random_.below(6)), "replaced by uid 0"});
    }
}

void World::promote() {
    promoted_ = true;
    see(PromoteRequested{});
}

/// In the end somebody looks after what waits for a person: nothing is left paused or held.
void World::attend() {
    if (faults_ || attended_ || !is_held(believed()))
        return;
    attended_ = true;
    after(1s, [this] {
        attended_ = false;
        const State& state = believed();
        if (!supervisor_ || !is_held(state))
            return;
        if (state.rollout->paused_at && !state.rollout->failure.empty())
            see(AbortRequested{"nobody can mend it"});
        else if (state.rollout->paused_at)
            see(ResumeRequested{});
        else if (!rollout_spec_in_force(state).stages[state.rollout->stage].hold)
            promote();
    });
}

void World::ask_something() {
    if (!supervisor_) { // the caller tries again
        after(500ms, [this] { ask_something(); });
        return;
    }
    const std::uint64_t what = random_.below(100);
    if (what < 45)
        ask_rollout(random_.chance(25));
    else if (what < 52)
        ask_undo();
    else if (what < 78)
        ask_control();
    else if (what < 96)
        see(ScaleRequested{static_cast<std::uint32_t>(random_.below(6)), random_.chance(30)});
    else
        see(StopRequested{random_.chance(30), "SIGTERM"});
    count("request");
}

/// Observations that contradict what is known, or are about nobody: they must change nothing.
void World::noise() {
    if (!supervisor_)
        return;
    const WorkerId unknown = 1'000'000 + random_.below(10);
    const WorkerId gone = random_.below(believed().next_worker);
    for (const WorkerId id : {unknown, gone}) {
        if (processes_.contains(id))
            continue;
        see(WorkerSpawned{id, 1});
        see(WorkerRecorded{id});
        see(WorkerExecuted{id});
        see(WorkerNotified{.worker = id, .ready = true, .extend_timeout = 1h});
        see(HookEnded{id, HookPoint::pre_stop, true, "", {}});
        see(ProbeReported{id, ProbeKind::ready, ProbeVerdict::passed, "noise"});
        see(MemoryExceeded{id, 1u << 30});
        see(WorkerReloaded{id, false, "noise", {}});
        see(WorkerExited{id, {}, {}});
        see(LaunchFailed{id, 1, "exec", "noise"});
        see(KillFailed{id, "noise"});
    }
    if (!processes_.empty()) // not noise: one that grew
        see(MemoryExceeded{processes_.begin()->first, 1u << 30});
}

} // namespace svc::sim
