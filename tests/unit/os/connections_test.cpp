#include "support.h"

#include "os/connections.h"

#include <chrono>
#include <csignal>
#include <sys/resource.h>

using namespace svc;
using namespace svc::test;

namespace {

using Counts = std::vector<std::optional<std::uint64_t>>;

Counts count(const std::vector<pid_t>& members, const std::vector<Address>& listeners) {
    return os::count_connections({os::ProcessSet{.members = members, .roots = {}}}, listeners);
}

/// A listener at a port or a path, and where it is.
struct Listening {
    explicit Listening(const std::string& text, const ListenerOptions& options = {})
        : fd(open_or_fail(text, options)) {
        auto bound = os::bound_address(fd.get());
        REQUIRE(bound.ok());
        address = *bound;
        // open_listener() may have made a connection of its own to see whether somebody listens.
    }
    UniqueFd fd;
    Address address;
};

/// A child that does `body` and then stays until the object goes.
class Child {
public:
    explicit Child(const std::function<void()>& body) {
        int told[2];
        REQUIRE(::pipe(told) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            body();
            (void)!::write(told[1], "x", 1);
            for (;;)
                ::pause();
        }
        ::close(told[1]);
        char done = 0;
        CHECK(::read(told[0], &done, 1) == 1);
        ::close(told[0]);
    }
    ~Child() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1;
};

} // namespace

TEST_CASE(
    "What was accepted from a listener counts, what waits in its queue and its clients do not") {
    const OpenDirectory directory;
    std::string text;
    SUBCASE("IPv4") {
        text = "127.0.0.1:0";
    }
    SUBCASE("every IPv4 address") {
        text = "0.0.0.0:0";
    }
    SUBCASE("IPv6") {
        text = "[::1]:0";
    }
    SUBCASE("a path") {
        text = "unix:" + directory.path() + "/web.sock";
    }
    SUBCASE("an abstract name") {
        text = "unix:@svc-connections-" + std::to_string(::getpid());
    }
    const Listening listening(text);
    Address to = listening.address;
    if (to.host == "0.0.0.0")
        to.host = "127.0.0.1";
    CHECK(count({::getpid()}, {listening.address}) == Counts{0});
    const UniqueFd first = connect_to(to);
    REQUIRE(first);
    CHECK(count({::getpid()}, {listening.address}) == Counts{0});
    UniqueFd accepted = accept_from(listening.fd.get());
    REQUIRE(accepted);
    const UniqueFd copy(::dup(accepted.get())); // the same connection
    CHECK(count({::getpid()}, {listening.address}) == Counts{1});
    const UniqueFd second = connect_to(to);
    const UniqueFd other = accept_from(listening.fd.get());
    CHECK(count({::getpid()}, {listening.address}) == Counts{2});
    ::shutdown(first.get(), SHUT_RDWR); // the client is done, the server has not noticed
    CHECK(count({::getpid()}, {listening.address}) == Counts{2});
    accepted.reset();
    CHECK(count({::getpid()}, {listening.address}) == Counts{2}); // the copy has it open
}

TEST_CASE("A connection to somebody else's listener is not one of ours") {
    const Listening ours("127.0.0.1:0");
    const Listening database("127.0.0.1:0");
    const UniqueFd query = connect_to(database.address);
    const UniqueFd answered = accept_from(database.fd.get());
    REQUIRE(answered);
    CHECK(count({::getpid()}, {ours.address}) == Counts{0});
    CHECK(count({::getpid()}, {ours.address, database.address}) == Counts{1});
}

TEST_CASE("An IPv4 client of a listener at every IPv6 address counts") {
    ListenerOptions both;
    both.v6only = false;
    const Listening listening("[::]:0", both);
    Address to = listening.address;
    to.family = AddressFamily::ipv4;
    to.host = "127.0.0.1";
    const UniqueFd client = connect_to(to);
    REQUIRE(client);
    const UniqueFd accepted = accept_from(listening.fd.get());
    REQUIRE(accepted);
    CHECK(count({::getpid()}, {listening.address}) == Counts{1});
}

TEST_CASE("Each set of processes has its own, also of a child that inherited it") {
    const Listening listening("127.0.0.1:0");
    const UniqueFd client = connect_to(listening.address);
    UniqueFd accepted = accept_from(listening.fd.get());
    REQUIRE(accepted);
    const Child parent([] {});
    const Child heir([] {});
    accepted.reset();
    const Child stranger([] {});
    const std::vector<os::ProcessSet> sets{{.members = {heir.pid()}, .roots = {}},
                                           {.members = {stranger.pid()}, .roots = {}},
                                           {.members = {}, .roots = {::getpid()}},
                                           {.members = {heir.pid(), parent.pid()}, .roots = {}}};
    CHECK(os::count_connections(sets, {listening.address}) == Counts{1, 0, 1, 1});
}

TEST_CASE("A process that may not be looked at makes it unknown, unless nobody is connected") {
    if (!is_root()) {
        MESSAGE("skipped: needs root");
        return;
    }
    const Listening listening("127.0.0.1:0");
    const pid_t roots = ::getpid();
    const auto seen = [&](const Counts& wanted) {
        return in_unprivileged_child([&] {
            const Counts found = count({roots}, {listening.address});
            return expect(found == wanted, os::format_counts(found));
        });
    };
    CHECK(seen({0}) == 0);
    const UniqueFd client = connect_to(listening.address);
    const UniqueFd accepted = accept_from(listening.fd.get());
    REQUIRE(accepted);
    CHECK(seen({std::nullopt}) == 0);
    CHECK(count({roots}, {listening.address}) == Counts{1});
}

TEST_CASE("A process that is gone has no connections") {
    const Listening listening("127.0.0.1:0");
    const UniqueFd client = connect_to(listening.address);
    const UniqueFd accepted = accept_from(listening.fd.get());
    pid_t gone = 0;
    {
        const Child child([] {});
        gone = child.pid();
    }
    CHECK(count({gone}, {listening.address}) == Counts{0});
}

TEST_CASE("Counts are written and read back, and what is no count of them is unknown") {
    const Counts counts{12, 0, std::nullopt};
    CHECK(os::format_counts(counts) == "12 0 ?");
    CHECK(os::parse_counts("12 0 ?", 3) == counts);
    CHECK(os::parse_counts("", 0) == Counts{});
    CHECK(os::parse_counts("12 0", 3) == Counts(3));
    CHECK(os::parse_counts("12 0 1 2", 3) == Counts(3));
    CHECK(os::parse_counts("many", 1) == Counts(1));
}

TEST_CASE("Measurement: a look at many connections" * doctest::skip()) {
    rlimit files{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
    const Listening listening("127.0.0.1:0");
    std::vector<UniqueFd> held;
    for (const std::size_t wanted : {100, 1000, 9900}) {
        while (held.size() < 2 * wanted) {
            held.push_back(connect_to(listening.address));
            REQUIRE(held.back());
            held.push_back(accept_from(listening.fd.get()));
        }
        const auto began = std::chrono::steady_clock::now();
        const Counts found = count({::getpid()}, {listening.address});
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - began;
        CHECK(found == Counts{wanted});
        MESSAGE(wanted << " connections: " << took.count() << " ms");
    }
}
