#include "house.h"

#include "svcd/host/hooks/http_request.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <doctest/doctest.h>
#include <fstream>

using namespace svc;
using namespace svc::daemon::test;
using namespace svc::rollout;
namespace asio = boost::asio;

namespace {

/// Answers one connection with `answer`, and keeps what was asked.
template <class Acceptor>
asio::awaitable<void> serve(Acceptor& acceptor, std::string answer, std::string& asked) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    co_await asio::async_read_until(socket, asio::dynamic_buffer(asked), "\r\n\r\n",
                                    asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
}

HookEnded run_pre_stop(House& house, Hook hook, std::vector<std::string> words = {"wait"}) {
    auto& revision = house.revision(7, std::move(words));
    revision.release = "/usr";
    revision.spec.stop.pre_stop = once(std::move(hook));
    const auto id = house.launch(7);
    REQUIRE(house.await<WorkerExecuted>());
    RetireWorker retire;
    retire.worker = id;
    retire.run_pre_stop = true;
    house.perform(retire);
    const auto ended = house.await<HookEnded>();
    REQUIRE(ended);
    CHECK(ended->worker == id);
    CHECK(ended->point == HookPoint::pre_stop);
    return *ended;
}

} // namespace

TEST_CASE("an exec hook succeeds with status 0, and knows the worker") {
    House house;
    const std::string out = house.directory.path() + "/out";
    const auto ended =
        run_pre_stop(house, ExecHook{{"sh", "-c", "echo $SVC_WORKER_PID $SVC_REPLICA $1 > " + out,
                                      "sh", "${release}/x"}});
    CHECK(ended.succeeded);
    std::string line;
    std::getline(std::ifstream(out), line);
    CHECK(line == std::to_string(house.spawned()) + " 0 /usr/x");
}

TEST_CASE("an exec hook that fails says how, with its last line") {
    House house;
    const auto ended = run_pre_stop(house, ExecHook{{"sh", "-c", "echo no balancer; exit 3"}});
    CHECK_FALSE(ended.succeeded);
    CHECK(ended.detail == "exit status 3 (no balancer)");
}

TEST_CASE("an exec hook whose program does not exist says so") {
    House house;
    const auto ended = run_pre_stop(house, ExecHook{{"/nowhere/hook"}});
    CHECK_FALSE(ended.succeeded);
    CHECK(ended.detail.find("/nowhere/hook") != std::string::npos);
}

TEST_CASE("a sleep hook takes its time, and a signal hook signals the worker") {
    House house;
    const auto begin = std::chrono::steady_clock::now();
    const auto slept = run_pre_stop(house, SleepHook{std::chrono::milliseconds(80)});
    CHECK(slept.succeeded);
    CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(80));

    House other;
    const auto sent = run_pre_stop(other, SignalHook{SIGUSR1});
    CHECK(sent.succeeded);
    const auto exited = other.await<WorkerExited>(); // the probe does not handle it
    REQUIRE(exited);
    CHECK(exited->status.value == SIGUSR1);
}

TEST_CASE("a hook that is cancelled ends with its whole group, without a verdict") {
    House house;
    const std::string out = house.directory.path() + "/out";
    auto& revision = house.revision(7, {"wait"});
    revision.spec.stop.pre_stop = once(
        ExecHook{{"sh", "-c",
                  "sleep 1000 & echo $! > " + out + ".new; mv " + out + ".new " + out + "; wait"}});
    const auto id = house.launch(7);
    REQUIRE(house.await<WorkerExecuted>());
    RetireWorker retire;
    retire.worker = id;
    retire.run_pre_stop = true;
    house.perform(retire);
    REQUIRE(house.run_until([&] { return std::filesystem::exists(out); }));
    pid_t left = 0;
    std::ifstream(out) >> left;
    house.perform(CancelHook{id, HookPoint::pre_stop});
    CHECK(house.run_until([&] { return !process_exists(left); }));
    CHECK(house.count<HookEnded>() == 0);
    CHECK(house.count<WorkerExited>() == 0);
}

TEST_CASE("a post-stop hook knows how the worker ended") {
    House house;
    const std::string out = house.directory.path() + "/out";
    auto& revision = house.revision(7, {"exit:12"});
    revision.spec.stop.post_stop =
        once(ExecHook{{"sh", "-c", "echo $SVC_EXIT_STATUS $SVC_EXIT_REASON > " + out}});
    const auto id = house.launch(7);
    REQUIRE(house.await<WorkerExited>());
    house.state.revisions.clear(); // the hook needs nothing of the state any more
    house.perform(RunPostStop{id});
    const auto ended = house.await<HookEnded>();
    REQUIRE(ended);
    CHECK(ended->succeeded);
    CHECK(ended->point == HookPoint::post_stop);
    std::string line;
    std::getline(std::ifstream(out), line);
    CHECK(line == "12 exit status 12");
}

