#include "svcd/front/worker_news.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;
using rollout::EventKind;
using rollout::WorkerPhase;

namespace {

struct Crew {
    rollout::State state;
    WorkerNews news;

    void put(rollout::WorkerId id, WorkerPhase phase) {
        auto& worker = state.workers[id];
        worker.id = id;
        worker.name = "w" + std::to_string(id);
        worker.phase = phase;
    }
    void tell(rollout::WorkerId id, EventKind kind, const std::string& text = {}) {
        rollout::Event event;
        event.kind = kind;
        event.worker = id;
        event.text = text;
        news.happened(event);
    }
    std::string take(std::size_t limit = 100) {
        std::string text;
        for (const auto& worker : news.take(state, Instant{}, limit))
            text += worker.name + " " + worker.state + (worker.failed ? "!" : "") +
                    (worker.note.empty() ? "" : " (" + worker.note + ")") + ";";
        return text;
    }
};

} // namespace

TEST_CASE("everybody is news once, a few at a time") {
    Crew crew;
    for (rollout::WorkerId id = 1; id <= 3; ++id)
        crew.put(id, WorkerPhase::available);
    crew.news.begin(crew.state);
    CHECK(crew.take(2) == "w1 available;w2 available;");
    CHECK(crew.news.any(crew.state));
    CHECK(crew.take(2) == "w3 available;");
    CHECK_FALSE(crew.news.any(crew.state));
    CHECK(crew.take().empty());
}

TEST_CASE("what changed twice is told once, as it is now") {
    Crew crew;
    crew.put(1, WorkerPhase::starting);
    crew.tell(1, EventKind::worker_launched);
    crew.tell(1, EventKind::worker_ready);
    crew.put(1, WorkerPhase::ready);
    CHECK(crew.take() == "w1 ready;");
}

TEST_CASE("a worker on its way is told as it moves on, without an event") {
    Crew crew;
    crew.put(1, WorkerPhase::executing);
    crew.tell(1, EventKind::worker_launched);
    CHECK(crew.take() == "w1 launching;");
    CHECK_FALSE(crew.news.any(crew.state));
    crew.put(1, WorkerPhase::starting);
    CHECK(crew.news.any(crew.state));
    CHECK(crew.take() == "w1 starting;");
}

TEST_CASE("what a worker says of itself is no news, but goes along") {
    Crew crew;
    crew.put(1, WorkerPhase::available);
    crew.put(2, WorkerPhase::available);
    crew.news.begin(crew.state);
    crew.take();
    crew.state.workers.at(1).status_text = "busy";
    crew.tell(1, EventKind::worker_status);
    CHECK_FALSE(crew.news.any(crew.state));
    crew.tell(2, EventKind::worker_retired);
    crew.put(2, WorkerPhase::stopping);
    CHECK(crew.take() == "w2 stopping;w1 available (busy);");
}

TEST_CASE("one that is gone is told once, with how it ended and whether that was meant") {
    Crew crew;
    crew.put(1, WorkerPhase::available);
    crew.put(2, WorkerPhase::available);
    crew.news.begin(crew.state);
    crew.take();
    crew.tell(1, EventKind::worker_retired, "replaced");
    crew.tell(1, EventKind::worker_exited, "exit status 0");
    crew.tell(2, EventKind::worker_exited, "exit status 1");
    crew.state.workers.clear();
    CHECK(crew.take() == "w1 gone (exit status 0);w2 gone! (exit status 1);");
    CHECK_FALSE(crew.news.any(crew.state));
    // One that came and went in between was on nobody's list.
    crew.tell(3, EventKind::worker_launched);
    crew.tell(3, EventKind::worker_exited, "exit status 1");
    CHECK(crew.take().empty());
}
