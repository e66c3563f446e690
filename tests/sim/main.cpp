// sim [--seeds N] [--first S] [--round-trip-every N] [--seed S] [--broken]
//
// Without --seed: N seeds on all processors; a failing one is printed and `sim --seed S` tells its story.
// --broken: each policy that is wrong on purpose must be caught, by the invariant it breaks.
#include "broken.h"
#include "world.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

namespace svc::sim {
namespace {

struct Arguments {
    std::uint64_t seeds = 1000;
    std::uint64_t first = 1;
    std::uint64_t round_trip_every = 100;
    std::optional<std::uint64_t> seed;
    bool broken = false;
};

std::optional<Arguments> parse_arguments(int argc, char** argv) {
    Arguments parsed;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--broken") {
            parsed.broken = true;
            continue;
        }
        if (++i >= argc)
            return std::nullopt;
        const std::uint64_t value = std::strtoull(argv[i], nullptr, 10);
        if (option == "--seeds")
            parsed.seeds = value;
        else if (option == "--first")
            parsed.first = value;
        else if (option == "--round-trip-every")
            parsed.round_trip_every = value;
        else if (option == "--seed")
            parsed.seed = value;
        else
            return std::nullopt;
    }
    return parsed;
}

std::optional<std::string> violation_of(const Options& options, Coverage* coverage) {
    World world(options);
    try {
        world.run();
    } catch (const Violation& violation) {
        return violation.what();
    } catch (const std::exception& error) {
        return "seed " + std::to_string(options.seed) + ": " + error.what();
    }
    if (coverage != nullptr)
        coverage->add(world.coverage());
    return std::nullopt;
}

int tell_one(std::uint64_t seed, bool round_trip) {
    const auto violation = violation_of(
        Options{.seed = seed, .check_round_trip = round_trip, .narrate = true}, nullptr);
    std::printf("%s\n", violation ? violation->c_str() : "no violation");
    return violation ? 1 : 0;
}

int run_all(const Arguments& arguments) {
    std::atomic<std::uint64_t> next{arguments.first};
    const std::uint64_t end = arguments.first + arguments.seeds;
    std::atomic<std::uint64_t> failures{0};
    std::mutex mutex;
    Coverage coverage;
    const auto work = [&] {
        Coverage mine;
        for (std::uint64_t seed = next++; seed < end && failures < 5; seed = next++) {
            const bool round_trip =
                arguments.round_trip_every != 0 && seed % arguments.round_trip_every == 0;
            const auto violation =
                violation_of(Options{.seed = seed, .check_round_trip = round_trip}, &mine);
            if (!violation)
                continue;
            ++failures;
            const std::lock_guard lock(mutex);
            std::printf("%s\n  (its story: sim --seed %llu)\n", violation->c_str(),
                        static_cast<unsigned long long>(seed));
        }
        const std::lock_guard lock(mutex);
        coverage.add(mine);
    };
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
        threads.emplace_back(work);
    threads.clear();
    for (const auto& [what, count] : coverage.counts)
        std::printf("%-24s %llu\n", what.c_str(), static_cast<unsigned long long>(count));
    std::printf("%llu seeds, %llu violations\n", static_cast<unsigned long long>(arguments.seeds),
                static_cast<unsigned long long>(failures.load()));
    return failures == 0 ? 0 : 1;
}

int catch_broken_policies(const Arguments& arguments) {
    int escaped = 0;
    for (const BrokenPolicy& broken : broken_policies()) {
        const std::string expected = std::string("invariant ") + broken.invariant + ":";
        std::optional<std::string> caught;
        // It may break another one as well, and in an earlier seed.
        const auto is_right = [&] {
            return caught && (broken.invariant == any_invariant ||
                              caught->find(expected) != std::string::npos);
        };
        std::uint64_t seed = arguments.first;
        for (; !is_right() && seed < arguments.first + arguments.seeds; ++seed)
            caught = violation_of(Options{.seed = seed,
                                          .policy = broken.policy,
                                          .recover = broken.recover,
                                          .habits = broken.habits},
                                  nullptr);
        escaped += is_right() ? 0 : 1;
        std::printf("%-28s %s\n", std::string(broken.name).c_str(),
                    is_right() ? caught->c_str() : "NOT CAUGHT");
    }
    return escaped == 0 ? 0 : 1;
}

} // namespace
} // namespace svc::sim

int main(int argc, char** argv) {
    const auto arguments = svc::sim::parse_arguments(argc, argv);
    if (!arguments) {
        std::fprintf(
            stderr,
            "usage: sim [--seeds N] [--first S] [--round-trip-every N] [--seed S] [--broken]\n");
        return 2;
    }
    if (arguments->seed)
        return svc::sim::tell_one(*arguments->seed, arguments->round_trip_every != 0);
    return arguments->broken ? svc::sim::catch_broken_policies(*arguments)
                             : svc::sim::run_all(*arguments);
}
