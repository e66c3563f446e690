// Surge, unavailable and stages in numbers, against what Kubernetes promises of percentages: every number of
// replicas up to 200, every percentage, every strategy. The reference is the rule as it is documented
// (kubernetes.io, Deployment, "Max Surge" and "Max Unavailable"), in whole numbers, found by counting.
#include "rollout/spec.h"

#include <algorithm>
#include <array>
#include <doctest/doctest.h>

using namespace svc::rollout;

namespace {

constexpr std::uint32_t most_replicas = 200;
constexpr std::uint32_t most_percent = 100;
constexpr std::array strategies = {Strategy::rolling, Strategy::recreate, Strategy::blue_green,
                                   Strategy::canary};

/// "The absolute number is calculated from the percentage by rounding up": the least number that is at least
/// the exact share.
std::uint32_t least_at_least(std::uint32_t percent, std::uint32_t replicas) {
    std::uint32_t number = 0;
    while (100 * number < percent * replicas)
        ++number;
    return number;
}

/// "… by rounding down": the largest number that is at most the exact share.
std::uint32_t largest_at_most(std::uint32_t percent, std::uint32_t replicas) {
    std::uint32_t number = replicas;
    while (100 * number > percent * replicas)
        --number;
    return number;
}

RolloutSpec spec_of(Strategy strategy, Share surge, Share unavailable) {
    RolloutSpec spec;
    spec.strategy = strategy;
    spec.max_surge = surge;
    spec.max_unavailable = unavailable;
    return spec;
}

struct Numbers {
    std::uint32_t surge = 0;
    std::uint32_t unavailable = 0;
    bool operator==(const Numbers&) const = default;
};

/// What the manual says (svc.toml(5), [rollout]), from shares that are rounded already. Where both round to 0
/// Kubernetes lets one be unavailable (ResolveFenceposts() in deployment/util); we start one more instead.
Numbers expected(Strategy strategy, Numbers rounded, std::uint32_t replicas) {
    Numbers numbers = rounded;
    if (strategy == Strategy::recreate)
        numbers = {0, replicas};
    if (strategy == Strategy::blue_green)
        numbers = {std::max(rounded.surge, replicas), 0};
    if (numbers == Numbers{0, 0})
        numbers.surge = 1;
    return numbers;
}

/// Calls visit(replicas, surge percentage, unavailable percentage); the first triple that it finds wrong, as a
/// sentence. A CHECK for each of two million would take longer than all of them.
template <class Visit>
std::string first_wrong(Visit visit) {
    for (std::uint32_t replicas = 0; replicas <= most_replicas; ++replicas)
        for (std::uint32_t surge = 0; surge <= most_percent; ++surge)
            for (std::uint32_t unavailable = 0; unavailable <= most_percent; ++unavailable)
                if (!visit(replicas, surge, unavailable))
                    return std::to_string(replicas) + " replicas, surge " + std::to_string(surge) +
                           "%, unavailable " + std::to_string(unavailable) + "%";
    return "";
}

/// As first_wrong(), with the budget of each strategy.
template <class Visit>
std::string first_wrong_budget(Visit visit) {
    for (const Strategy strategy : strategies) {
        const std::string wrong =
            first_wrong([&](std::uint32_t replicas, std::uint32_t surge, std::uint32_t down) {
                const RolloutSpec spec = spec_of(strategy, Share{surge, true}, Share{down, true});
                return visit(strategy, budget_of(spec, replicas), surge, down);
            });
        if (!wrong.empty())
            return "strategy " + std::to_string(static_cast<int>(strategy)) + ", " + wrong;
    }
    return "";
}

} // namespace

TEST_CASE("Surge is rounded up and unavailable down, whatever the percentages and the replicas") {
    std::array<std::array<Numbers, most_percent + 1>, most_replicas + 1> rounded;
    for (std::uint32_t replicas = 0; replicas <= most_replicas; ++replicas)
        for (std::uint32_t percent = 0; percent <= most_percent; ++percent)
            rounded[replicas][percent] = {least_at_least(percent, replicas),
                                          largest_at_most(percent, replicas)};
    CHECK(first_wrong_budget([&](Strategy strategy, const Budget& budget, std::uint32_t surge,
                                 std::uint32_t down) {
              const Numbers both = {rounded[budget.replicas][surge].surge,
                                    rounded[budget.replicas][down].unavailable};
              return Numbers{budget.surge, budget.unavailable} ==
                     expected(strategy, both, budget.replicas);
          }) == "");
}

TEST_CASE("A rollout may always move something, and never more than there is") {
    CHECK(first_wrong_budget([](Strategy, const Budget& budget, std::uint32_t, std::uint32_t) {
              return budget.surge + budget.unavailable > 0 &&
                     budget.unavailable <= budget.replicas &&
                     budget.surge <= std::max(budget.replicas, 1u);
          }) == "");
}

