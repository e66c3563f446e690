#include "svcd/front/keeping.h"

#include <doctest/doctest.h>

using namespace svc::daemon;

TEST_CASE("a keeper is asked for by the first argument, or by being process 1 without a manager") {
    CHECK(find_keeping({"--keeper", "web.toml"}, false, true) == Keeping::wanted);
    CHECK(find_keeping({"--keeper"}, true, false) == Keeping::wanted);
    CHECK(find_keeping({"web.toml", "--keeper"}, false, false) == Keeping::none);
    CHECK(find_keeping({}, false, false) == Keeping::none);
    CHECK(find_keeping({"web.toml"}, true, false) == Keeping::as_init);
    CHECK(find_keeping({"web.toml"}, true, true) == Keeping::none);
}

TEST_CASE("a keeper that is not there is a sentence") {
    CHECK(become_keeper("/nowhere/svc-keeper", {"--keeper", "web.toml"}) ==
          "cannot execute /nowhere/svc-keeper: No such file or directory");
}
