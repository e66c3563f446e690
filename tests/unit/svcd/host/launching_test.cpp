// The conversation with svc-launch, with the test at the launcher's end.
#include "svcd/host/children/launching.h"

#include <array>
#include <chrono>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;

namespace {

/// A Launching, and what its owner was told.
struct Conversation {
    explicit Conversation(LaunchParcel parcel = {.order = "order", .fds = {}, .owned = {}}) {
        std::array<int, 2> ends{-1, -1};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) ==
                0);
        launcher.reset(ends[1]);
        auto made = Launching::make(io, UniqueFd(ends[0]), std::move(parcel), [this] { ++told; });
        REQUIRE(made);
        launching = std::move(*made);
        CHECK(told == 0); // never from inside the call
    }
    void say(const std::string& bytes) const {
        REQUIRE(::send(launcher.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    /// As a launcher does that read all that was said to it.
    void hang_up() {
        std::array<char, 64> buffer{};
        while (::recv(launcher.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
        }
        launcher.reset();
    }
    /// Runs the loop until nothing is left to do at once.
    void settle() {
        io.restart();
        while (io.poll() != 0) {
        }
    }

    boost::asio::io_context io{1};
    UniqueFd launcher;
    std::unique_ptr<Launching> launching;
    int told = 0;
};

const std::string frame = wire::encode_launch_failure(
    {.step = wire::LaunchStep::directory, .error = 2, .sentence = "no such place"});

} // namespace

TEST_CASE("end-of-file after GO is an exec, told once") {
    Conversation conversation;
    conversation.launching->release();
    conversation.hang_up();
    conversation.settle();
    CHECK(conversation.launching->answer() == Launching::Answer::executed);
    CHECK(conversation.told == 1);
}

TEST_CASE("end-of-file before GO is silence, which the process's end explains") {
    Conversation conversation;
    conversation.hang_up();
    conversation.settle();
    CHECK(conversation.launching->answer() == Launching::Answer::silence);
    conversation.launching->release(); // too late, and harmless
    conversation.settle();
    CHECK(conversation.told == 0);
}

TEST_CASE("a launcher that goes without reading GO did not execute anything") {
    Conversation conversation;
    conversation.launching->release();
    conversation.launcher.reset(); // with our bytes unread: ECONNRESET at our end
    conversation.settle();
    CHECK(conversation.launching->answer() == Launching::Answer::silence);
    CHECK(conversation.told == 0);
}

TEST_CASE("a frame is a failure, told once, in however many pieces it comes") {
    Conversation conversation;
    for (const char byte : frame) {
        CHECK(conversation.launching->answer() == Launching::Answer::awaited);
        conversation.say(std::string(1, byte));
        conversation.settle();
    }
    REQUIRE(conversation.launching->answer() == Launching::Answer::failed);
    CHECK(conversation.launching->failure().sentence == "no such place");
    conversation.hang_up();
    conversation.settle();
    CHECK(conversation.told == 1);
}

TEST_CASE("an answer that was read ahead of the loop is still told once") {
    Conversation conversation;
    conversation.say(frame);
    conversation.launching->read_answer();
    CHECK(conversation.launching->answer() == Launching::Answer::failed);
    CHECK(conversation.told == 0);
    conversation.hang_up();
    conversation.settle();
    CHECK(conversation.told == 1);
}

TEST_CASE("a fd that cannot be sent is a failure of our own, told from the loop") {
    Conversation conversation(LaunchParcel{.order = "order", .fds = {-1}, .owned = {}});
    REQUIRE(conversation.launching->answer() == Launching::Answer::failed);
    CHECK(conversation.launching->failure().step == wire::LaunchStep::fds);
    conversation.hang_up(); // a second reason to tell, in the same turn of the loop
    conversation.settle();
    CHECK(conversation.told == 1);
}

TEST_CASE("the owner may drop the conversation while it is told the answer") {
    boost::asio::io_context io{1};
    std::array<int, 2> ends{-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    UniqueFd launcher(ends[1]);
    std::unique_ptr<Launching> launching;
    const auto captured = std::make_shared<int>(0);
    const std::weak_ptr<int> seen = captured;
    bool outlived = false;
    // What the callback captured must live as long as the callback runs, or it runs on freed memory.
    auto made = Launching::make(
        io, UniqueFd(ends[0]), {.order = "order", .fds = {}, .owned = {}},
        [&launching, &seen, &outlived, kept = std::make_shared<std::shared_ptr<int>>(captured)] {
            const auto& watched = seen;
            auto& result = outlived;
            **kept = 1;
            launching.reset();
            result = watched.use_count() > 1;
        });
    REQUIRE(made);
    launching = std::move(*made);
    REQUIRE(::send(launcher.get(), frame.data(), frame.size(), MSG_NOSIGNAL) > 0);
    while (launching && io.run_one_for(std::chrono::seconds(10)) != 0) {
    }
    CHECK_FALSE(launching);
    CHECK(outlived);
}
