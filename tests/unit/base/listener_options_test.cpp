#include "base/listener_options.h"

#include <doctest/doctest.h>

using svc::ListenerOptions;
using svc::same_creation;

TEST_CASE("every creation-only option makes another socket") {
    const ListenerOptions plain;
    ListenerOptions other;
    SUBCASE("v6only") {
        other.v6only = false;
    }
    SUBCASE("reuse_port") {
        other.reuse_port = true;
    }
    SUBCASE("free_bind") {
        other.free_bind = true;
    }
    SUBCASE("transparent") {
        other.transparent = true;
    }
    SUBCASE("bind_to_device") {
        other.bind_to_device = "lo";
    }
    SUBCASE("nonblock") {
        other.nonblock = true;
    }
    SUBCASE("mode") {
        other.mode = 0600;
    }
    SUBCASE("owner") {
        other.owner = "web";
    }
    SUBCASE("group") {
        other.group = "web";
    }
    CHECK_FALSE(same_creation(plain, other));
}

TEST_CASE("no live option makes another socket") {
    const ListenerOptions plain;
    ListenerOptions other;
    other.backlog = 1;
    other.tcp_fastopen = 2;
    other.defer_accept = 3;
    other.keepalive = true;
    other.nodelay = true;
    other.receive_buffer = 4;
    other.send_buffer = 5;
    other.mark = 6;
    CHECK(same_creation(plain, other));
}

TEST_CASE("writing a default down changes nothing") {
    const ListenerOptions plain;
    ListenerOptions explicit_defaults;
    explicit_defaults.v6only = true;
    explicit_defaults.mode = 0666;
    CHECK(same_creation(plain, explicit_defaults));
}
