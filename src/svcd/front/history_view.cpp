#include "svcd/front/history_view.h"

#include "base/text.h"
#include "os/clock.h"
#include "svcd/front/compare.h"
#include "wire/guarantee.h"

#include <algorithm>
#include <cerrno>

namespace svc::daemon {

using rollout::Revision;
using rollout::RevisionNumber;
using rollout::State;

namespace {

constexpr std::size_t reason_limit = 512;

std::string text_of(RevisionNumber number) {
    return "revision " + std::to_string(number);
}

bool is_running(const State& state, RevisionNumber number) {
    return state.pending == number || (state.rollout && state.rollout->to == number);
}

std::int64_t microseconds(WallTime time) {
    return time.time_since_epoch().count();
}

wire::RevisionSummary summary_of(const State& state, const HistoryEntry& entry) {
    wire::RevisionSummary summary;
    summary.revision = entry.number;
    summary.serving = entry.number == state.current;
    summary.unreadable = printable(entry.unreadable, reason_limit);
    if (entry.revision) {
        summary.cause = describe(entry.revision->cause);
        summary.uid = entry.revision->cause.uid;
        summary.made_at_us = microseconds(entry.revision->made_at);
        summary.made_from = entry.revision->made_from;
    }
    if (entry.outcome) {
        summary.result = describe(entry.outcome->verdict);
        summary.reason = printable(entry.outcome->reason, reason_limit);
        summary.began_us = microseconds(entry.outcome->began);
        summary.ended_us = microseconds(entry.outcome->ended);
    } else if (const auto* ended = rollout::find_outcome(state, entry.number)) {
        // On its way to the disk, or without a place there.
        summary.result = describe(ended->verdict);
        summary.reason = printable(ended->reason, reason_limit);
    } else {
        summary.result = is_running(state, entry.number) ? "in progress"
                         : summary.serving               ? "complete"
                                                         : "unknown";
    }
    return summary;
}

Result<Revision> usable(const HistoryView& view, RevisionNumber number) {
    auto entry = find_revision(view, number);
    if (entry.revision)
        return std::move(*entry.revision);
    return Error{text_of(number) + " cannot be shown: " + entry.unreadable +
                 "; `svc history` lists what is kept"};
}

/// The serving one; before the first is complete, the one that is tried.
Result<RevisionNumber> serving(const State& state) {
    if (state.current != 0)
        return state.current;
    if (state.rollout)
        return state.rollout->to;
    return Error{"no revision serves yet"};
}

} // namespace

HistoryEntry find_revision(const HistoryView& view, RevisionNumber number) {
    HistoryEntry entry = view.history.read(number);
    const auto known = view.state.revisions.find(number);
    if (known != view.state.revisions.end()) {
        entry.revision = known->second;
        entry.unreadable.clear();
    }
    return entry;
}

Result<RevisionNumber> default_undo(const HistoryView& view) {
    const State& state = view.state;
    if (state.rollout && state.current != 0) {
        switch (state.rollout->phase) {
        case rollout::RolloutPhase::progressing:
            return state.current;
        case rollout::RolloutPhase::rolling_back:
            return Error{text_of(state.rollout->to) + " is being rolled back to " +
                         text_of(state.rollout->from) + " already; `svc undo --to` names another"};
        }
    }
    const RevisionNumber disk = [&] {
        const auto entry = view.history.last_completed(state.current);
        return entry ? entry->number : 0;
    }();
    const RevisionNumber found = std::max(disk, state.previous);
    if (found == 0)
        return Error{state.current == 0
                         ? std::string("no revision serves yet")
                         : "no revision that completed before " + text_of(state.current) +
                               " is kept; `svc history` lists what is"};
    return found;
}

wire::HistoryReply list_revisions(const HistoryView& view) {
    auto numbers = view.history.numbers();
    for (const auto& [number, revision] : view.state.revisions)
        if (!std::binary_search(numbers.begin(), numbers.end(), number))
            numbers.insert(std::lower_bound(numbers.begin(), numbers.end(), number), number);
    wire::HistoryReply reply;
    for (const RevisionNumber number : numbers)
        reply.revisions.push_back(summary_of(view.state, find_revision(view, number)));
    return reply;
}

Result<wire::RevisionReply> show_revision(const HistoryView& view, RevisionNumber number) {
    if (number == 0) {
        const auto current = serving(view.state);
        if (!current)
            return current.error();
        number = *current;
    }
    const HistoryEntry entry = find_revision(view, number);
    auto revision = usable(view, number);
    if (!revision)
        return revision.error();
    wire::RevisionReply reply;
    reply.summary = summary_of(view.state, entry);
    if (entry.outcome)
        reply.last_output = entry.outcome->last_output;
    reply.command = revision->command;
    reply.release = revision->release;
    reply.executable = revision->executable_identity;
    reply.executable.path = revision->executable;
    reply.build_id = revision->build_id;
    reply.sha256 = revision->sha256;
    reply.program = revision->program_identity;
    reply.copy = entry.copied;
    reply.user = revision->spec.process.user;
    for (const auto& [name, value] : revision->file_environment)
        reply.environment_names.push_back(name);
    reply.guarantee = describe(wire::guarantee_of(*revision));
    reply.service_file = revision->service_file;
    return reply;
}

Result<wire::DiffReply> diff_revisions(const HistoryView& view, RevisionNumber from,
                                       RevisionNumber to) {
    if (to == 0) {
        const auto current = serving(view.state);
        if (!current)
            return current.error();
        to = *current;
    }
    const auto before = usable(view, from);
    if (!before)
        return before.error();
    const auto after = usable(view, to);
    if (!after)
        return after.error();
    return wire::DiffReply{from, to,
                           compare(*before, before->spec.rollout.replicas, *after).whole()};
}

Result<wire::DiffReply> diff_with_file(const State& state, const Revision& now) {
    const auto number = serving(state);
    if (!number)
        return number.error();
    const auto known = state.revisions.find(*number);
    if (known == state.revisions.end())
        fatal("the state does not have the revision that serves");
    return wire::DiffReply{*number, 0, compare(known->second, state.file_replicas, now).whole()};
}

Result<wire::Timeline> show_timeline(const HistoryView& view, const TimelineRecorder& timelines,
                                     RevisionNumber number, Instant now) {
    const State& state = view.state;
    if (number == 0 && state.rollout)
        number = state.rollout->to;
    else if (number == 0 && !state.outcomes.empty())
        number = state.outcomes.back().revision;
    if (number == 0)
        return Error{"no rollout has begun yet"};
    if (auto open = timelines.find(number, now))
        return std::move(*open);
    auto stored = view.history.read_timeline(number);
    if (stored || stored.error().code != ENOENT)
        return stored;
    if (number == state.pending)
        return Error{text_of(number) + " waits for the rollout of " + text_of(state.rollout->to) +
                     ": there is nothing to draw yet"};
    const auto kept = view.history.numbers();
    if (!state.revisions.contains(number) && !std::binary_search(kept.begin(), kept.end(), number))
        return Error{text_of(number) + " is not kept; `svc history` lists what is"};
    return Error{text_of(number) +
                 " has no timeline: its rollout never began, its supervisor was killed "
                 "meanwhile, or it could not be written; `svc history " +
                 std::to_string(number) + "` shows what is known"};
}

} // namespace svc::daemon
