// What is made of a Spec once it is read: expansion, conflicts with open sockets, plain sentences.
#include "helpers.h"

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace svc::wire::test;

namespace {

Spec with_listener(const std::string& lines) {
    return spec_of(minimal + "[[listener]]\nname = \"web\"\n" + lines);
}

} // namespace

TEST_CASE("${release} is replaced and $$ is a dollar") {
    CHECK(expand("a${release}b${release}", "/r").value() == "a/rb/r");
    CHECK(expand("$${release} $$ $ $x", "/r").value() == "${release} $ $ $x");
    CHECK(expand("", "/r").value().empty());
    // What was put in is not looked at again.
    CHECK(expand("${release}", "$$${release}").value() == "$$${release}");
    CHECK(expand("${other}", "/r").error().message.find("there is no ${other}") !=
          std::string::npos);
    CHECK_FALSE(expand("${release", "/r").ok());
    CHECK_FALSE(expand("${}", "/r").ok());
}

TEST_CASE("a creation-only option at an unchanged address is a conflict, said with the remedy") {
    const Spec open = with_listener("address = \"[::]:80\"\n");
    const Spec next = with_listener("address = \"[::]:80\"\nv6only = false\nnonblock = true\n");
    CHECK(creation_conflicts(open, next) ==
          std::vector<std::string>{
              "listener web ([::]:80): v6only, nonblock cannot change while the socket is open; "
              "change it back, give the listener another address, or stop the service and start "
              "it again"});
}

TEST_CASE("a conflict is found under another name too") {
    Spec next = with_listener("address = \"80\"\nreuse_port = true\n");
    next.listeners.front().name = "other";
    CHECK(creation_conflicts(with_listener("address = \"80\"\n"), next).size() == 1);
}

TEST_CASE("what an open socket can become is no conflict") {
    const Spec open = with_listener("address = \"80\"\n");
    CHECK(creation_conflicts(open, with_listener("address = \"80\"\nbacklog = 1\n")).empty());
    CHECK(creation_conflicts(open, with_listener("address = \"81\"\nreuse_port = true\n")).empty());
    CHECK(creation_conflicts(open, spec_of(minimal)).empty());
    CHECK(creation_conflicts(spec_of(minimal), open).empty());
    CHECK(creation_conflicts(with_listener("address = \"unix:/a\"\n"),
                             with_listener("address = \"unix:/a\"\nmode = \"0666\"\n"))
              .empty());
}

TEST_CASE("two listeners on any port are told apart by name") {
    const Spec open = with_listener("address = \"0\"\n");
    Spec next = with_listener("address = \"0\"\nreuse_port = true\n");
    CHECK(creation_conflicts(open, next).size() == 1);
    next.listeners.front().name = "other";
    CHECK(creation_conflicts(open, next).empty());
}

TEST_CASE("a path cannot change its socket type while it is open") {
    const auto conflicts = creation_conflicts(with_listener("address = \"unix:/a\"\n"),
                                              with_listener("address = \"unix-seqpacket:/a\"\n"));
    REQUIRE(conflicts.size() == 1);
    CHECK(conflicts.front().find("the socket type cannot change") != std::string::npos);
}
