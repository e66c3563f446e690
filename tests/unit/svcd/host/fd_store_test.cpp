// The store of fds that outlive a supervisor, with a real datagram socket as the manager.
#include "house.h"

#include "os/fd.h"
#include "svcd/host/survival/fd_store.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;
using namespace svc::daemon::test;

namespace {

constexpr Duration patience = std::chrono::seconds(10);

/// What systemd, or svc-keeper, sees. It reads when it is told to.
struct Manager {
    explicit Manager(const char* limit = nullptr) {
        path = directory.path() + "/manager";
        listen();
        REQUIRE(::setenv("NOTIFY_SOCKET", path.c_str(), 1) == 0);
        if (limit != nullptr)
            REQUIRE(::setenv("FDSTORE", limit, 1) == 0);
        to_us = std::make_shared<os::ManagerSocket>(os::ManagerSocket::take());
        store = std::make_unique<FdStore>(io, to_us);
    }
    void listen() {
        auto made = os::open_notify_socket(path, std::nullopt, false);
        REQUIRE(made.ok());
        socket = std::move(*made);
    }
    /// All that lies there: the messages, with the inode of the fd that came with one.
    std::vector<std::string> read_all() {
        std::vector<std::string> texts;
        for (;;) {
            auto datagram = os::receive_datagram(socket.get());
            REQUIRE(datagram.ok());
            if (!*datagram)
                return texts;
            CHECK((*datagram)->fds.size() <= 1);
            std::string text = (*datagram)->bytes;
            if (text != "BARRIER=1" && !(*datagram)->fds.empty())
                text += " " + inode_of((*datagram)->fds.front().get());
            texts.push_back(text);
        }
    }
    /// Until the queue takes nothing more.
    std::size_t fill() const {
        std::size_t count = 0;
        while (to_us->send("STATUS=x"))
            ++count;
        return count;
    }
    template <class Done>
    bool run_until(Done done) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end)
                return false;
            io.restart();
            io.run_one_for(std::chrono::milliseconds(200));
        }
        return true;
    }
    /// Asks for a barrier and does not wait for it.
    std::shared_ptr<std::optional<bool>> ask(Duration bound = patience) {
        auto answer = std::make_shared<std::optional<bool>>();
        store->barrier(bound, [answer](bool confirmed) {
            CHECK_FALSE(answer->has_value());
            *answer = confirmed;
        });
        CHECK_FALSE(answer->has_value()); // never from inside the call
        return answer;
    }
    /// Whether a timer is left, once what was cancelled has had its turn.
    bool ticks() {
        io.restart();
        io.poll();
        io.restart();
        return io.run_for(std::chrono::milliseconds(250)) != 0;
    }
    static std::string inode_of(int fd) {
        struct stat found {};
        REQUIRE(::fstat(fd, &found) == 0);
        return std::to_string(found.st_ino);
    }

    TemporaryDirectory directory;
    std::string path;
    UniqueFd socket;
    boost::asio::io_context io{1};
    std::shared_ptr<os::ManagerSocket> to_us;
    std::unique_ptr<FdStore> store;
};

/// An fd that is told from others by its inode.
struct Thing {
    os::Pipe ends = std::move(*os::make_pipe());
    [[nodiscard]] int fd() const { return ends.read_end.get(); }
    [[nodiscard]] std::string stored(const std::string& name) const {
        return "FDSTORE=1\nFDNAME=" + name + "\nFDPOLL=0 " + Manager::inode_of(fd());
    }
};

std::string removed(const std::string& name) {
    return "FDSTOREREMOVE=1\nFDNAME=" + name;
}

using Texts = std::vector<std::string>;

