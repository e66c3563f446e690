#include "svcd/host/watching/worker_looker.h"

#include <algorithm>
#include <utility>

namespace svc::daemon {

WorkerLooker::WorkerLooker(boost::asio::io_context& io, Listeners listeners)
    : io_(io), listeners_(std::move(listeners)), late_(io), start_(io, [this] { start(); }) {}

WorkerLooker::Question WorkerLooker::look(std::vector<os::ProcessSet> sets, What what,
                                          std::function<void(const Answer&)> then) {
    auto question = std::make_shared<std::function<void(const Answer&)>>(std::move(then));
    due_.push_back(Asked{std::move(sets), what, question});
    if (!job_)
        start_.wake();
    return question;
}

void WorkerLooker::start() {
    if (job_)
        return;
    std::erase_if(due_, [](const Asked& asked) { return asked.then.expired(); });
    if (due_.empty())
        return;
    looking_ = std::exchange(due_, {});
    std::vector<os::ProcessSet> sets;
    for (const Asked& asked : looking_)
        sets.insert(sets.end(), asked.sets.begin(), asked.sets.end());
    const auto wanted = [this](What what) {
        return std::any_of(looking_.begin(), looking_.end(), [what](const Asked& asked) {
            return asked.what == what || asked.what == What::both;
        });
    };
    os::Look look;
    if (wanted(What::connections))
        look.listeners = listeners_();
    look.usage = wanted(What::usage);
    auto work = look.listeners || look.usage
                    ? os::start_look(sets, look)
                    : Result<os::FileWork>(Error{"listeners of another network", 0});
    job_ = std::make_unique<FileJob>(
        io_, std::move(work), [this](const Result<std::string>& told) { finish(told); },
        FileJob::usual_limit + sets.size() * os::longest_seen);
    late_.after(std::chrono::seconds(2), [this] { finish(Error{"it took too long", 0}); });
}

void WorkerLooker::finish(const Result<std::string>& answer) {
    job_.reset();
    late_.cancel();
    std::size_t wanted = 0;
    for (const Asked& asked : looking_)
        wanted += asked.sets.size();
    const Answer seen = os::parse_seen(answer ? *answer : std::string(), wanted);
    auto next = seen.begin();
    for (const Asked& asked : std::exchange(looking_, {})) {
        const auto end = next + static_cast<std::ptrdiff_t>(asked.sets.size());
        if (const auto then = asked.then.lock())
            (*then)(Answer(next, end));
        next = end;
    }
    if (!due_.empty())
        start_.wake();
}

} // namespace svc::daemon
