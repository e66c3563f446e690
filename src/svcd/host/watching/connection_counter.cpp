#include "svcd/host/watching/connection_counter.h"

#include <utility>

namespace svc::daemon {

ConnectionCounter::ConnectionCounter(boost::asio::io_context& io, Listeners listeners)
    : io_(io), listeners_(std::move(listeners)), late_(io), start_(io, [this] { start(); }) {}

ConnectionCounter::Question ConnectionCounter::count(std::vector<os::ProcessSet> sets,
                                                     std::function<void(const Counts&)> then) {
    auto question = std::make_shared<std::function<void(const Counts&)>>(std::move(then));
    due_.push_back(Asked{std::move(sets), question});
    if (!job_)
        start_.wake();
    return question;
}

void ConnectionCounter::start() {
    if (job_)
        return;
    std::erase_if(due_, [](const Asked& asked) { return asked.then.expired(); });
    if (due_.empty())
        return;
    counting_ = std::exchange(due_, {});
    std::vector<os::ProcessSet> sets;
    for (const Asked& asked : counting_)
        sets.insert(sets.end(), asked.sets.begin(), asked.sets.end());
    const auto listeners = listeners_();
    auto work = listeners ? os::start_count(sets, *listeners)
                          : Result<os::FileWork>(Error{"listeners of another network", 0});
    job_ = std::make_unique<FileJob>(io_, std::move(work),
                                     [this](const Result<std::string>& told) { finish(told); });
    late_.after(std::chrono::seconds(2), [this] { finish(Error{"it took too long", 0}); });
}

void ConnectionCounter::finish(const Result<std::string>& answer) {
    job_.reset();
    late_.cancel();
    std::size_t wanted = 0;
    for (const Asked& asked : counting_)
        wanted += asked.sets.size();
    const Counts counts = os::parse_counts(answer ? *answer : std::string(), wanted);
    auto next = counts.begin();
    for (const Asked& asked : std::exchange(counting_, {})) {
        const auto end = next + static_cast<std::ptrdiff_t>(asked.sets.size());
        if (const auto then = asked.then.lock())
            (*then)(Counts(next, end));
        next = end;
    }
    if (!due_.empty())
        start_.wake();
}

} // namespace svc::daemon
