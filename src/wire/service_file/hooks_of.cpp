// What of a Spec is run or asked beside the workers themselves, under the keys of the service file.
#include "wire/service_file/sections.h"

namespace svc::wire {

namespace service_file {

std::vector<NamedHook> hooks_of(const rollout::Spec& spec) {
    std::vector<NamedHook> hooks;
    const auto add = [&](std::string key, const std::optional<rollout::HookSpec>& hook) {
        if (hook)
            hooks.push_back({std::move(key), &*hook});
    };
    add("service.pre_start", spec.process.pre_start);
    add("ready.post_ready", spec.ready.post_ready);
    add("rollout.before", spec.rollout.before);
    add("rollout.analysis", spec.rollout.analysis);
    add("rollout.after", spec.rollout.after);
    add("rollout.failed", spec.rollout.failed);
    if (spec.rollout.in_place) {
        hooks.push_back({"rollout.in_place.reload", &spec.rollout.in_place->reload});
        add("rollout.in_place.verify", spec.rollout.in_place->verify);
        add("rollout.in_place.revert", spec.rollout.in_place->revert);
    }
    add("stop.pre_stop", spec.stop.pre_stop);
    add("stop.post_stop", spec.stop.post_stop);
    return hooks;
}

std::vector<NamedProbe> probes_of(const rollout::Spec& spec) {
    std::vector<NamedProbe> probes;
    const auto add = [&](std::string key, const std::optional<rollout::ProbeSpec>& probe) {
        if (probe)
            probes.push_back({std::move(key), &*probe});
    };
    add("ready.startup", spec.ready.startup);
    add("ready.probe", spec.ready.probe);
    add("live.probe", spec.live.probe);
    return probes;
}

} // namespace service_file

std::vector<NamedCommand> commands_of(const rollout::Spec& spec) {
    std::vector<NamedCommand> commands;
    for (const auto& [key, hook] : service_file::hooks_of(spec))
        if (const auto* exec = std::get_if<rollout::ExecHook>(&hook->what))
            commands.push_back({key + ".exec", &exec->command});
    for (const auto& [key, probe] : service_file::probes_of(spec))
        if (const auto* exec = std::get_if<rollout::ExecHook>(&probe->what))
            commands.push_back({key + ".exec", &exec->command});
    return commands;
}

} // namespace svc::wire