TEST_CASE("Without max_total there is room for a draining set beside replicas and surge") {
    CHECK(first_wrong_budget([](Strategy, const Budget& budget, std::uint32_t, std::uint32_t) {
              return budget.total == 2 * budget.replicas + budget.surge;
          }) == "");
}

TEST_CASE("max_total counts as it is written, but never below replicas and surge") {
    for (const Strategy strategy : strategies)
        for (std::uint32_t replicas = 0; replicas <= 20; ++replicas)
            for (std::uint32_t total = 0; total <= 70; ++total) {
                RolloutSpec spec = spec_of(strategy, Share{30, true}, Share{30, true});
                spec.max_total = total;
                const Budget budget = budget_of(spec, replicas);
                const std::uint32_t least = replicas + budget.surge;
                CAPTURE(replicas);
                CAPTURE(total);
                REQUIRE(budget.total == (total < least ? least : total));
            }
}

TEST_CASE("A larger percentage never permits less") {
    // Where both round to 0 the surge is 1 all the same, so 1 more of unavailable may take that surge back.
    const auto budget = [](std::uint32_t replicas, std::uint32_t surge, std::uint32_t down) {
        return budget_of(spec_of(Strategy::rolling, Share{surge, true}, Share{down, true}),
                         replicas);
    };
    CHECK(first_wrong([&](std::uint32_t replicas, std::uint32_t surge, std::uint32_t down) {
              const Budget here = budget(replicas, surge, down);
              const Budget more_surge = budget(replicas, std::min(surge + 1, most_percent), down);
              const Budget more_down = budget(replicas, surge, std::min(down + 1, most_percent));
              const std::uint32_t either = here.surge + here.unavailable;
              return more_surge.surge >= here.surge && more_surge.unavailable == here.unavailable &&
                     more_down.unavailable >= here.unavailable &&
                     more_down.surge + more_down.unavailable >= either;
          }) == "");
}

TEST_CASE("The same percentage of more replicas is never less") {
    CHECK(first_wrong([](std::uint32_t replicas, std::uint32_t surge, std::uint32_t down) {
              const RolloutSpec spec =
                  spec_of(Strategy::canary, Share{surge, true}, Share{down, true});
              const Budget here = budget_of(spec, replicas);
              const Budget more = budget_of(spec, replicas + 1);
              return more.surge + more.unavailable >= here.surge + here.unavailable &&
                     more.unavailable >= here.unavailable && more.total > here.total;
          }) == "");
}

TEST_CASE("A count is taken as it is, but no more can be unavailable than there are") {
    for (std::uint32_t replicas = 0; replicas <= most_replicas; ++replicas)
        for (std::uint32_t count = 0; count <= most_replicas + 10; ++count) {
            const Budget up = budget_of(
                spec_of(Strategy::rolling, Share{count, false}, Share{0, false}), replicas);
            const Budget down = budget_of(
                spec_of(Strategy::rolling, Share{0, false}, Share{count, false}), replicas);
            CAPTURE(replicas);
            CAPTURE(count);
            REQUIRE(up.surge == std::max(count, 1u));
            REQUIRE(up.unavailable == 0);
            REQUIRE(down.unavailable == std::min(count, replicas));
            REQUIRE(down.surge == (down.unavailable == 0 ? 1 : 0));
        }
}

TEST_CASE("A stage has its share rounded up: one worker at least, and no more than there are") {
    for (std::uint32_t replicas = 0; replicas <= most_replicas; ++replicas) {
        std::uint32_t before = 0;
        for (std::uint32_t percent = 0; percent <= most_percent; ++percent) {
            const std::uint32_t exact = least_at_least(percent, replicas);
            const std::uint32_t size =
                size_of(RolloutStage{.size = Share{percent, true}}, replicas);
            CAPTURE(replicas);
            CAPTURE(percent);
            REQUIRE(size == (replicas > 0 && exact == 0 ? 1 : exact));
            REQUIRE(size >= before);
            REQUIRE(size <= replicas);
            before = size;
        }
        REQUIRE(before == replicas);
        for (std::uint32_t count = 0; count <= most_replicas + 10; ++count) {
            CAPTURE(replicas);
            CAPTURE(count);
            REQUIRE(size_of(RolloutStage{.size = Share{count, false}}, replicas) ==
                    std::min(std::max(count, 1u), replicas));
        }
    }
}

TEST_CASE("The largest numbers do not overflow") {
    const Budget budget =
        budget_of(spec_of(Strategy::rolling, Share{100, true}, Share{100, true}), 1'000'000'000);
    CHECK(budget.surge == 1'000'000'000);
    CHECK(budget.unavailable == 1'000'000'000);
    CHECK(budget.total == 3'000'000'000);
}
