// Statistics: what became of every request, inside and outside the marked windows.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "loadgen/histogram.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace svc::loadgen {

enum class Kind { fresh, keep_alive }; ///< a connection of its own, or one of a persistent client
inline constexpr std::size_t kinds = 2;

/// Why a request got no good answer. `idle_close_race` stands apart: the server closed a reused
/// connection before the first byte of an answer. That is what a server does to a client that
/// starts to send at the moment in which its idle connection is given up, and RFC 9112, 9.3.1 lets
/// the client repeat the request; the others are losses.
enum class Failure {
    refused,                ///< ECONNREFUSED
    connect_failed,         ///< anything else that connect() says
    closed_before_response, ///< reset or end of file before the first byte, on a new connection
    cut_in_response,        ///< reset or end of file in the middle of an answer
    bad_response,           ///< not HTTP, or a status of 400 and above
    timeout,
    not_sent, ///< too many requests without an answer already
    idle_close_race,
};
inline constexpr std::size_t failures = 8;
const char* name_of(Failure failure);

struct Tally {
    std::uint64_t succeeded = 0;
    std::array<std::uint64_t, failures> failed{};
    Histogram latency; ///< of those that succeeded

    [[nodiscard]] std::uint64_t lost() const;  ///< all failures but idle_close_race
    [[nodiscard]] std::uint64_t total() const; ///< all requests that have ended
    void merge(const Tally& other);
};

struct Window {
    std::string name;
    Instant begin;
    std::optional<Instant> end; ///< none: open
    std::uint64_t requests = 0;
    std::uint64_t lost = 0;
    Duration slowest{};
};

/// A window is a stretch of time with a name ("reload"). A request belongs to it if any part of
/// the request's life, from its intended start to its end, lies in it (to the latest such window,
/// if to several): a request that waited because of a reload must not count as a quiet one.
class Statistics {
public:
    static constexpr std::size_t most_names = 16;
    static constexpr std::size_t most_windows = 10'000;

    Statistics();
    /// Opens a window, closing an open one. Refuses a name that is not plain, and too many.
    Result<void> mark(const std::string& name, Instant now);
    void unmark(Instant now);

    void success(Kind kind, Instant intended, Instant now);
    void failure(Kind kind, Instant intended, Instant now, Failure failure, std::string detail);

    using Pair = std::array<Tally, kinds>; ///< by Kind
    struct Group {
        std::string name;
        Pair tallies;
    };
    [[nodiscard]] const Group& outside() const { return groups_.front(); }
    /// Outside first, then one for every name of a window.
    [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
    [[nodiscard]] Pair all() const;
    [[nodiscard]] const std::vector<Window>& windows() const { return windows_; }
    /// The first failures in words, at most 20.
    struct Sample {
        Instant at;
        std::string text;
    };
    [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }

private:
    struct Place {
        Tally* tally;
        Window* window; ///< null: outside
    };
    Place place(Kind kind, Instant intended);
    std::size_t group_named(const std::string& name);

    std::vector<Group> groups_;
    std::vector<Window> windows_;
    std::vector<Sample> samples_;
};

} // namespace svc::loadgen
