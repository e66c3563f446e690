#include "svcd/host/history_keeper.h"

#include "os/clock.h"

#include <utility>

namespace svc::daemon {

using rollout::RevisionNumber;
using rollout::State;

HistoryKeeper::HistoryKeeper(HostContext& context)
    : context_(context), writer_(context.io, context.history,
                                 [this](RevisionNumber number, const Result<void>& written) {
                                     handle_written(number, written);
                                 }) {}

HistoryKeeper::Keep HistoryKeeper::keep_for(RevisionNumber number, const State& state) {
    return {state.revisions.at(number).spec.rollout.history,
            {number, state.current, state.previous}};
}

void HistoryKeeper::begin(RevisionNumber number, std::optional<StagedRevision> staged,
                          const State& state) {
    writer_.finish();
    if (staged) {
        if (auto written = context_.history.begin(std::move(*staged)); !written)
            report(number, written.error());
    }
    trim(number, keep_for(number, state));
}

void HistoryKeeper::catch_up(const State& state) {
    const auto known = context_.history.numbers();
    const std::set<RevisionNumber> kept(known.begin(), known.end());
    for (const auto& [number, revision] : state.revisions)
        if (!kept.contains(number) && number != state.pending)
            report(number, Error{"its supervisor ended before it was written"});
    for (const auto& outcome : state.outcomes)
        if (kept.contains(outcome.revision) && state.revisions.contains(outcome.revision) &&
            !context_.history.read(outcome.revision).outcome)
            end(outcome, state);
}

void HistoryKeeper::end(const rollout::Outcome& outcome, const State& state) {
    const WallTime ended = os::wall_now() - (os::now() - outcome.ended);
    ending_[outcome.revision] = keep_for(outcome.revision, state);
    writer_.write(outcome.revision,
                  wire::StoredOutcome{.verdict = outcome.verdict,
                                      .reason = outcome.reason,
                                      .successor = outcome.successor,
                                      .last_output = outcome.last_output,
                                      .began = ended - (outcome.ended - outcome.began),
                                      .ended = ended});
}

void HistoryKeeper::handle_written(RevisionNumber number, const Result<void>& written) {
    if (!written && !unwritten_.contains(number))
        report(number, written.error());
    if (const auto keep = ending_.extract(number))
        trim(number, keep.mapped());
    unwritten_.erase(number);
    context_.callbacks.recorded();
    if (writer_.is_idle() && when_recorded_)
        std::exchange(when_recorded_, nullptr)();
}

void HistoryKeeper::when_recorded(std::function<void()> then) {
    if (writer_.is_idle())
        then();
    else
        when_recorded_ = std::move(then);
}

void HistoryKeeper::trim(RevisionNumber number, const Keep& keep) {
    const auto trimmed = context_.history.trim(keep.limit, keep.kept);
    if (!trimmed && !unwritten_.contains(number))
        report(number, trimmed.error());
}

/// Once for a revision: a full disk would fail again when its rollout ends.
void HistoryKeeper::report(RevisionNumber number, const Error& error) {
    unwritten_.insert(number);
    rollout::Event event;
    event.kind = rollout::EventKind::history;
    event.revision = number;
    event.text = "revision " + std::to_string(number) +
                 " is not kept as it should be in the history: " + error.message;
    context_.callbacks.report(event);
}

} // namespace svc::daemon
