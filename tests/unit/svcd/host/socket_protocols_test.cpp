#include "svcd/host/listeners/socket_protocols.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;
using rollout::SocketProtocol;

namespace {

using Variables = std::map<std::string, std::string>;

const std::vector<PassedSocket> sockets{{"http", *parse_address("127.0.0.1:8080")},
                                        {"http6", *parse_address("[::1]:8080")},
                                        {"admin", *parse_address("unix:/run/web.sock")}};

Variables told(SocketProtocol protocol) {
    Variables environment;
    announce_sockets({protocol}, sockets, 7, environment);
    return environment;
}

} // namespace

TEST_CASE("each protocol says which fd is which socket in its own words") {
    CHECK(told(SocketProtocol::listen_fds) ==
          Variables{{"LISTEN_FDS", "3"}, {"LISTEN_FDNAMES", "http:http6:admin"}});
    CHECK(told(SocketProtocol::server_starter) ==
          Variables{{"SERVER_STARTER_PORT", "127.0.0.1:8080=3;[::1]:8080=4;/run/web.sock=5"},
                    {"SERVER_STARTER_GENERATION", "7"}});
    CHECK(told(SocketProtocol::nginx) == Variables{{"NGINX", "3;4;5;"}});
    CHECK(told(SocketProtocol::php_fpm) ==
          Variables{{"FPM_SOCKETS", "127.0.0.1:8080=3,[::1]:8080=4,/run/web.sock=5"}});
    CHECK(told(SocketProtocol::unicorn) == Variables{{"UNICORN_FD", "3,4,5"}});
    CHECK(told(SocketProtocol::puma) == Variables{{"PUMA_INHERIT_0", "3:tcp://127.0.0.1:8080"},
                                                  {"PUMA_INHERIT_1", "4:tcp://[::1]:8080"},
                                                  {"PUMA_INHERIT_2", "5:unix:///run/web.sock"}});
    CHECK(told(SocketProtocol::einhorn) == Variables{{"EINHORN_FD_COUNT", "3"},
                                                     {"EINHORN_FD_0", "3"},
                                                     {"EINHORN_FD_1", "4"},
                                                     {"EINHORN_FD_2", "5"}});
}

TEST_CASE("several protocols at a time, and none") {
    Variables environment{{"NGINX", "of the service file"}};
    announce_sockets({SocketProtocol::unicorn, SocketProtocol::nginx}, sockets, 1, environment);
    CHECK(environment == Variables{{"UNICORN_FD", "3,4,5"}, {"NGINX", "3;4;5;"}});
    environment.clear();
    announce_sockets({}, sockets, 1, environment);
    announce_sockets({SocketProtocol::listen_fds, SocketProtocol::nginx}, {}, 1, environment);
    CHECK(environment.empty());
}

TEST_CASE("{fd:NAME} is the number of that listener's fd") {
    CHECK(insert_fds("fd@{fd:http6}", sockets) == "fd@4");
    CHECK(insert_fds("{fd:http},{fd:admin}", sockets) == "3,5");
    for (const std::string same : {"{fd:other}", "{fd:http", "{}", "{fd", "fd:http}"})
        CHECK(insert_fds(same, sockets) == same);
}
