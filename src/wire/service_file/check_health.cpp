// [ready], [live] and [recycle]: what could never come true, or would at once.
#include "wire/service_file/sections.h"

#include "base/text.h"

namespace svc::wire::service_file {

namespace {

using rollout::ReadyOn;

// Below these svc would do little else.
constexpr Duration shortest_watchdog = std::chrono::milliseconds(1);
constexpr Duration shortest_look = std::chrono::milliseconds(100);
constexpr std::uint64_t smallest_memory = 1 << 20;

/// A probe passes at the earliest so long after it began; 0 without one.
Duration soonest(const std::optional<rollout::ProbeSpec>& probe) {
    if (!probe)
        return Duration::zero();
    return probe->initial_delay + probe->interval * (probe->success_threshold - 1);
}

Duration slept(const std::optional<rollout::HookSpec>& hook) {
    const auto* sleep = hook ? std::get_if<rollout::SleepHook>(&hook->what) : nullptr;
    return sleep == nullptr ? Duration::zero() : sleep->length;
}

class HealthChecker {
public:
    HealthChecker(const rollout::Spec& spec, std::vector<Finding>& findings)
        : spec_(spec), ready_(spec.ready), findings_(findings) {}

    void check_readiness();
    void check_fd();
    void check_ready_in_time();
    void check_available_in_time();
    void check_live();
    void check_recycle();

private:
    void add(std::string key, std::string message, std::vector<std::string> also = {}) {
        findings_.push_back(Finding{std::move(key), std::move(also), std::move(message)});
    }
    /// By its name, or by its place where the name could not be read: what is wrong with it changes
    /// nothing about the file descriptor that it gets.
    [[nodiscard]] std::string listener_text(std::size_t index) const {
        const std::string& name = spec_.listeners[index].name;
        return name.empty() ? std::to_string(index + 1) : name;
    }

