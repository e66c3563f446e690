#include "loadgen/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace svc::loadgen {

namespace {

constexpr unsigned linear_bits = 8;                     // below 2^8: one bucket a value
constexpr std::uint64_t half = 1U << (linear_bits - 1); // buckets of each doubling above
constexpr std::uint64_t largest = (std::uint64_t{1} << 36) - 1;

/// For values from 2^8: how many low bits the bucket does not tell apart.
unsigned shift_of(std::uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    return width <= linear_bits ? 0 : width - linear_bits;
}

std::size_t index_of(std::uint64_t value) {
    // value >> shift lies in [half, 2 * half) for every shift above 0, and each shift adds `half`
    // buckets to those before it: index and value run on without a gap.
    const unsigned shift = shift_of(value);
    return shift * half + (value >> shift);
}

std::uint64_t upper_edge(std::size_t index) {
    if (index < 2 * half)
        return index;
    const auto shift = static_cast<unsigned>(index / half - 1);
    const std::uint64_t mantissa = index - shift * half;
    return ((mantissa + 1) << shift) - 1;
}

} // namespace

Histogram::Histogram() : buckets_(index_of(largest) + 1) {}

void Histogram::record(Duration value) {
    value = std::max(value, Duration::zero());
    ++buckets_[index_of(std::min(static_cast<std::uint64_t>(value.count()), largest))];
    ++count_;
    max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i)
        buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
}

Duration Histogram::quantile(double share) const {
    const double exact = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
    const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(exact));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen >= wanted)
            return std::min(Duration(upper_edge(i)), max_);
    }
    return max_;
}

} // namespace svc::loadgen
