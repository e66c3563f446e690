#include "svcd/front/options.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;
using Words = std::vector<std::string>;

namespace {

Options good(const Words& words) {
    auto parsed = parse_options(words, {"PATH=/bin", "7=x", "HOME=/root"}, "/srv");
    if (const auto* end = std::get_if<EndNow>(&parsed))
        FAIL(end->text);
    return std::get<Options>(parsed);
}

EndNow bad(const Words& words) {
    auto parsed = parse_options(words, {}, "/srv");
    REQUIRE(std::holds_alternative<EndNow>(parsed));
    return std::get<EndNow>(parsed);
}

} // namespace

TEST_CASE("a service file gives the service its name and an absolute path") {
    const auto options = good({"conf/web.toml"});
    CHECK(options.name == "web");
    CHECK(options.service_file == "/srv/conf/web.toml");
    CHECK_FALSE(options.inline_spec);
    CHECK(good({"--name", "shop", "/etc/svc/web.toml"}).name == "shop");
}

TEST_CASE("--keeper is an option of its own place") {
    CHECK(bad({"web.toml", "--keeper"}).text.find("--keeper is the first argument") !=
          std::string::npos);
    CHECK(bad({"--help"}).text.find("--keeper") != std::string::npos);
}

TEST_CASE("--reap names a service and starts nothing") {
    const auto options = good({"--reap", "web", "--runtime-dir", "/run/x"});
    CHECK(options.reap);
    CHECK(options.name == "web");
    CHECK(options.runtime_dir == "/run/x");
    CHECK_FALSE(good({"web.toml"}).reap);
    CHECK(bad({"--reap", "../etc"}).exit_status == 2);
    for (const Words& words :
         {Words{"--reap", "web", "web.toml"}, Words{"--reap", "web", "--", "app"},
          Words{"--reap", "web", "--name", "shop"}})
        CHECK(bad(words).text.find("--reap NAME goes with") != std::string::npos);
}

TEST_CASE("a command line is a whole service") {
    const auto options =
        good({"--listen", "8080", "--listen=unix:/run/x", "--replicas", "3", "--ready", "started",
              "--stop-signal", "QUIT", "--grace", "5s", "--", "./app", "--listen", "mine"});
    REQUIRE(options.inline_spec);
    const auto& spec = *options.inline_spec;
    CHECK(spec.process.protocols ==
          std::vector<rollout::SocketProtocol>{rollout::SocketProtocol::listen_fds,
                                               rollout::SocketProtocol::server_starter});
    CHECK(options.name == "app");
    CHECK(spec.process.command == Words{"./app", "--listen", "mine"});
    CHECK(spec.process.directory == "/srv");
    CHECK(spec.process.environment ==
          std::map<std::string, std::string>{{"PATH", "/bin"}, {"HOME", "/root"}});
    REQUIRE(spec.listeners.size() == 2);
    CHECK(spec.listeners[0].address.port == 8080);
    CHECK(spec.listeners[0].name == "tcp-8080");
    CHECK(spec.listeners[1].name == "x");
    CHECK(spec.rollout.replicas == 3);
    CHECK(spec.ready.on == rollout::ReadyOn::started);
    CHECK(spec.stop.signal == 3);
    CHECK(spec.stop.grace == std::chrono::seconds(5));
}

TEST_CASE("of a command line nobody has to know when its workers are ready") {
    const auto ready = [](const Words& words) { return good(words).inline_spec->ready.on; };
    CHECK(ready({"--listen", "8080", "--", "app"}) == rollout::ReadyOn::accepting);
    CHECK(ready({"--", "app"}) == rollout::ReadyOn::notify);
    CHECK(ready({"--listen", "8080", "--ready", "notify", "--", "app"}) ==
          rollout::ReadyOn::notify);
    CHECK(bad({"--ready", "accepting", "--", "app"}).text.find("there is no listener") !=
          std::string::npos);
}

TEST_CASE("two listeners on one port of two addresses have two names") {
    const auto options =
        good({"--listen", "127.0.0.1:80", "--listen", "127.0.0.2:80", "--", "app"});
    REQUIRE(options.inline_spec->listeners.size() == 2);
    CHECK(options.inline_spec->listeners[1].name == "tcp-80-2");
}

TEST_CASE("a wrong command line ends with status 2 and says what is wrong") {
    CHECK(bad({}).exit_status == 2);
    CHECK(bad({"--no-such-option", "x.toml"}).text.find("no-such-option") != std::string::npos);
    CHECK(bad({"web.toml", "--", "app"}).text.find("exclude each other") != std::string::npos);
    CHECK(bad({"--replicas", "2", "web.toml"}).text.find("--replicas") != std::string::npos);
    CHECK(bad({"--"}).text.find("no command") != std::string::npos);
    CHECK(bad({"--listen", "localhost:80", "--", "app"}).text.find("--listen") !=
          std::string::npos);
    CHECK(bad({"--grace", "soon", "--", "app"}).text.find("--grace") != std::string::npos);
    CHECK(bad({"--stop-signal", "SIGNOPE", "--", "app"}).text.find("--stop-signal") !=
          std::string::npos);
    CHECK(bad({"--name", "../etc", "web.toml"}).text.find("--name") != std::string::npos);
    CHECK(bad({"--log-level", "loud", "web.toml"}).exit_status == 2);
}

TEST_CASE("--help and --version are answers, not mistakes") {
    CHECK(bad({"--help"}).exit_status == 0);
    CHECK(bad({"--help"}).text.find("--listen") != std::string::npos);
    CHECK(bad({"--version"}).text.starts_with("svcd "));
    CHECK(bad({"--version"}).exit_status == 0);
}
