// How an end is put into words.
#include "rollout/state.h"

#include <doctest/doctest.h>

#include <csignal>

using svc::rollout::describe;
using svc::rollout::ExitStatus;

TEST_CASE(
    "out of memory is said where it is certain, else what was counted stands beside the signal") {
    ExitStatus status{.kind = ExitStatus::Kind::signal, .value = SIGKILL};
    CHECK(describe(status) == "killed by SIGKILL");
    status.detail = "since its start the kernel killed 1 process for memory in its cgroup";
    CHECK(describe(status) == "killed by SIGKILL; " + status.detail);
    status.out_of_memory = true;
    status.detail = "of the machine";
    CHECK(describe(status) == "out of memory (killed by SIGKILL): of the machine");
}
