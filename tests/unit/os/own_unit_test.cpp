#include "os/own_unit.h"

#include <doctest/doctest.h>

using namespace svc::os;

TEST_CASE("the unit is the service that the cgroup lies in, also from a group below it") {
    for (const char* path : {"0::/system.slice/system-svcd.slice/svcd@web.service\n",
                             "0::/system.slice/system-svcd.slice/svcd@web.service/supervisor\n",
                             "12:memory:/other\n1:name=systemd:/system.slice/svcd@web.service\n"}) {
        const auto unit = unit_of(path);
        REQUIRE(unit);
        CHECK(unit->name == "svcd@web.service");
        CHECK_FALSE(unit->of_user);
    }
}

TEST_CASE("a user's manager is a unit of the system, and its units are the user's") {
    const auto unit =
        unit_of("0::/user.slice/user-1000.slice/user@1000.service/app.slice/svcd@web.service\n");
    REQUIRE(unit);
    CHECK(unit->name == "svcd@web.service");
    CHECK(unit->of_user);
    const auto manager = unit_of("0::/user.slice/user-1000.slice/user@1000.service/init.scope\n");
    REQUIRE(manager);
    CHECK_FALSE(manager->of_user);
}

TEST_CASE("what is no service's has no unit") {
    for (const char* text : {"", "\n\n", "0::/\n", "0::/user.slice/session-1.scope\n", "rubbish",
                             "5:cpu:/system.slice/svcd@web.service\n"})
        CHECK_FALSE(unit_of(text));
}
