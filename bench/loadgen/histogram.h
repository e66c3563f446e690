// Histogram: latencies in constant memory, with a known error.
#pragma once

#include "base/time.h"

#include <cstdint>
#include <vector>

namespace svc::loadgen {

/// Log-linear buckets of microseconds, as HdrHistogram has them: exact below 256 us, above that 128
/// buckets for every doubling, so that a reported value is at most 1/128 (0.8 %) above the true one
/// and never below it. The largest value kept apart is 2^36 us (19 hours); the maximum is exact.
class Histogram {
public:
    Histogram();

    void record(Duration value); ///< below zero counts as zero
    void merge(const Histogram& other);

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] Duration max() const { return max_; }
    /// The smallest value that at least `share` (0 to 1) of the recorded ones do not exceed; zero
    /// if nothing was recorded.
    [[nodiscard]] Duration quantile(double share) const;

private:
    std::vector<std::uint64_t> buckets_;
    std::uint64_t count_ = 0;
    Duration max_{};
};

} // namespace svc::loadgen
