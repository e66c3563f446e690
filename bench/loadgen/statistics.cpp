#include "loadgen/statistics.h"

#include "base/text.h"

#include <numeric>

namespace svc::loadgen {

namespace {

constexpr std::size_t most_samples = 20;
constexpr std::size_t longest_name = 32;

constexpr std::size_t index_of(Failure failure) {
    return static_cast<std::size_t>(failure);
}
constexpr std::size_t index_of(Kind kind) {
    return static_cast<std::size_t>(kind);
}

} // namespace

const char* name_of(Failure failure) {
    switch (failure) {
    case Failure::refused:
        return "refused";
    case Failure::connect_failed:
        return "connect_failed";
    case Failure::closed_before_response:
        return "closed_before_response";
    case Failure::cut_in_response:
        return "cut_in_response";
    case Failure::bad_response:
        return "bad_response";
    case Failure::timeout:
        return "timeout";
    case Failure::not_sent:
        return "not_sent";
    case Failure::idle_close_race:
        return "idle_close_race";
    }
    fatal("a failure without a name");
}

std::uint64_t Tally::lost() const {
    return std::accumulate(failed.begin(), failed.end(), std::uint64_t{0}) -
           failed[index_of(Failure::idle_close_race)];
}

std::uint64_t Tally::total() const {
    return succeeded + lost() + failed[index_of(Failure::idle_close_race)];
}

void Tally::merge(const Tally& other) {
    succeeded += other.succeeded;
    for (std::size_t i = 0; i < failed.size(); ++i)
        failed[i] += other.failed[i];
    latency.merge(other.latency);
}

Statistics::Statistics() {
    groups_.push_back({"outside", {}});
}

std::size_t Statistics::group_named(const std::string& name) {
    for (std::size_t i = 1; i < groups_.size(); ++i) {
        if (groups_[i].name == name)
            return i;
    }
    groups_.push_back({name, {}});
    return groups_.size() - 1;
}

Result<void> Statistics::mark(const std::string& name, Instant now) {
    if (!is_plain_name(name, longest_name))
        return Error{"a window's name is 1 to 32 letters, digits, \"_\", \"-\" or \".\""};
    if (windows_.size() >= most_windows)
        return Error{"too many windows; the report keeps " + std::to_string(most_windows)};
    if (group_named(name) > most_names) {
        groups_.pop_back();
        return Error{"too many names of windows; at most " + std::to_string(most_names)};
    }
    unmark(now);
    windows_.push_back(Window{.name = name, .begin = now});
    return {};
}

void Statistics::unmark(Instant now) {
    if (!windows_.empty() && !windows_.back().end)
        windows_.back().end = now;
}

Statistics::Place Statistics::place(Kind kind, Instant intended) {
    // Windows do not overlap, so only the latest can reach past `intended` or still be open.
    const bool inside =
        !windows_.empty() && (!windows_.back().end || *windows_.back().end >= intended);
    Window* const window = inside ? &windows_.back() : nullptr;
    const std::size_t group = inside ? group_named(window->name) : 0;
    return Place{&groups_[group].tallies[index_of(kind)], window};
}

void Statistics::success(Kind kind, Instant intended, Instant now) {
    const Place at = place(kind, intended);
    const Duration latency = now - intended;
    ++at.tally->succeeded;
    at.tally->latency.record(latency);
    if (at.window == nullptr)
        return;
    ++at.window->requests;
    at.window->slowest = std::max(at.window->slowest, latency);
}

void Statistics::failure(Kind kind, Instant intended, Instant now, Failure failure,
                         std::string detail) {
    const Place at = place(kind, intended);
    ++at.tally->failed[index_of(failure)];
    if (at.window != nullptr) {
        ++at.window->requests;
        at.window->lost += failure == Failure::idle_close_race ? 0 : 1;
    }
    if (samples_.size() >= most_samples)
        return;
    std::string text = kind == Kind::fresh ? "new connection: " : "keep-alive: ";
    text += name_of(failure);
    if (!detail.empty())
        text += " (" + printable(detail, 200) + ")";
    samples_.push_back(Sample{now, std::move(text)});
}

Statistics::Pair Statistics::all() const {
    Pair sum;
    for (const Group& group : groups_) {
        for (std::size_t kind = 0; kind < kinds; ++kind)
            sum[kind].merge(group.tallies[kind]);
    }
    return sum;
}

} // namespace svc::loadgen
