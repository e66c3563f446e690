#include "svcd/front/worker_news.h"

namespace svc::daemon {

using rollout::EventKind;
using rollout::State;
using rollout::WorkerId;
using rollout::WorkerPhase;

void WorkerNews::begin(const State& state) {
    for (const auto& [id, worker] : state.workers)
        news_.insert(id);
}

void WorkerNews::happened(const rollout::Event& event) {
    if (event.worker == 0)
        return;
    if (event.kind == EventKind::worker_status) {
        whispers_.insert(event.worker);
        return;
    }
    if (event.kind == EventKind::worker_retired)
        ends_[event.worker].willed = true;
    if (event.kind == EventKind::worker_exited)
        ends_[event.worker].how = event.text;
    news_.insert(event.worker);
}

void WorkerNews::notice_moves(const State& state) {
    for (const WorkerId id : moving_) {
        const auto worker = state.workers.find(id);
        if (worker == state.workers.end() || worker->second.phase != told_.at(id).phase ||
            worker->second.connections != told_.at(id).connections)
            news_.insert(id);
    }
}

bool WorkerNews::any(const State& state) {
    notice_moves(state);
    return !news_.empty();
}

void WorkerNews::tell(const State& state, WorkerId id, Instant now,
                      std::vector<wire::WorkerProgress>& list) {
    const auto worker = state.workers.find(id);
    if (worker == state.workers.end() || worker->second.phase == WorkerPhase::finished) {
        tell_gone(id, list);
        return;
    }
    Told& told = told_[id];
    told = {wire::progress_of(state, worker->second, now), worker->second.phase,
            worker->second.connections};
    if (const auto end = ends_.find(id); end != ends_.end() && !end->second.how.empty())
        told.last.note = end->second.how;
    if (told.phase == WorkerPhase::available)
        moving_.erase(id);
    else
        moving_.insert(id);
    list.push_back(told.last);
}

void WorkerNews::tell_gone(WorkerId id, std::vector<wire::WorkerProgress>& list) {
    // One that came and went while nobody looked was never on the caller's list.
    if (const auto told = told_.find(id); told != told_.end()) {
        const End& end = ends_[id];
        wire::WorkerProgress last = std::move(told->second.last);
        last.state = "gone";
        last.since_us = last.left_us = 0;
        last.waits_for.clear();
        last.note = end.how;
        last.failed = !end.willed;
        list.push_back(std::move(last));
        told_.erase(told);
    }
    ends_.erase(id);
    moving_.erase(id);
}

std::vector<wire::WorkerProgress> WorkerNews::take(const State& state, Instant now,
                                                   std::size_t limit) {
    notice_moves(state);
    std::vector<wire::WorkerProgress> list;
    for (auto* const waiting : {&news_, &whispers_}) {
        while (!waiting->empty() && list.size() < limit) {
            const WorkerId id = *waiting->begin();
            waiting->erase(waiting->begin());
            if (waiting == &news_)
                whispers_.erase(id);
            tell(state, id, now, list);
        }
    }
    return list;
}

} // namespace svc::daemon
