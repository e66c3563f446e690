#include "svcd/front/log_sink.h"

#include <doctest/doctest.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;

namespace {

/// Two ends: what is logged into `write` comes out of `read`, once somebody looks.
struct Ends {
    explicit Ends(bool socket) {
        std::array<int, 2> both{-1, -1};
        REQUIRE((socket ? ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both.data())
                        : ::pipe2(both.data(), O_CLOEXEC)) == 0);
        read.reset(both[0]);
        write.reset(both[1]);
        REQUIRE(::fcntl(both[0], F_SETFL, O_NONBLOCK) == 0);
    }
    [[nodiscard]] std::string drain() const {
        std::string all;
        std::array<char, 65536> bytes{};
        for (;;) {
            const auto count = ::read(read.get(), bytes.data(), bytes.size());
            if (count <= 0)
                return all;
            all.append(bytes.data(), static_cast<std::size_t>(count));
        }
    }
    UniqueFd read;
    UniqueFd write;
};

std::shared_ptr<spdlog::logger> logger_to(const UniqueFd& fd) {
    auto logger = std::make_shared<spdlog::logger>("svcd", std::make_shared<LogSink>(fd.get()));
    logger->set_pattern("%v");
    return logger;
}

const std::string text(100, 'x');

} // namespace

TEST_CASE("a full stderr loses lines instead of waiting, and the next line tells how many") {
    for (const bool socket : {false, true}) {
        CAPTURE(socket);
        const Ends ends(socket);
        const auto logger = logger_to(ends.write);
        constexpr std::size_t lines = 10'000;
        for (std::size_t index = 0; index < lines; ++index)
            logger->info(text);
        std::string before = ends.drain();
        const auto kept = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
        CHECK(kept > 0);
        REQUIRE(kept < lines);
        logger->info("here again");
        logger->info("and on");
        // A line of which only the beginning fitted is lost, and ended before the next one.
        const bool cut = before.back() != '\n';
        CHECK(ends.drain() == (cut ? "\n" : "") + std::to_string(lines - kept) +
                                  " log lines were lost: stderr did not take them\n"
                                  "here again\nand on\n");
    }
}

TEST_CASE("the open file that others share stays blocking") {
    const Ends ends(false);
    const auto logger = logger_to(ends.write);
    logger->info("a");
    CHECK((::fcntl(ends.write.get(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK(ends.drain() == "a\n");
}

TEST_CASE("a stderr that is gone loses every line") {
    Ends ends(false);
    const auto logger = logger_to(ends.write);
    ends.read.reset();
    logger->info("a");
    logger_to(UniqueFd())->info("b");
}
