#include "loadgen/histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using svc::Duration;
using svc::loadgen::Histogram;

namespace {

/// What quantile() is meant to be: the value with that rank among the sorted ones.
std::int64_t by_rank(std::vector<std::int64_t> values, double share) {
    std::sort(values.begin(), values.end());
    const auto rank =
        static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    return values[std::max<std::size_t>(rank, 1) - 1];
}

} // namespace

TEST_CASE("an empty histogram answers zero") {
    const Histogram histogram;
    CHECK(histogram.count() == 0);
    CHECK(histogram.max() == Duration::zero());
    CHECK(histogram.quantile(0.99) == Duration::zero());
}

TEST_CASE("values below 256 us are kept exactly") {
    for (int value = 0; value < 256; ++value) {
        Histogram histogram;
        histogram.record(Duration(value));
        histogram.record(Duration(1'000'000));
        CHECK(histogram.quantile(0.5) == Duration(value));
    }
}

TEST_CASE("a reported value is at most 1/128 above the recorded one and never below it") {
    for (std::int64_t value = 200; value < (std::int64_t{1} << 36); value += value / 97 + 1) {
        Histogram histogram;
        histogram.record(Duration(value));
        histogram.record(Duration((std::int64_t{1} << 36) - 1));
        const std::int64_t reported = histogram.quantile(0.5).count();
        REQUIRE(reported >= value);
        REQUIRE(reported - value <= value / 128);
    }
}

TEST_CASE("quantiles agree with the sorted values") {
    std::mt19937 random(7);
    std::lognormal_distribution<double> latency(9, 1.5);
    Histogram histogram;
    std::vector<std::int64_t> values;
    for (int i = 0; i < 20'000; ++i) {
        values.push_back(static_cast<std::int64_t>(latency(random)));
        histogram.record(Duration(values.back()));
    }
    for (const double share : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const std::int64_t exact = by_rank(values, share);
        const std::int64_t reported = histogram.quantile(share).count();
        CHECK(reported >= exact);
        CHECK(reported <= exact + exact / 128);
    }
    CHECK(histogram.quantile(1.0) == histogram.max());
}

TEST_CASE("a value beyond the range is counted, and the maximum stays exact") {
    Histogram histogram;
    const Duration days = std::chrono::hours(50);
    histogram.record(days);
    histogram.record(Duration(-5));
    CHECK(histogram.count() == 2);
    CHECK(histogram.max() == days);
    CHECK(histogram.quantile(0.5) == Duration::zero());
}

TEST_CASE("merging adds what both have seen") {
    Histogram one;
    Histogram other;
    one.record(Duration(10));
    other.record(Duration(20));
    other.record(Duration(30));
    one.merge(other);
    CHECK(one.count() == 3);
    CHECK(one.max() == Duration(30));
    CHECK(one.quantile(0.5) == Duration(20));
}
