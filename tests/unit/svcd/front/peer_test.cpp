#include "svcd/front/peer.h"

#include "base/unique_fd.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;

namespace {
constexpr Authority machine{
    .own_uid = 1000, .control_group = 50, .overflow_uid = 65534, .overflow_gid = 65534};

Peer peer(uid_t uid, gid_t gid = 100, std::vector<gid_t> groups = {}) {
    return {.uid = uid, .gid = gid, .groups = std::move(groups), .pid = 1};
}
} // namespace

TEST_CASE("root, the supervisor's own user and the control group may change things") {
    CHECK(may_change(peer(0), machine));
    CHECK(may_change(peer(1000), machine));
    CHECK(may_change(peer(1001, 50), machine));
    CHECK(may_change(peer(1001, 100, {7, 50}), machine));
}

TEST_CASE("everyone else may only look") {
    CHECK_FALSE(may_change(peer(1001), machine));
    CHECK_FALSE(may_change(peer(1001, 0, {0, 51}), machine));
    Authority without = machine;
    without.control_group.reset();
    CHECK_FALSE(may_change(peer(1001, 50, {50}), without));
}

TEST_CASE("an unmapped user never changes anything, not even under its own name") {
    CHECK_FALSE(may_change(peer(65534), machine));
    CHECK_FALSE(may_change(peer(65534, 50, {50}), machine));
    Authority nobody = machine;
    nobody.own_uid = 65534;
    CHECK_FALSE(may_change(peer(65534), nobody));
}

TEST_CASE("an unmapped group is no member of a control group with that number") {
    Authority odd = machine;
    odd.control_group = 65534;
    CHECK_FALSE(may_change(peer(1001, 65534, {65534}), odd));
}

TEST_CASE("the kernel says who is at the other end") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const UniqueFd first(ends[0]);
    const UniqueFd second(ends[1]);
    const auto found = peer_of(first.get());
    REQUIRE(found.ok());
    CHECK(found->uid == ::geteuid());
    CHECK(found->gid == ::getegid());
    CHECK(found->pid == ::getpid());
    std::vector<gid_t> own(64);
    const int count = ::getgroups(64, own.data());
    CHECK(found->groups.size() == static_cast<std::size_t>(count));
}
