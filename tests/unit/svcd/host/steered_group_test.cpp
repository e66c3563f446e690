// Listeners of which each revision has its own socket.
#include "house.h"

#include <boost/asio/ip/tcp.hpp>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;
using namespace svc::rollout;
using boost::asio::ip::tcp;

namespace {

Spec with_preview() {
    ListenerSpec preview;
    preview.name = "preview";
    preview.address = *parse_address("127.0.0.1:0");
    preview.scope = ListenerScope::revision;
    preview.options.nonblock = true;
    Spec spec;
    spec.listeners = {preview};
    return spec;
}

/// The revisions' sockets of that listener, as workers have them.
struct Preview {
    House house;
    Spec spec = with_preview();
    std::vector<RevisionNumber> open;

    int add(RevisionNumber revision) {
        REQUIRE(house.listeners.open(spec, revision));
        open.push_back(revision);
        const auto passed = house.listeners.passed_to(spec, revision);
        REQUIRE(passed.fds.size() == 1);
        return passed.fds[0];
    }
    void remove(RevisionNumber revision) {
        std::erase(open, revision);
        std::vector<ListenerTable::InUse> kept;
        for (const auto number : open)
            kept.emplace_back(&spec, number);
        house.listeners.keep_only(kept);
    }
    [[nodiscard]] Address address() const {
        return *parse_address(house.listeners.status(spec)[0].address);
    }
    /// True if 20 of 20 connections come out of this socket.
    bool all_go_to(int fd) {
        for (int count = 0; count < 20; ++count) {
            tcp::socket client(house.io);
            client.connect({boost::asio::ip::address_v4::loopback(), address().port});
            pollfd ready{fd, POLLIN, 0};
            if (::poll(&ready, 1, svc::test::patience_ms) != 1)
                return false;
            const UniqueFd accepted(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
            if (!accepted)
                return false;
        }
        return true;
    }
};

} // namespace

TEST_CASE("what comes to a revision's listener goes to the newest one that has workers") {
    Preview preview;
    const int six = preview.add(6);
    CHECK(preview.all_go_to(six));
    REQUIRE(preview.house.listeners.open(preview.spec, 7));
    preview.open.push_back(7);
    CHECK(preview.all_go_to(six)); // no worker of 7 was started yet
    const int seven = preview.house.listeners.passed_to(preview.spec, 7).fds.at(0);
    CHECK(seven != six);
    CHECK(preview.all_go_to(seven));
    const int eight = preview.add(8);
    CHECK(preview.all_go_to(eight));
    preview.remove(6); // the kernel moves 8 into its place
    CHECK(preview.all_go_to(eight));
    preview.remove(8);
    CHECK(preview.all_go_to(seven));
    const int nine = preview.add(9);
    CHECK(preview.all_go_to(nine));
}

TEST_CASE("a revision's socket that a worker still holds gets nothing once it is closed here") {
    Preview preview;
    const int six = preview.add(6);
    const UniqueFd held(::dup(preview.add(7)));
    preview.remove(7);
    CHECK(preview.all_go_to(six));
}

TEST_CASE("a socket that was shut down is repaired, and steering goes on") {
    Preview preview;
    const int six = preview.add(6);
    const int seven = preview.add(7);
    ::shutdown(six, SHUT_RDWR);
    preview.house.listeners.inspect_all(); // it is now the last one of the group
    CHECK(preview.all_go_to(seven));
    preview.remove(7);
    CHECK(preview.all_go_to(six));
}

TEST_CASE("a revision that is given up gets nothing more, as long as there is another one") {
    Preview preview;
    const int six = preview.add(6);
    const int seven = preview.add(7);
    preview.house.listeners.pass_over(preview.spec, 7);
    CHECK(preview.all_go_to(six));
    preview.remove(6);
    CHECK(preview.all_go_to(seven));
    const int eight = preview.add(8);
    CHECK(preview.all_go_to(eight));
}

TEST_CASE("a revision that takes over the workers of another one has their socket") {
    Preview preview;
    const int six = preview.add(6);
    CHECK(preview.all_go_to(preview.add(7)));
    REQUIRE(preview.house.listeners.open(preview.spec, 8)); // an undo to 6, whose set is warm
    preview.house.listeners.hand_over(preview.spec, 6, 8);
    CHECK(preview.all_go_to(six));
    preview.open = {7, 8};
    preview.remove(7);
    CHECK(preview.all_go_to(six));
    CHECK(preview.house.listeners.passed_to(preview.spec, 8).fds.at(0) == six);
    CHECK(preview.all_go_to(preview.add(9)));
}
