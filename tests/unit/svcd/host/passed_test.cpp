// What the service manager passes at a start, sorted.
#include "svcd/host/survival/passed.h"

#include <doctest/doctest.h>
#include <fcntl.h>

using namespace svc;
using namespace svc::daemon;

namespace {

std::vector<UniqueFd> some(int count) {
    std::vector<UniqueFd> fds;
    for (int i = 0; i < count; ++i)
        fds.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return fds;
}

} // namespace

TEST_CASE("fds of the store are told from sockets of a unit by their names") {
    std::map<std::string, std::vector<UniqueFd>> all;
    all["web"] = some(2);
    all["unknown"] = some(1);
    all["svcd"] = some(1); // a name that only looks like ours
    all["svc.state"] = some(1);
    all["svc.listener.1"] = some(2); // as no store of ours has it
    auto passed = sort_passed(std::move(all));
    CHECK(passed.sockets.size() == 3);
    CHECK(passed.sockets.at("web").size() == 2);
    CHECK(passed.kept.names() == std::vector<std::string>{"svc.listener.1", "svc.state"});
    CHECK(passed.kept.take("svc.state"));
    CHECK_FALSE(passed.kept.take("svc.state"));
}
