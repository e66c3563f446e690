// Sockets that systemd passed: what their unit says stays, unless the service file says otherwise.
#include "../../os/support.h"
#include "os/systemd_sockets.h"
#include "svcd/host/listeners/listeners.h"

#include <array>
#include <cstdlib>
#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;
using namespace svc::test;
using namespace svc::rollout;

namespace {

constexpr std::uint32_t of_unit = 77;

/// In a child: a listening socket at 3, with the variables as systemd sets them.
bool be_activated(const std::string& address) {
    auto made = os::open_listener(address_of(address), {.backlog = of_unit});
    if (!made || (made->get() != 3 && ::dup2(made->get(), 3) != 3))
        return false;
    if (made->get() == 3)
        (void)made->release();
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_FDNAMES", "web", 1);
    return true;
}

/// A table that was given the socket, and what a service file says of it.
struct Activated {
    explicit Activated(const std::string& directory) {
        settings.runtime_dir = directory;
        table.emplace(io, settings, store, os::take_systemd_sockets(),
                      [](ListenerTable::News, const std::string&) {});
        spec.listeners.push_back({.name = "http", .address = address_of("systemd:web")});
    }
    /// A rollout of a service file with this in it.
    void roll_out(std::optional<std::uint32_t> backlog) {
        spec.listeners.front().options.backlog = backlog;
        table->apply_live(spec);
    }
    [[nodiscard]] bool has(std::uint32_t backlog, const std::string& when) const {
        return expect(os::backlog_of(3, spec.listeners.front().address) == backlog,
                      "the socket has the right backlog " + when) &&
               expect(table->status(spec).front().backlog == backlog, "and the status says so");
    }

    boost::asio::io_context io;
    Settings settings;
    FdStore store{io, nullptr};
    std::optional<ListenerTable> table;
    Spec spec;
};

bool keeps_what_the_unit_says(const std::string& address, const std::string& directory) {
    if (!be_activated(address))
        return false;
    Activated activated(directory);
    if (!activated.table->open(activated.spec))
        return false;
    activated.roll_out(std::nullopt);
    if (!activated.has(of_unit, "where the service file says nothing"))
        return false;
    ::listen(3, 1);
    activated.table->inspect_all();
    if (!activated.has(of_unit, "after a worker shrank it"))
        return false;
    activated.roll_out(33);
    if (!activated.has(33, "where the service file says one"))
        return false;
    ::listen(3, 1);
    activated.table->inspect_all();
    if (!activated.has(33, "after a worker shrank that"))
        return false;
    activated.roll_out(std::nullopt);
    return activated.has(of_unit, "once the service file says nothing any more");
}

} // namespace

TEST_CASE("a socket from systemd keeps its unit's backlog unless the service file has one") {
    const TemporaryDirectory directory;
    CHECK(in_child([&] { return keeps_what_the_unit_says("127.0.0.1:0", directory.path()); }) == 0);
    const UniqueFd probe = open_or_fail("unix:" + (directory / "probe"));
    if (!os::backlog_of(probe.get(), address_of("unix:" + (directory / "probe")))) {
        MESSAGE("skipped: this kernel does not tell a unix socket's backlog");
        return;
    }
    CHECK(in_child([&] {
              return keeps_what_the_unit_says("unix:" + (directory / "s"), directory.path());
          }) == 0);
}

TEST_CASE("a unix socket from systemd tells its clients of systemd, not of us") {
    const OpenDirectory directory; // nobody may look into it
    if (!is_root()) {
        MESSAGE("skipped: needs root");
        return;
    }
    const std::string address = "unix:" + (directory / "s");
    CHECK(in_child([&] {
              if (!be_activated(address) || ::setgid(nobody) != 0 || ::setuid(nobody) != 0)
                  return false;
              Activated activated(directory.path());
              if (!activated.table->open(activated.spec))
                  return false;
              activated.roll_out(std::nullopt);
              const UniqueFd client = connect_to(address_of(address));
              ucred peer{};
              socklen_t length = sizeof peer;
              return expect(::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) ==
                                0,
                            "the client learns its peer") &&
                     expect(peer.uid == 0, "who is the one that made the socket listen");
          }) == 0);
}