    const rollout::Spec& spec_;
    const rollout::ReadySpec& ready_;
    std::vector<Finding>& findings_;
};

std::string_view who_says(ReadyOn on) {
    switch (on) {
    case ReadyOn::notify:
        return "with on = \"notify\" the worker itself says when it is ready";
    case ReadyOn::started:
        return "with on = \"started\" it is ready once it was started";
    case ReadyOn::fd:
        return "with on = \"fd\" the worker itself says when it is ready";
    case ReadyOn::probe:
        return "with on = \"probe\" the probe says when it is ready";
    case ReadyOn::accepting:
        return "with on = \"accepting\" it is ready once it waits for connections";
    case ReadyOn::ipc:
        return "with on = \"ipc\" the worker itself says when it is ready";
    }
    fatal("who_says: no such readiness");
}

void HealthChecker::check_readiness() {
    check_positive(ready_.timeout, "ready.timeout", "60s", findings_);
    const std::string instead(who_says(ready_.on));
    if (ready_.on != ReadyOn::started && ready_.delay != Duration::zero())
        add("ready.delay", "a delay needs on = \"started\"; " + instead,
            {"ready.on", "ready.probe"});
    if (ready_.on == ReadyOn::probe && !ready_.probe)
        add("ready.on",
            "there is no probe; write probe = { http = \"/healthz\", listener = \"NAME\" }",
            {"ready.probe"});
    const auto shared = [](const rollout::ListenerSpec& listener) {
        return listener.scope != rollout::ListenerScope::worker;
    };
    if (ready_.on == ReadyOn::accepting &&
        std::none_of(spec_.listeners.begin(), spec_.listeners.end(), shared))
        add("ready.on",
            "there is no listener to look at, because a worker's own one (private) is not held "
            "here; write a "
            "[[listener]], or another on",
            {"listener"});
    if (ready_.on != ReadyOn::probe && ready_.probe)
        add("ready.probe",
            "a readiness probe needs on = \"probe\"; " + instead +
                "; write that, or startup = { … } for what must come first",
            {"ready.on"});
    if (ready_.on != ReadyOn::fd && ready_.fd)
        add("ready.fd", "it needs on = \"fd\"; " + instead + "; write that, or take it out",
            {"ready.on", "ready.probe"});
}

void HealthChecker::check_fd() {
    if (!ready_.fd)
        return;
    const std::size_t first_free = 3 + spec_.listeners.size();
    if (*ready_.fd < 3)
        add("ready.fd", "the first three are stdin, stdout and stderr; write 3 or more");
    else if (*ready_.fd < first_free)
        add("ready.fd",
            "file descriptor " + std::to_string(*ready_.fd) + " is the one of listener " +
                listener_text(*ready_.fd - 3) + "; write " + std::to_string(first_free) +
                " or more, or leave it out: then it is the first one after the listeners");
    const auto& limits = spec_.process.limits;
    if (limits.contains("nofile") && *ready_.fd >= limits.at("nofile").soft)
        add("ready.fd",
            std::to_string(*ready_.fd) + " is beyond what limits permits (nofile = " +
                std::to_string(limits.at("nofile").soft) + "); write a smaller one",
            {"service.limits.nofile"});
}

void HealthChecker::check_ready_in_time() {
    const auto late = [&](Duration needed) {
        return ready_.timeout > Duration::zero() && needed >= ready_.timeout;
    };
    const std::string rest =
        ", and ready.timeout (" + format_duration(ready_.timeout) +
        ") is over by then; make it longer, or initial_delay and success_threshold smaller";
    const Duration startup = soonest(ready_.startup);
    if (late(startup))
        add("ready.startup",
            "it passes after " + format_duration(startup) + " at the earliest" + rest,
            {"ready.timeout"});
    else if (late(startup + soonest(ready_.probe)))
        add("ready.probe",
            "it passes " + format_duration(startup + soonest(ready_.probe)) +
                " after the launch at the earliest" + rest,
            {"ready.timeout", "ready.startup"});
}

/// The clock of progress runs until a new worker is available (rollout/verdict.cpp).
void HealthChecker::check_available_in_time() {
    const rollout::RolloutSpec& rollout = spec_.rollout;
    const Duration needed = slept(spec_.process.pre_start) + soonest(ready_.startup) +
                            soonest(ready_.probe) + ready_.delay + slept(ready_.post_ready) +
                            rollout.min_ready;
    if (needed < rollout.progress_deadline || rollout.progress_deadline <= Duration::zero())
        return;
    const bool more = needed != ready_.delay + rollout.min_ready;
    add("rollout.progress_deadline",
        format_duration(rollout.progress_deadline) +
            " is over before a worker can be available, which takes " + format_duration(needed) +
            (more ? " (its hooks, its probes, delay and min_ready together)"
                  : " (delay and min_ready together)") +
            "; every rollout would fail: make it longer",
        {"rollout.min_ready", "ready", "service.pre_start"});
}

void HealthChecker::check_live() {
    const rollout::LiveSpec& live = spec_.live;
    if (live.watchdog && *live.watchdog < shortest_watchdog)
        add("live.watchdog", format_duration(*live.watchdog) +
                                 " is too short for any worker; write \"1ms\" or more, such as "
                                 "\"10s\"");
    if (live.probe && live.probe->success_threshold != 1)
        add("live.probe.success_threshold",
            "a worker that was found broken is replaced and needs no second success; take it out");
}

void HealthChecker::check_recycle() {
    const rollout::RecycleSpec& recycle = spec_.recycle;
    if (recycle.max_age)
        check_positive(*recycle.max_age, "recycle.max_age", "1d", findings_);
    if (recycle.max_memory && *recycle.max_memory < smallest_memory)
        add("recycle.max_memory", std::to_string(*recycle.max_memory) +
                                      " bytes are less than any worker uses; write \"512M\"");
    if (recycle.interval < shortest_look)
        add("recycle.interval", format_duration(recycle.interval) +
                                    " is too short; write \"100ms\" or more, such as \"10s\"");
}

} // namespace

void find_impossible_health(const rollout::Spec& spec, std::vector<Finding>& findings) {
    HealthChecker checker(spec, findings);
    checker.check_readiness();
    checker.check_fd();
    checker.check_ready_in_time();
    checker.check_available_in_time();
    checker.check_live();
    checker.check_recycle();
}

} // namespace svc::wire::service_file
