#include "svcd/front/log_digest.h"

#include "rollout/decide.h"
#include "wire/control.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;
using rollout::Event;
using rollout::EventKind;

namespace {

Event about(EventKind kind, const std::string& worker, const std::string& text) {
    return Event{.kind = kind, .revision = 2, .worker_name = worker, .text = text};
}

std::string lines(const std::vector<Event>& told) {
    std::string all;
    for (const Event& event : without_repeats(told))
        all += wire::sentence_of(event) + '\n';
    return all;
}

} // namespace

TEST_CASE("a crash is one line: who, how, and when the next try is") {
    CHECK(
        lines({about(EventKind::worker_exited, "r2-0", "exit status 1"),
               about(EventKind::worker_restarting, "r2-0", "exit status 1; next try in 100ms")}) ==
        "r2-0: exit status 1; next try in 100ms\n");
}

TEST_CASE("a failed rollout is one line if it is taken back in the same step") {
    const std::string why = "r2-0: exit status 1 before it was ready";
    const Event exited = about(EventKind::worker_exited, "r2-0", "exit status 1");
    const Event back = about(EventKind::rollout_rolling_back, "", why);
    const Event ended = about(EventKind::rollout_ended, "", "revision 2 rolled back: " + why);
    CHECK(lines({exited, back, ended}) == "revision 2 rolled back: " + why + '\n');
    CHECK(lines({exited, back}) == "revision 2 is being rolled back: " + why + '\n');
    CHECK(lines({exited, about(EventKind::rollout_paused, "", why)}) ==
          "the rollout of revision 2 is paused: " + why + '\n');
    CHECK(lines({ended}) == "revision 2 rolled back: " + why + '\n');
}

TEST_CASE("a worker that a probe found broken is one line") {
    const std::string why = "liveness check failed: Connection refused";
    CHECK(lines({about(EventKind::probe_failed, "r2-0", why),
                 about(EventKind::worker_retired, "r2-0", why),
                 about(EventKind::worker_restarting, "r2-0", why + "; next try in 100ms")}) ==
          "r2-0: " + why + "; next try in 100ms\n");
    CHECK(lines({about(EventKind::probe_failed, "r2-0", why)}) == "r2-0: " + why + '\n');
}

TEST_CASE("what another worker did, or an end in order, has its own line") {
    CHECK(lines({about(EventKind::worker_exited, "r2-1", "exit status 1"),
                 about(EventKind::worker_restarting, "r2-10", "exit status 1; next try in 1s"),
                 about(EventKind::rollout_rolling_back, "", "r2-11: exit status 1")}) ==
          "r2-1: exit status 1\nr2-10: exit status 1; next try in 1s\n"
          "revision 2 is being rolled back: r2-11: exit status 1\n");
    CHECK(lines({about(EventKind::worker_exited, "r1-0", "exit status 0"),
                 about(EventKind::worker_exited, "r1-1", "exit status 0")}) ==
          "r1-0: exit status 0\nr1-1: exit status 0\n");
}
