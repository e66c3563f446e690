// The rows of `svc top`, before anybody knows how wide they may be.
#pragma once

#include "svc/draw/top.h"

#include <array>

namespace svc::cli {

/// One line below the titles.
struct TopRow {
    std::string name;
    std::string state;
    Tint tint = Tint::none;
    /// Age, restarts, CPU, memory, connections.
    std::array<std::string, 5> numbers = {};
    std::string words;
    Tint words_tint = Tint::none;
    bool own_line = false; ///< for its words, where they have no room beside the numbers
};

/// A service, then its workers, the replicas that have none, and its supervisor.
std::vector<TopRow> top_rows(const TopModel& model, const TopView& view, WallTime now);

/// "3 services: 2 serves, 1 rolling out"
std::string services_line(const TopModel& model);
/// What all of them use together; of the supervisors, too.
std::string totals_line(const TopModel& model);

} // namespace svc::cli
