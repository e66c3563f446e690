#include "svcd/front/timeline_recorder.h"

#include "wire/control.h"

#include <algorithm>

namespace svc::daemon {

using rollout::EventKind;
using rollout::State;
using rollout::Worker;
using rollout::WorkerId;

namespace {

constexpr std::size_t rows_limit = 2048;
constexpr std::size_t marks_limit = 64;
constexpr std::size_t open_limit = 4;
constexpr std::size_t text_limit = 200;

std::int64_t microseconds(Duration time) {
    return time.count();
}

std::optional<std::int64_t> relative(std::optional<Instant> at, Instant began) {
    return at ? std::optional(microseconds(*at - began)) : std::nullopt;
}

/// What the drawing shows below its rows.
bool is_mark(EventKind kind) {
    return kind == EventKind::rollout_rolling_back || kind == EventKind::rollout_paused ||
           kind == EventKind::rollout_resumed || kind == EventKind::rollout_stage ||
           kind == EventKind::worker_reloaded || kind == EventKind::hook_failed;
}

/// After the verdict: who is to go, or soon will be.
bool is_leaving(const State& state, const Worker& worker) {
    return rollout::has_process(worker) && !rollout::cannot_be_killed(worker) &&
           (!rollout::is_live(worker) || worker.revision != rollout::target_revision(state) ||
            state.wanted != rollout::Wanted::run);
}

} // namespace

void TimelineRecorder::add_row(Record& record, const Worker& worker) {
    if (record.timeline.workers.size() >= rows_limit) {
        ++record.timeline.cut;
        return;
    }
    wire::WorkerTrack track;
    track.name = worker.name;
    track.revision = worker.revision;
    track.replica = worker.replica;
    track.launched_us = microseconds(worker.launched_at - record.began);
    track.ready_us = relative(worker.ready_at, record.began);
    track.available_us = relative(worker.available_at, record.began);
    track.drain_us = relative(worker.drain_began, record.began);
    if (worker.phase == rollout::WorkerPhase::stopping ||
        worker.phase == rollout::WorkerPhase::killing)
        track.stop_us = microseconds(worker.since - record.began);
    record.rows.emplace(worker.id, record.timeline.workers.size());
    record.timeline.workers.push_back(std::move(track));
}

void TimelineRecorder::begin_if_new(const State& state, WallTime wall, Instant now) {
    if (!state.rollout || state.rollout->to <= newest_)
        return;
    // Who stays in an older one's rows is not leaving any more: this rollout decides on it.
    for (Record& older : open_)
        std::erase_if(older.leaving, [&](WorkerId id) {
            const auto worker = state.workers.find(id);
            return worker != state.workers.end() && rollout::is_live(worker->second);
        });
    if (open_.size() >= open_limit) {
        close(open_.front(), now);
        open_.pop_front();
    }
    const rollout::Rollout& rollout = *state.rollout;
    newest_ = rollout.to;
    Record& record = open_.emplace_back();
    record.began = rollout.began;
    record.timeline.revision = rollout.to;
    record.timeline.from = rollout.from;
    record.timeline.began_us =
        microseconds(wall.time_since_epoch()) - microseconds(now - rollout.began);
    record.timeline.strategy = wire::name_of(rollout::rollout_spec_in_force(state).strategy);
    record.timeline.result = "in progress";
    record.timeline.open = true;
    for (const auto& [id, worker] : state.workers)
        if (rollout::has_process(worker))
            add_row(record, worker);
}

void TimelineRecorder::happened(const rollout::Event& event, const State& state, Instant now,
                                WallTime wall) {
    begin_if_new(state, wall, now);
    for (Record& record : open_) {
        note(record, event, state, now);
        // After the verdict: of an old set that was kept, at a stop. What a newer rollout replaces is its own.
        if (event.kind == EventKind::worker_retired && record.ended && &record == &open_.back() &&
            record.rows.contains(event.worker))
            record.leaving.insert(event.worker);
    }
}

void TimelineRecorder::note(Record& record, const rollout::Event& event, const State& state,
                            Instant now) {
    wire::Timeline& timeline = record.timeline;
    const std::int64_t at = microseconds(now - record.began);
    if (!record.ended && event.kind == EventKind::worker_launched &&
        !record.rows.contains(event.worker)) {
        if (const auto made = state.workers.find(event.worker); made != state.workers.end())
            add_row(record, made->second);
    }
    if (event.kind == EventKind::rollout_ended && event.revision == timeline.revision)
        note_end(record, event, state);
    else if (!record.ended && is_mark(event.kind) && event.revision == timeline.revision) {
        if (timeline.marks.size() < marks_limit)
            timeline.marks.push_back({at, wire::sentence_of(event)});
        else
            ++timeline.cut;
    }
    const auto row = record.rows.find(event.worker);
    if (row == record.rows.end())
        return;
    wire::WorkerTrack& track = timeline.workers[row->second];
    const auto once = [at](std::optional<std::int64_t>& instant) {
        if (!instant)
            instant = at;
    };
    if (event.kind == EventKind::worker_ready) {
        once(track.ready_us);
    } else if (event.kind == EventKind::worker_available) {
        once(track.available_us);
    } else if (event.kind == EventKind::worker_retired) {
        once(track.drain_us);
    } else if (event.kind == EventKind::worker_stopping || event.kind == EventKind::worker_killed) {
        once(track.stop_us);
    } else if (event.kind == EventKind::worker_exited) {
        track.ended_us = at;
        track.ended = event.text.substr(0, text_limit);
        track.failed = !track.drain_us;
        record.leaving.erase(event.worker);
        record.rows.erase(row);
    }
}

void TimelineRecorder::note_end(Record& record, const rollout::Event& event, const State& state) {
    record.ended = true;
    record.timeline.result = event.verdict ? std::string(describe(*event.verdict)) : "unknown";
    if (const auto* outcome = rollout::find_outcome(state, record.timeline.revision)) {
        record.timeline.reason = outcome->reason;
        record.timeline.length_us = microseconds(outcome->ended - record.began);
        record.timeline.until_us = record.timeline.length_us;
    }
    for (const auto& [id, row] : record.rows) {
        const auto worker = state.workers.find(id);
        if (worker != state.workers.end() && is_leaving(state, worker->second))
            record.leaving.insert(id);
    }
}

void TimelineRecorder::close(Record& record, Instant now) {
    record.timeline.open = false;
    // What the last to leave did is the end of the record; the others stay as they are.
    std::int64_t until = record.timeline.length_us;
    for (const auto& track : record.timeline.workers)
        until = std::max(until, track.ended_us.value_or(until));
    if (!record.leaving.empty() || !record.ended)
        until = std::max(until, microseconds(now - record.began));
    record.timeline.until_us = until;
    store_(record.timeline);
    closed_ = record.timeline;
}

void TimelineRecorder::settled(const State& state, Instant now, WallTime wall) {
    begin_if_new(state, wall, now);
    const bool last_chance = state.wanted == rollout::Wanted::ended;
    for (auto record = open_.begin(); record != open_.end();) {
        if ((record->ended && record->leaving.empty()) || last_chance) {
            close(*record, now);
            record = open_.erase(record);
            continue;
        }
        if (record->ended && !record->stored) {
            record->stored = true;
            store_(record->timeline);
        }
        ++record;
    }
}

std::optional<wire::Timeline> TimelineRecorder::find(rollout::RevisionNumber revision,
                                                     Instant now) const {
    for (const Record& record : open_) {
        if (record.timeline.revision != revision)
            continue;
        wire::Timeline timeline = record.timeline;
        timeline.until_us = microseconds(now - record.began);
        if (!record.ended)
            timeline.length_us = timeline.until_us;
        return timeline;
    }
    if (closed_ && closed_->revision == revision)
        return closed_;
    return std::nullopt;
}

} // namespace svc::daemon
