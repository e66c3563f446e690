// What `svc top` remembers from one look to the next, and what its keys do.
#include "svc/draw/top.h"

#include <algorithm>

namespace svc::cli {

std::optional<double> TopModel::Service::cpu_of_workers() const {
    std::optional<double> sum;
    for (const auto& [worker, used] : cpu)
        sum = sum.value_or(0) + used;
    return sum;
}

namespace {

using Service = TopModel::Service;

/// In percent of one processor; none where the process is another one, or its time went backwards.
std::optional<double> cpu_between(std::optional<std::uint64_t> before,
                                  std::optional<std::uint64_t> after, Duration passed) {
    if (!before || !after || *after < *before || passed <= Duration::zero())
        return std::nullopt;
    return 100.0 * static_cast<double>(*after - *before) / static_cast<double>(passed.count());
}

void learn_cpu(Service& service, const Service& before) {
    if (!service.status || !before.status)
        return;
    if (service.at == before.at) { // nothing new was said
        service.cpu = before.cpu;
        service.supervisor_cpu = before.supervisor_cpu;
        return;
    }
    const Duration passed = service.at - before.at;
    for (const auto& worker : service.status->workers)
        for (const auto& older : before.status->workers)
            if (older.name == worker.name && older.pid == worker.pid)
                if (const auto cpu = cpu_between(older.cpu_us, worker.cpu_us, passed))
                    service.cpu[worker.name] = *cpu;
    if (service.status->supervisor_pid == before.status->supervisor_pid)
        service.supervisor_cpu = cpu_between(before.status->supervisor_cpu_us,
                                             service.status->supervisor_cpu_us, passed);
}

} // namespace

void TopModel::learn(const std::vector<Looked>& looked) {
    std::vector<Service> now;
    for (const auto& each : looked) {
        Service service{
            .name = each.name, .at = each.at, .problem = each.problem, .silent = each.silent};
        if (each.status != nullptr)
            service.status = *each.status;
        for (const auto& before : services_)
            if (before.name == each.name)
                learn_cpu(service, before);
        now.push_back(std::move(service));
    }
    services_ = std::move(now);
}

TopKeys::Action TopKeys::take(std::string_view bytes, TopView& view, std::size_t page) {
    Action action = Action::none;
    const auto scroll = [&](std::size_t up, std::size_t down) {
        view.first = view.first - std::min(view.first, up) + down;
        action = Action::draw;
    };
    constexpr std::size_t everything = 1'000'000;
    for (const char byte : bytes) {
        if (begun_ == "\x1b" && byte != '[' && byte != 'O')
            begun_.clear(); // Escape by itself, which means nothing, and then another key
        begun_ += byte;
        if (begun_ == "q")
            return Action::quit;
        if (begun_ == "s") {
            view.sort = static_cast<TopSort>((static_cast<std::size_t>(view.sort) + 1) % top_sorts);
            action = Action::draw;
        } else if (begun_ == "c") {
            view.collapsed = !view.collapsed;
            action = Action::draw;
        } else if (begun_ == "k" || begun_ == "\x1b[A" || begun_ == "\x1bOA") {
            scroll(1, 0);
        } else if (begun_ == "j" || begun_ == "\x1b[B" || begun_ == "\x1bOB") {
            scroll(0, 1);
        } else if (begun_ == "\x1b[5~") {
            scroll(page, 0);
        } else if (begun_ == "\x1b[6~" || begun_ == " ") {
            scroll(0, page);
        } else if (begun_ == "g" || begun_ == "\x1b[H" || begun_ == "\x1b[1~") {
            scroll(everything, 0);
        } else if (begun_ == "G" || begun_ == "\x1b[F" || begun_ == "\x1b[4~") {
            scroll(0, everything);
        }
        // A sequence goes on up to a letter or '~'; anything else is a key of its own.
        const bool goes_on = begun_ == "\x1b" || begun_ == "\x1b[" || begun_ == "\x1bO" ||
                             (begun_.starts_with("\x1b[") && begun_.size() < 8 &&
                              ((byte >= '0' && byte <= '9') || byte == ';'));
        if (!goes_on)
            begun_.clear();
    }
    return action;
}

} // namespace svc::cli
