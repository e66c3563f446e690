// Strategies that could not go as they are written.
#include "wire/service_file/sections.h"

#include "base/text.h"

namespace svc::wire::service_file {

namespace {

using rollout::RolloutSpec;
using rollout::RolloutStage;
using rollout::Share;
using rollout::Strategy;

std::string share_text(const Share& share) {
    return std::to_string(share.value) + (share.percent ? "%" : "");
}

void check_steps(const RolloutSpec& rollout, std::vector<Finding>& findings) {
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < rollout.stages.size(); ++i) {
        const RolloutStage& stage = rollout.stages[i];
        const std::string key = "rollout.steps[" + std::to_string(i + 1) + "].size";
        const std::uint32_t size = rollout::size_of(stage, rollout.replicas);
        if (stage.size.value == 0)
            findings.push_back({key,
                                {},
                                "a step without a new worker shows nothing; write \"10%\" or 1 "
                                "or more"});
        else if (!stage.size.percent && rollout.replicas > 0 && stage.size.value > rollout.replicas)
            findings.push_back({key,
                                {"rollout.replicas"},
                                share_text(stage.size) + " is more than replicas (" +
                                    std::to_string(rollout.replicas) + "); write at most that"});
        else if (size < before)
            findings.push_back({key,
                                {"rollout.replicas"},
                                share_text(stage.size) + " comes to " + std::to_string(size) +
                                    " of " + std::to_string(rollout.replicas) +
                                    " workers, fewer than the step before has (" +
                                    std::to_string(before) + "); write the steps in order"});
        before = size;
    }
}

} // namespace

void find_impossible_strategy(const rollout::Spec& spec, std::vector<Finding>& findings) {
    const RolloutSpec& rollout = spec.rollout;
    if (rollout.strategy == Strategy::canary) {
        check_steps(rollout, findings);
        if (rollout.replicas == 1)
            findings.push_back({"rollout.strategy",
                                {"rollout.replicas", "rollout.steps"},
                                "with 1 replica the first step is the whole service already; write "
                                "replicas = 2 or more, or strategy = \"blue-green\""});
    }
    if (rollout.strategy == Strategy::recreate && rollout.on_failure == rollout::OnFailure::pause)
        findings.push_back({"rollout.on_failure",
                            {"rollout.strategy"},
                            "a recreate that is paused leaves nobody to serve, for its old workers "
                            "are gone; write \"rollback\""});
    if (rollout.in_place && !rollout.in_place->verify && spec.ready.on != rollout::ReadyOn::notify)
        findings.push_back(
            {"rollout.in_place",
             {"ready.on", "ready.probe", "rollout.strategy"},
             "nothing says whether a worker has reloaded itself; write verify = { exec = "
             "[\"/usr/local/bin/check\"] } in it, or on = \"notify\" in [ready] if the worker "
             "sends RELOADING=1 and then READY=1"});
}

} // namespace svc::wire::service_file
