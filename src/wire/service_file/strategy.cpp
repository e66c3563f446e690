// [rollout]: strategy, and what belongs to one strategy only.
#include "wire/service_file/sections.h"

#include "base/text.h"

#include <algorithm>
#include <array>

namespace svc::wire::service_file {

namespace {

using rollout::OnFailure;
using rollout::RolloutSpec;
using rollout::RolloutStage;
using rollout::Strategy;

constexpr std::array strategies{
    Choice<Strategy>{"rolling", Strategy::rolling},
    Choice<Strategy>{"recreate", Strategy::recreate},
    Choice<Strategy>{"blue-green", Strategy::blue_green},
    Choice<Strategy>{"canary", Strategy::canary},
    Choice<Strategy>{"in-place", Strategy::in_place},
};

constexpr std::array on_failures{
    Choice<OnFailure>{"rollback", OnFailure::rollback},
    Choice<OnFailure>{"pause", OnFailure::pause},
};

enum class Promotion { automatic, manual };
constexpr std::array promotions{
    Choice<Promotion>{"auto", Promotion::automatic},
    Choice<Promotion>{"manual", Promotion::manual},
};

constexpr std::size_t steps_limit = 100;
constexpr std::string_view steps_example =
    R"([{ size = "10%", hold = "5m" }, { size = "50%", hold = "manual" }])";

/// "5m", or "manual": until somebody promotes it.
void read_hold(Table& step, std::optional<Duration>& hold) {
    const toml::node* node = step.find("hold");
    if (node == nullptr) {
        step.refuse("hold", "how long is it held? write hold = \"5m\", or hold = \"manual\" to "
                            "wait for svc promote");
        return;
    }
    const auto* text = node->as_string();
    if (text != nullptr && text->get() == "manual")
        return;
    Duration length{};
    if (step.read_duration("hold", length, "\"5m\" or \"manual\""))
        hold = length;
}

RolloutStage read_step(Table& step) {
    RolloutStage stage;
    if (!step.has("size"))
        step.refuse("size", "how many workers? write size = \"10%\" or size = 1");
    read_share(step, "size", stage.size);
    read_hold(step, stage.hold);
    step.finish();
    return stage;
}

void read_steps(Table& rollout, std::vector<RolloutStage>& stages) {
    const toml::node* node = rollout.find("steps");
    if (node == nullptr)
        return;
    const toml::array* list = node->as_array();
    if (list == nullptr) {
        rollout.refuse_type("steps", *node, steps_example);
        return;
    }
    if (list->empty())
        rollout.refuse("steps", "there is none; write " + std::string(steps_example));
    if (list->size() > steps_limit) {
        rollout.refuse("steps", std::to_string(list->size()) + " steps are too many; write " +
                                    std::to_string(steps_limit) + " at most");
        return;
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
        const toml::node& element = *list->get(i);
        const std::string name = "steps[" + std::to_string(i + 1) + ']';
        RolloutStage stage;
        if (const toml::table* inner = element.as_table()) {
            Table step(*inner, rollout.path_of(name), rollout.mistakes());
            stage = read_step(step);
        } else {
            rollout.refuse_at(element, name,
                              std::string(type_name(element)) +
                                  " stands here; write { size = \"10%\", hold = \"5m\" }");
        }
        stages.push_back(stage); // also for one with mistakes, so that places agree
    }
}

/// Keys that mean something in one strategy only would do nothing in another: refused, never
/// ignored.
class Belongings {
public:
    Belongings(Table& rollout, Strategy strategy) : rollout_(rollout), strategy_(strategy) {}

    void only_in(Strategy owner, std::string_view key, std::string_view what) {
        if (strategy_ == owner || !rollout_.has(key))
            return;
        const auto word = std::find_if(strategies.begin(), strategies.end(),
                                       [&](const auto& choice) { return choice.value == owner; });
        rollout_.refuse_beside(key, std::string(what) + " belongs to strategy = \"" +
                                        std::string(word->word) + "\"; write that, or take it out");
    }
    void not_in(Strategy strategy, std::string_view key, std::string_view why) {
        if (strategy_ == strategy && rollout_.has(key))
            rollout_.refuse_beside(key, std::string(why) +
                                            "; take it out, or write strategy = " + "\"rolling\"");
    }

private:
    Table& rollout_;
    Strategy strategy_;
};

void refuse_strangers(Table& rollout, Strategy strategy) {
    constexpr std::string_view old_go_first =
        "a recreate starts new workers only when every old one is gone";
    constexpr std::string_view second_set =
        "a blue-green rollout has a whole second set beside the old one, no more and no less";
    Belongings belongings(rollout, strategy);
    belongings.only_in(Strategy::canary, "steps", "a rollout in steps");
    belongings.only_in(Strategy::blue_green, "promote", "the promotion of a second set");
    belongings.only_in(Strategy::blue_green, "keep_old", "an old set that is kept");
    belongings.only_in(Strategy::in_place, "in_place", "a worker that reloads itself");
    belongings.not_in(Strategy::recreate, "memory_check",
                      "a recreate starts nothing beside the old workers");
    for (const std::string_view key : {"max_surge", "max_unavailable"}) {
        belongings.not_in(Strategy::recreate, key, old_go_first);
        belongings.not_in(Strategy::blue_green, key, second_set);
    }
    if (strategy == Strategy::canary && !rollout.has("steps"))
        rollout.refuse_beside("strategy", "a canary needs its steps; write steps = " +
                                              std::string(steps_example));
    if (strategy == Strategy::in_place && !rollout.has("in_place"))
        rollout.refuse_beside(
            "strategy", "how does a worker reload itself? write in_place = { reload = { signal = "
                        "\"SIGHUP\" }, verify = { exec = [\"/usr/local/bin/check\"] } }");
    const bool has_stages = strategy == Strategy::canary || strategy == Strategy::blue_green;
    if (!has_stages && rollout.has("analysis"))
        rollout.refuse_beside("analysis",
                              "it is run at the end of a step, and this strategy has none; "
                              "write strategy = \"canary\" or \"blue-green\", or take it out");
}

} // namespace

void read_strategy(Table& rollout, RolloutSpec& spec) {
    rollout.read_choice<Strategy>("strategy", spec.strategy, strategies);
    rollout.read_choice<OnFailure>("on_failure", spec.on_failure, on_failures);
    Promotion promotion = Promotion::automatic;
    rollout.read_choice<Promotion>("promote", promotion, promotions);
    rollout.read_duration("keep_old", spec.keep_old, "\"10m\"");
    std::vector<RolloutStage> steps;
    read_steps(rollout, steps);
    read_hook(rollout, "analysis",
              {std::chrono::minutes(1), rollout::HookFailure::fail,
               "a failed analysis is always a failed rollout"},
              spec.analysis);
    read_in_place(rollout, spec.in_place);
    // What belongs to a strategy that is misspelt is not known.
    if (!rollout.mistakes().about(rollout.path_of("strategy")))
        refuse_strangers(rollout, spec.strategy);
    switch (spec.strategy) {
    case Strategy::rolling:
    case Strategy::recreate:
    case Strategy::in_place:
        return;
    case Strategy::blue_green: {
        RolloutStage whole{rollout::Share{100, true}, {}};
        if (promotion == Promotion::automatic)
            whole.hold = Duration::zero();
        spec.stages = {whole};
        return;
    }
    case Strategy::canary:
        spec.stages = std::move(steps);
        return;
    }
    fatal("read_strategy(): no such strategy");
}

} // namespace svc::wire::service_file