TEST_CASE("a request hook succeeds with 2xx after an informational answer") {
    House house;
    asio::ip::tcp::acceptor acceptor(house.io, {asio::ip::address_v4::loopback(), 0});
    std::string asked;
    asio::co_spawn(house.io,
                   serve(acceptor,
                         "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                         "HTTP/1.1 204 No Content\r\n\r\n",
                         asked),
                   asio::detached);
    HttpHook hook;
    hook.method = "POST";
    hook.address.host = "127.0.0.1";
    hook.address.port = acceptor.local_endpoint().port();
    hook.target = "/drain?x=1";
    const auto ended = run_pre_stop(house, hook);
    CHECK(ended.detail == "");
    CHECK(ended.succeeded);
    CHECK(asked.starts_with("POST /drain?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
    CHECK(asked.find("Content-Length: 0\r\n") != std::string::npos);
}

TEST_CASE("a request hook over a unix socket fails with 5xx") {
    House house;
    HttpHook hook;
    hook.address.family = AddressFamily::unix_path;
    hook.address.host = house.directory.path() + "/balancer.sock";
    asio::local::stream_protocol::acceptor acceptor(house.io, hook.address.host);
    std::string asked;
    asio::co_spawn(house.io, serve(acceptor, "HTTP/1.0 503 Busy\r\n\r\n", asked), asio::detached);
    const auto ended = run_pre_stop(house, hook);
    CHECK_FALSE(ended.succeeded);
    CHECK(ended.detail.find("answered 503") != std::string::npos);
}

TEST_CASE("a request hook that nobody answers fails, and an endless head is cut") {
    House house;
    asio::ip::tcp::acceptor acceptor(house.io, {asio::ip::address_v4::loopback(), 0});
    HttpHook hook;
    hook.address.host = "127.0.0.1";
    hook.address.port = acceptor.local_endpoint().port();
    std::string asked;
    asio::co_spawn(house.io,
                   serve(acceptor, "HTTP/1.1 200 OK\r\nX: " + std::string(40000, 'x'), asked),
                   asio::detached);
    const auto cut = run_pre_stop(house, hook);
    CHECK_FALSE(cut.succeeded);

    House other;
    acceptor.close();
    const auto refused = run_pre_stop(other, hook);
    CHECK_FALSE(refused.succeeded);
    CHECK(refused.detail.find("cannot connect") != std::string::npos);
}

TEST_CASE("a request hook that waits for its answer can be cancelled") {
    House house;
    asio::ip::tcp::acceptor acceptor(house.io, {asio::ip::address_v4::loopback(), 0});
    auto& revision = house.revision(7, {"wait"});
    HttpHook hook;
    hook.address.host = "127.0.0.1";
    hook.address.port = acceptor.local_endpoint().port();
    revision.spec.stop.pre_stop = once(hook);
    const auto id = house.launch(7);
    REQUIRE(house.await<WorkerExecuted>());
    RetireWorker retire;
    retire.worker = id;
    retire.run_pre_stop = true;
    house.perform(retire);
    asio::ip::tcp::socket peer(house.io);
    bool accepted = false;
    acceptor.async_accept(peer, [&](boost::system::error_code error) { accepted = !error; });
    REQUIRE(house.run_until([&] { return accepted; }));
    house.perform(CancelHook{id, HookPoint::pre_stop});
    // The connection is closed: the server reads the request, and then the end.
    bool ended = false;
    std::string asked;
    asio::async_read_until(peer, asio::dynamic_buffer(asked), "never",
                           [&](boost::system::error_code, std::size_t) { ended = true; });
    CHECK(house.run_until([&] { return ended; }));
    CHECK(house.count<HookEnded>() == 0);
}

TEST_CASE("only an HTTP status line is an answer") {
    CHECK(*daemon::parse_status("HTTP/1.1 200 OK\r\n\r\n") == 200);
    CHECK(*daemon::parse_status("HTTP/1.0 404\r\n\r\n") == 404);
    for (const char* wrong : {"", "HTTP/1.1", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000 OK\r\n",
                              "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 -20 OK\r\n", "HTTP/2 200\r\n"}) {
        INFO(wrong);
        CHECK_FALSE(daemon::parse_status(wrong));
    }
}
