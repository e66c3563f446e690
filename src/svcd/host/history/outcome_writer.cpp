#include "svcd/host/history/outcome_writer.h"

#include <algorithm>
#include <utility>

namespace svc::daemon {

using rollout::RevisionNumber;

OutcomeWriter::OutcomeWriter(boost::asio::io_context& io, const History& history, Written written)
    : io_(io), history_(history), written_(std::move(written)) {}

void OutcomeWriter::write(RevisionNumber number, wire::StoredOutcome outcome) {
    queue_.push_back({number, std::move(outcome)});
    if (queue_.size() == 1)
        start_next();
}

bool OutcomeWriter::writes(RevisionNumber number) const {
    return std::any_of(queue_.begin(), queue_.end(),
                       [&](const Entry& entry) { return entry.number == number; });
}

void OutcomeWriter::start_next() {
    const Entry& next = queue_.front();
    auto work = history_.start_end(next.number, next.outcome);
    if (!work) {
        handle_written(history_.end(next.number, next.outcome));
        return;
    }
    job_ =
        std::make_unique<FileJob>(io_, std::move(work), [this](const Result<std::string>& answer) {
            handle_written(answer ? Result<void>() : Result<void>(answer.error()));
        });
}

void OutcomeWriter::handle_written(Result<void> result) {
    const RevisionNumber number = queue_.front().number;
    queue_.pop_front();
    job_.reset();
    written_(number, std::move(result));
    if (!queue_.empty() && !job_)
        start_next();
}

void OutcomeWriter::finish() {
    while (job_)
        job_->finish_now();
}

} // namespace svc::daemon