std::size_t open_fds() {
    const std::filesystem::directory_iterator entries("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

} // namespace

TEST_CASE("a fd is stored under its name, a copy of it, and removed by its name") {
    Manager manager;
    {
        const Thing thing;
        manager.store->put("svc.state", thing.fd());
        CHECK(manager.read_all() == Texts{thing.stored("svc.state")});
    }
    manager.store->remove("svc.state");
    manager.store->remove("svc.state"); // it is not there any more
    manager.store->remove("svc.other"); // it never was
    CHECK(manager.read_all() == Texts{removed("svc.state")});
}

TEST_CASE("a name that is in the store is removed before it is put again") {
    Manager manager;
    const Thing first, second;
    manager.store->put("svc.a", first.fd());
    manager.store->put("svc.a", second.fd());
    CHECK(manager.read_all() ==
          Texts{first.stored("svc.a"), removed("svc.a"), second.stored("svc.a")});
    manager.store->know({"svc.b"});
    manager.store->put("svc.b", first.fd());
    CHECK(manager.read_all() == Texts{removed("svc.b"), first.stored("svc.b")});
    manager.store->know({"svc.c"});
    manager.store->remove("svc.c");
    CHECK(manager.read_all() == Texts{removed("svc.c")});
}

TEST_CASE("a barrier is confirmed when the manager has read it, and not before") {
    Manager manager;
    const Thing thing;
    manager.store->put("svc.a", thing.fd());
    const auto answer = manager.ask();
    manager.io.run_for(std::chrono::milliseconds(50));
    CHECK_FALSE(answer->has_value());
    CHECK(manager.read_all() == Texts{thing.stored("svc.a"), "BARRIER=1"});
    REQUIRE(manager.run_until([&] { return answer->has_value(); }));
    CHECK(**answer);
    CHECK(manager.store->problem().empty());
}

TEST_CASE("a barrier that the manager does not read in time is not confirmed") {
    Manager manager;
    const auto late = manager.ask(std::chrono::milliseconds(20));
    const auto next = manager.ask();
    REQUIRE(manager.run_until([&] { return late->has_value(); }));
    CHECK_FALSE(**late);
    CHECK(manager.store->problem().find("within 20ms") != std::string::npos);
    CHECK_FALSE(next->has_value());
    CHECK(manager.read_all() == Texts{"BARRIER=1", "BARRIER=1"});
    REQUIRE(manager.run_until([&] { return next->has_value(); }));
    CHECK(**next);
}

TEST_CASE("a manager that dies with a barrier unread has not confirmed it") {
    Manager manager;
    const auto answer = manager.ask();
    manager.socket.reset();
    REQUIRE(manager.run_until([&] { return answer->has_value(); }));
    CHECK_FALSE(**answer);
    CHECK(manager.store->problem() == "the service manager is gone");
}

TEST_CASE("with the manager gone a barrier is refused at once, and one that came anew is found") {
    Manager manager;
    const Thing thing;
    manager.socket.reset();
    manager.store->put("svc.a", thing.fd());
    const auto answer = manager.ask();
    REQUIRE(manager.run_until([&] { return answer->has_value(); }));
    CHECK_FALSE(**answer);
    CHECK(manager.store->problem().find("cannot reach the service manager") == 0);

    manager.listen();
    manager.store->put("svc.a", thing.fd());
    const auto again = manager.ask();
    CHECK(manager.read_all() == Texts{thing.stored("svc.a"), "BARRIER=1"});
    REQUIRE(manager.run_until([&] { return again->has_value(); }));
    CHECK(**again);
}

TEST_CASE("without a manager nothing is kept, and a barrier says so") {
    boost::asio::io_context io{1};
    REQUIRE(::unsetenv("NOTIFY_SOCKET") == 0);
    FdStore store(io, std::make_shared<os::ManagerSocket>(os::ManagerSocket::take()));
    const Thing thing;
    CHECK_FALSE(store.present());
    store.put("svc.a", thing.fd());
    store.remove("svc.a");
    std::optional<bool> answer;
    store.barrier(patience, [&](bool confirmed) { answer = confirmed; });
    CHECK_FALSE(answer);
    io.run();
    CHECK(answer == false);
    FdStore none(io, nullptr);
    CHECK_FALSE(none.present());
}

TEST_CASE("what a full manager does not take waits in its order, with fds of its own") {
    Manager manager;
    const std::size_t filled = manager.fill();
    REQUIRE(filled > 0);
    Texts expected(filled, "STATUS=x");
    {
        const Thing first, second;
        manager.store->know({"svc.b"});
        manager.store->put("svc.a", first.fd());
        manager.store->put("svc.b", second.fd());
        expected.push_back(first.stored("svc.a"));
        expected.push_back(removed("svc.b"));
        expected.push_back(second.stored("svc.b"));
    }
    const auto answer = manager.ask();
    expected.emplace_back("BARRIER=1");
    Texts got;
    REQUIRE(manager.run_until([&] {
        for (std::string& text : manager.read_all())
            got.push_back(std::move(text));
        return answer->has_value();
    }));
    CHECK(**answer);
    CHECK(got == expected);
    CHECK_FALSE(manager.ticks());
}

TEST_CASE("before it is sent a put is taken back by a remove, and replaced by another put") {
    Manager manager;
    manager.fill();
    const std::size_t before = open_fds();
    const Thing thing, newer;
    manager.store->know({"svc.known"});
    for (int round = 0; round < 1000; ++round) {
        manager.store->put("svc.passing", thing.fd());
        manager.store->put("svc.known", thing.fd());
        manager.store->remove("svc.passing");
    }
    manager.store->put("svc.known", newer.fd());
    CHECK(open_fds() == before + 5); // the two pipes, and one copy
    Texts got;
    REQUIRE(manager.run_until([&] {
        for (std::string& text : manager.read_all())
            if (text != "STATUS=x")
                got.push_back(std::move(text));
        return got.size() == 2;
    }));
    CHECK(got == Texts{removed("svc.known"), newer.stored("svc.known")});
    CHECK(open_fds() == before + 4);
    CHECK_FALSE(manager.ticks());
    CHECK(manager.read_all().empty());
}

TEST_CASE("a barrier whose time is over while the manager is full is not sent any more") {
    Manager manager;
    manager.fill();
    const auto answer = manager.ask(std::chrono::milliseconds(20));
    REQUIRE(manager.run_until([&] { return answer->has_value(); }));
    CHECK_FALSE(**answer);
    const auto second = manager.ask();
    std::size_t barriers = 0;
    REQUIRE(manager.run_until([&] {
        for (const std::string& text : manager.read_all())
            barriers += text == "BARRIER=1" ? 1 : 0;
        return second->has_value();
    }));
    CHECK(barriers == 1);
    CHECK(**second);
}

TEST_CASE("what cannot be stored fails the next barrier, and only that") {
    Manager manager;
    manager.store->put("svc.a", -1);
    const auto first = manager.ask();
    const auto second = manager.ask();
    REQUIRE(manager.run_until([&] { return first->has_value(); }));
    CHECK_FALSE(**first);
    CHECK(manager.store->problem().find("cannot store svc.a") == 0);
    CHECK(manager.read_all() == Texts{"BARRIER=1"});
    REQUIRE(manager.run_until([&] { return second->has_value(); }));
    CHECK(**second);
}

TEST_CASE("one more than the store takes is refused aloud, and there is room after a remove") {
    Manager manager("2");
    CHECK(::getenv("FDSTORE") == nullptr);
    const Thing thing;
    manager.store->know({"svc.a"});
    manager.store->put("svc.b", thing.fd());
    manager.store->put("svc.a", thing.fd()); // is no other
    manager.store->put("svc.c", thing.fd());
    const auto refused = manager.ask();
    REQUIRE(manager.run_until([&] { return refused->has_value(); }));
    CHECK_FALSE(**refused);
    CHECK(manager.store->problem().find("svc.c is one fd more than the store of fds takes (2)") ==
          0);
    manager.read_all();
    manager.store->remove("svc.a");
    manager.store->put("svc.c", thing.fd());
    const auto taken = manager.ask();
    CHECK(manager.read_all() == Texts{removed("svc.a"), thing.stored("svc.c"), "BARRIER=1"});
    REQUIRE(manager.run_until([&] { return taken->has_value(); }));
    CHECK(**taken);
}

TEST_CASE("what LISTEN_FDNAMES could not bring back is refused aloud") {
    Manager manager;
    const Thing thing;
    std::vector<std::string> names;
    for (int number = 0; number < 600; ++number)
        names.push_back("svc." + std::string(200, 'x') + std::to_string(1000 + number));
    manager.store->know({names.begin(), names.end() - 20}); // 580 * 209 of 122880
    for (auto name = names.end() - 20; name != names.end(); ++name)
        manager.store->put(*name, thing.fd());
    const auto refused = manager.ask();
    CHECK(manager.read_all().size() == 7);
    REQUIRE(manager.run_until([&] { return refused->has_value(); }));
    CHECK_FALSE(**refused);
    CHECK(manager.store->problem().find("could not be told of it") != std::string::npos);
}

TEST_CASE("a store that goes takes its questions with it") {
    Manager manager;
    manager.store->barrier(std::chrono::milliseconds(10), [](bool) { FAIL("answered"); });
    manager.socket.reset();
    manager.store->barrier(std::chrono::milliseconds(10), [](bool) { FAIL("answered"); });
    manager.store.reset();
    manager.io.run_for(std::chrono::milliseconds(50));
}
