// What an earlier supervisor left may contradict itself: somebody else wrote it, or a mistake of ours.
#include "rollout/recover.h"
#include "stage.h"

#include <doctest/doctest.h>

using namespace svc::rollout;

namespace {

State left_by_somebody() {
    Stage stage;
    stage.boot();
    return stage.state();
}

void check_refused(const State& state, const char* what) {
    const auto checked = check_consistent(state);
    REQUIRE_FALSE(checked);
    CAPTURE(checked.error().message);
    CHECK(checked.error().message.find(what) != std::string::npos);
}

} // namespace

TEST_CASE("a state that a supervisor left is consistent") {
    CHECK(check_consistent(left_by_somebody()));
    CHECK(check_consistent(State{}));
}

TEST_CASE("revisions that are not there are named") {
    State state = left_by_somebody();
    state.current = 99;
    check_refused(state, "the current one is revision 99");
    state = left_by_somebody();
    state.workers.begin()->second.revision = 99;
    check_refused(state, "is revision 99, which it does not have");
    state = left_by_somebody();
    state.rollout.emplace();
    check_refused(state, "its rollout leads nowhere");
    state.rollout->to = 1;
    state.rollout->from = 99;
    check_refused(state, "the start of its rollout");
}

TEST_CASE("a worker whose name leads out of its directory, or is another one's, is refused") {
    for (const char* name : {"", "../../etc/passwd", "r1-0/x", "web", "r1-0\n"}) {
        State state = left_by_somebody();
        state.workers.begin()->second.name = name;
        check_refused(state, "has a name that none can have");
    }
    State state = left_by_somebody();
    Worker twin = state.workers.begin()->second;
    twin.id = state.next_worker++;
    state.workers.emplace(twin.id, twin);
    check_refused(state, "two workers are called");
}

TEST_CASE("numbers that do not belong to what they stand at are refused") {
    State state = left_by_somebody();
    state.next_worker = 0;
    check_refused(state, "another worker's number");
    state = left_by_somebody();
    state.next_revision = 1;
    check_refused(state, "another one's number");
    state = left_by_somebody();
    state.workers.begin()->second.replica = 1000;
    check_refused(state, "no place among the replicas");
    state = left_by_somebody();
    state.replica_list.front().index = 5;
    check_refused(state, "not in their order");
}
