// Hooks that could not do what they are written for.
#include "wire/service_file/sections.h"

#include "base/text.h"

#include <array>
#include <csignal>

namespace svc::wire::service_file {

namespace {

/// Why a signal or a wait makes no sense at a place; empty: it does.
struct HookPlace {
    std::string_view key;
    std::string_view no_signal;
    std::string_view no_sleep;
};
constexpr std::string_view about_no_worker = "a rollout's hook is about no worker";
constexpr std::array places{
    HookPlace{"service.pre_start", "there is no worker yet when pre_start runs", ""},
    HookPlace{"stop.post_stop", "the worker is gone when post_stop runs", ""},
    HookPlace{"rollout.before", about_no_worker, ""},
    HookPlace{"rollout.analysis", "an analysis is about no worker", ""},
    HookPlace{"rollout.after", about_no_worker, ""},
    HookPlace{"rollout.failed", about_no_worker, ""},
    HookPlace{"rollout.in_place.reload", "", "waiting reloads nothing; use signal, exec or http"},
    HookPlace{"rollout.in_place.verify", "a signal has no answer",
              "waiting verifies nothing; use "
              "exec or http"},
    HookPlace{"rollout.in_place.revert", "", "waiting reverts nothing; use signal, exec or http"},
};

HookPlace place_of(std::string_view key) {
    for (const HookPlace& place : places)
        if (place.key == key)
            return place;
    return {key, "", ""};
}

class HookChecker {
public:
    HookChecker(const rollout::Spec& spec, std::vector<Finding>& findings)
        : spec_(spec), findings_(findings) {}

    void check(const NamedHook& named);
    void check_pre_stop();

private:
    void add(std::string key, std::string message, std::vector<std::string> also = {}) {
        findings_.push_back(Finding{std::move(key), std::move(also), std::move(message)});
    }
    void check_sleep(const NamedHook& named, Duration length);
    void check_signal(const std::string& key, int signal);
    void check_within_reload(const NamedHook& named);

    const rollout::Spec& spec_;
    std::vector<Finding>& findings_;
};

void HookChecker::check_sleep(const NamedHook& named, Duration length) {
    const std::string key = named.key + ".sleep";
    const std::string_view no_sleep = place_of(named.key).no_sleep;
    if (!no_sleep.empty()) {
        add(key, std::string(no_sleep));
        return;
    }
    const auto& timeout = named.hook->timeout;
    if (timeout && length > *timeout)
        add(key,
            format_duration(length) + " is longer than its timeout (" + format_duration(*timeout) +
                "), so that it would always fail; make one shorter or the other longer",
            {named.key + ".timeout"});
    check_positive(length, key, "5s", findings_);
}

void HookChecker::check_signal(const std::string& key, int signal) {
    const std::string_view no_signal = place_of(key).no_signal;
    if (!no_signal.empty())
        add(key + ".signal", std::string(no_signal) + "; use exec or http");
    else if (signal == SIGKILL || signal == SIGSTOP)
        add(key + ".signal",
            signal_name(signal) +
                (key == "stop.pre_stop"
                     ? " ends the worker's serving before it could drain; write a signal that it "
                       "handles, such as \"SIGUSR1\""
                     : " ends the worker's serving; write a signal that it handles, such as "
                       "\"SIGHUP\""));
}

void HookChecker::check_within_reload(const NamedHook& named) {
    const Duration whole = spec_.ready.timeout;
    if (named.hook->timeout && *named.hook->timeout > whole)
        add(named.key + ".timeout",
            format_duration(*named.hook->timeout) +
                " is cut short: a reload is over within ready.timeout (" + format_duration(whole) +
                "); make one shorter or the other longer",
            {"ready.timeout"});
}

void HookChecker::check(const NamedHook& named) {
    const rollout::Hook& what = named.hook->what;
    if (named.hook->timeout)
        check_positive(*named.hook->timeout, named.key + ".timeout", "10s", findings_);
    if (const auto* exec = std::get_if<rollout::ExecHook>(&what))
        check_command(exec->command, named.key + ".exec", findings_);
    if (const auto* sleep = std::get_if<rollout::SleepHook>(&what))
        check_sleep(named, sleep->length);
    if (const auto* signal = std::get_if<rollout::SignalHook>(&what))
        check_signal(named.key, signal->signal);
    if (named.key.starts_with("rollout.in_place."))
        check_within_reload(named);
}

void HookChecker::check_pre_stop() {
    const rollout::StopSpec& stop = spec_.stop;
    if (!stop.pre_stop)
        return;
    const std::string rest = ": a hook is ended min_stop (" + format_duration(stop.min_stop) +
                             ") before grace (" + format_duration(stop.grace) + ") is over; ";
    const std::vector<std::string> also{"stop.grace", "stop.min_stop"};
    const auto* sleep = std::get_if<rollout::SleepHook>(&stop.pre_stop->what);
    if (stop.grace <= stop.min_stop)
        add("stop.pre_stop",
            "the hook has no time: it is ended min_stop (" + format_duration(stop.min_stop) +
                ") before grace (" + format_duration(stop.grace) + ") is over; make grace longer",
            also);
    else if (stop.pre_stop->timeout && *stop.pre_stop->timeout > stop.grace - stop.min_stop)
        add("stop.pre_stop.timeout",
            format_duration(*stop.pre_stop->timeout) + " is cut short" + rest +
                "make grace longer or the timeout shorter",
            also);
    else if (sleep != nullptr && sleep->length > stop.grace - stop.min_stop)
        add("stop.pre_stop.sleep",
            format_duration(sleep->length) + " is cut short" + rest +
                "make grace longer or the sleep shorter",
            also);
}

} // namespace

void find_impossible_hooks(const rollout::Spec& spec, std::vector<Finding>& findings) {
    HookChecker checker(spec, findings);
    for (const NamedHook& named : hooks_of(spec))
        checker.check(named);
    checker.check_pre_stop();
}

} // namespace svc::wire::service_file
