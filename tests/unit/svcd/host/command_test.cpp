#include "house.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <csignal>
#include <doctest/doctest.h>
#include <fstream>

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;

namespace {

CommandResult run(House& house, std::vector<std::string> command, Duration timeout = Duration{}) {
    const auto& revision = house.revision(7, {});
    CommandRequest request;
    request.command = std::move(command);
    request.revision = &revision;
    request.timeout = timeout;
    std::optional<CommandResult> result;
    boost::asio::co_spawn(house.io, house.host->run(std::move(request)),
                          [&](std::exception_ptr, CommandResult how) { result = std::move(how); });
    REQUIRE(house.run_until([&] { return result.has_value(); }));
    return *result;
}

} // namespace

TEST_CASE("a check that ends with status 0 succeeded, and its output is kept") {
    House house;
    const auto result = run(house, {"sh", "-c", "echo out; echo err >&2"});
    CHECK(result.succeeded);
    CHECK(result.output == std::vector<std::string>{"out", "err"});
}

TEST_CASE("a check that fails says how, with all that it said") {
    House house;
    const auto result = run(house, {"sh", "-c", "echo bad line 3 >&2; exit 2"});
    CHECK_FALSE(result.succeeded);
    CHECK(result.how == "exit status 2");
    CHECK(result.output == std::vector<std::string>{"bad line 3"});
}

TEST_CASE("a check whose program does not exist, or cannot be executed, says why") {
    House house;
    CHECK(run(house, {"/nowhere/check"}).how.find("/nowhere/check") != std::string::npos);
    const std::string script = house.directory.path() + "/check";
    std::ofstream(script) << "#!/nowhere/interpreter\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    const auto result = run(house, {script});
    CHECK_FALSE(result.succeeded);
    CHECK(result.how.find("cannot execute") != std::string::npos);
}

TEST_CASE("a check that takes too long is killed with its group") {
    const auto is_killed = [](Duration timeout) {
        House house;
        const auto result = run(house, {"sh", "-c", "sleep 1000 & echo $!; wait"}, timeout);
        CHECK_FALSE(result.succeeded);
        CHECK(result.how == "timed out after " + format_duration(timeout));
        if (result.output.empty())
            return false; // it had not come so far
        REQUIRE(result.output.size() == 1);
        const pid_t left = std::stoi(result.output[0]);
        CHECK(house.run_until([&] { return !process_exists(left); }));
        return true;
    };
    CHECK(svc::test::in_time(is_killed));
}

TEST_CASE("a check is not waited for longer than its main process lives") {
    House house;
    // Its output is still held open when it is over, by one that has left its group.
    const std::string out = house.directory.path() + "/out";
    const auto result =
        run(house, {"sh", "-c",
                    "setsid sh -c 'echo $$ > " + out + ".new; mv " + out + ".new " + out +
                        "; exec sleep 1000' & until [ -e " + out + " ]; do :; done; cat " + out});
    CHECK(result.succeeded);
    REQUIRE(result.output.size() == 1);
    CHECK(::kill(std::stoi(result.output[0]), SIGKILL) == 0);
}

TEST_CASE("a check that is cancelled ends with its group") {
    House house;
    const std::string out = house.directory.path() + "/out";
    const auto& revision = house.revision(7, {});
    CommandRequest request;
    request.command = {"sh", "-c",
                       "echo $$ > " + out + ".new; mv " + out + ".new " + out + "; sleep 1000"};
    request.revision = &revision;
    bool ended = false;
    boost::asio::cancellation_signal cancel;
    boost::asio::co_spawn(
        house.io, house.host->run(std::move(request)),
        boost::asio::bind_cancellation_slot(
            cancel.slot(), [&](std::exception_ptr, CommandResult) { ended = true; }));
    REQUIRE(house.run_until([&] { return std::filesystem::exists(out); }));
    pid_t pid = 0;
    std::ifstream(out) >> pid;
    cancel.emit(boost::asio::cancellation_type::terminal);
    CHECK(house.run_until([&] { return ended && !process_exists(pid); }));
}
