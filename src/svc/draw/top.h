// `svc top`: all services and their workers on one screen.
#pragma once

#include "svc/screen/terminal.h"
#include "wire/control.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace svc::cli {

/// What is known of all services, from one look after the other. CPU is what was used between two of them, in percent
/// of one processor; after the first look, and of a process that is new, nobody knows it.
class TopModel {
public:
    /// One service in one look.
    struct Looked {
        std::string name;
        const wire::ServiceStatus* status = nullptr; ///< the last one; null: there is none
        Instant at{};                                ///< when that came
        std::string problem;                         ///< why there is none, or none that is new
        Duration silent{};                           ///< since that came
    };
    struct Service {
        std::string name;
        std::optional<wire::ServiceStatus> status;
        Instant at{};
        std::string problem;
        Duration silent{};
        std::map<std::string, double> cpu; ///< by the worker's name
        std::optional<double> supervisor_cpu;

        [[nodiscard]] std::optional<double> cpu_of_workers() const;
    };

    /// A service that is not among them has gone.
    void learn(const std::vector<Looked>& looked);
    [[nodiscard]] const std::vector<Service>& services() const { return services_; }

private:
    std::vector<Service> services_;
};

enum class TopSort { name, cpu, memory, connections, restarts };
inline constexpr std::size_t top_sorts = 5;

/// How it is looked at.
struct TopView {
    TopSort sort = TopSort::name; ///< the largest first, but for names
    bool collapsed = false;       ///< no workers
    std::size_t first = 0;        ///< of the rows, the one at the top; draw_top() puts it in order
};

/// As many lines as the terminal has, none wider than it; without one all that there is, the keys left out.
/// `interval`: between two looks; `view.first` is moved so that rows are seen.
std::vector<std::string> draw_top(const TopModel& model, TopView& view, Duration interval,
                                  WallTime now, const Terminal& terminal);
/// The keys that are typed, one after the other; an escape sequence may come in pieces.
class TopKeys {
public:
    enum class Action { none, draw, quit };
    /// `page`: how many rows one has.
    Action take(std::string_view bytes, TopView& view, std::size_t page);

private:
    std::string begun_; ///< of an escape sequence
};

/// How many rows a page has.
std::size_t top_page(const Terminal& terminal);

} // namespace svc::cli
