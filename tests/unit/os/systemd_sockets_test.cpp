#include "os/systemd_sockets.h"

#include "support.h"

#include <cstdlib>
#include <string>

using namespace svc;
using namespace svc::test;

namespace {

/// In a child: `count` listening sockets at 3.., without close-on-exec, and the variables as
/// systemd sets them.
bool be_activated(int count, const char* names, pid_t pid) {
    std::vector<UniqueFd> made;
    for (int i = 0; i < count; ++i) {
        auto fd = os::open_listener(*parse_address("127.0.0.1:0"), {});
        if (!fd.ok())
            return false;
        made.emplace_back(::fcntl(fd->get(), F_DUPFD_CLOEXEC, 100));
    }
    for (int i = 0; i < count; ++i) {
        if (::dup2(made[static_cast<std::size_t>(i)].get(), 3 + i) != 3 + i)
            return false;
    }
    ::setenv("LISTEN_PID", std::to_string(pid).c_str(), 1);
    ::setenv("LISTEN_FDS", std::to_string(count).c_str(), 1);
    ::setenv("LISTEN_PIDFDID", "1", 1);
    if (names != nullptr)
        ::setenv("LISTEN_FDNAMES", names, 1);
    return true;
}

bool no_variable_is_left() {
    for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDNAMES"}) {
        if (!expect(::getenv(name) == nullptr, std::string(name) + " is unset"))
            return false;
    }
    return true;
}

} // namespace

TEST_CASE("the sockets that systemd passed are taken by name, in order, close-on-exec") {
    CHECK(in_child([] {
              if (!be_activated(3, "http:admin:http", ::getpid()))
                  return false;
              const auto sockets = os::take_systemd_sockets();
              if (!expect(sockets.size() == 2 && sockets.at("http").size() == 2 &&
                              sockets.at("admin").size() == 1,
                          "three sockets under two names"))
                  return false;
              return expect(sockets.at("http")[0].get() == 3 && sockets.at("admin")[0].get() == 4 &&
                                sockets.at("http")[1].get() == 5,
                            "in their order") &&
                     expect((::fcntl(4, F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec") &&
                     expect(os::bound_address(3)->port != 0, "a bound socket") &&
                     no_variable_is_left();
          }) == 0);
}

TEST_CASE("names that do not match the sockets lose the names, not the sockets") {
    CHECK(in_child([] {
              if (!be_activated(2, "only-one", ::getpid()))
                  return false;
              const auto sockets = os::take_systemd_sockets();
              return expect(sockets.size() == 1 && sockets.at("unknown").size() == 2,
                            "both are there") &&
                     no_variable_is_left();
          }) == 0);
}

TEST_CASE("a count that is wrong takes the sockets that are there, and no more") {
    CHECK(in_child([] {
              if (!be_activated(2, "http:admin", ::getpid()))
                  return false;
              ::close(5);
              ::setenv("LISTEN_FDS", "1000000000", 1);
              const auto sockets = os::take_systemd_sockets();
              return expect(sockets.size() == 2 && sockets.at("admin").size() == 1, "both") &&
                     no_variable_is_left();
          }) == 0);
    for (const char* count : {"0", "-1", "", "2x", "99999999999999999999"}) {
        CAPTURE(count);
        CHECK(in_child([count] {
                  if (!be_activated(2, "http:admin", ::getpid()))
                      return false;
                  ::setenv("LISTEN_FDS", count, 1);
                  return expect(os::take_systemd_sockets().empty(), "nothing taken") &&
                         no_variable_is_left();
              }) == 0);
    }
}

TEST_CASE("sockets meant for another process are not taken, and the variables go all the same") {
    CHECK(in_child([] {
              if (!be_activated(1, "http", ::getppid()))
                  return false;
              return expect(os::take_systemd_sockets().empty(), "nothing taken") &&
                     no_variable_is_left();
          }) == 0);
}

TEST_CASE("without sockets from systemd there are none") {
    CHECK(in_child([] { return os::take_systemd_sockets().empty() && no_variable_is_left(); }) ==
          0);
}
