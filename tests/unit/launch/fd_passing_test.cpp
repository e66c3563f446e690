#include "os/fd_passing.h"

#include "launched.h"

#include <array>
#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace svc;
using namespace svc::os;

namespace {

struct Pair {
    UniqueFd one;
    UniqueFd other;
};
Pair make_pair() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

ino_t inode_of(int fd) {
    struct stat status {};
    REQUIRE(::fstat(fd, &status) == 0);
    return status.st_ino;
}

Result<Received> receive(int socket, std::size_t room = 64) {
    std::vector<std::byte> buffer(room);
    return receive_with_fds(socket, buffer);
}

} // namespace

TEST_CASE("fds arrive in order, close-on-exec, with the bytes they were sent with") {
    const Pair pair = make_pair();
    const test::Pipe pipe = test::make_pipe();
    const std::array<int, 2> fds{pipe.write.get(), pipe.read.get()};
    const auto sent = send_with_fds(pair.one.get(), "hello", fds);
    REQUIRE(sent);
    CHECK(*sent == 5);
    const auto received = receive(pair.other.get());
    REQUIRE(received);
    CHECK(received->bytes == 5);
    CHECK_FALSE(received->fds_lost);
    REQUIRE(received->fds.size() == 2);
    CHECK(::write(received->fds[0].get(), "x", 1) == 1);
    for (const UniqueFd& fd : received->fds) {
        CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(inode_of(fd.get()) == inode_of(pipe.read.get()));
    }
}

TEST_CASE("253 fds fit into one message") {
    const Pair pair = make_pair();
    const std::vector<int> fds(253, pair.one.get());
    REQUIRE(send_with_fds(pair.one.get(), "F", fds));
    const auto received = receive(pair.other.get());
    REQUIRE(received);
    CHECK(received->fds.size() == 253);
}

TEST_CASE("a full socket takes nothing and says so") {
    const Pair pair = make_pair();
    const std::string block(65536, 'x');
    std::size_t sent = 1;
    while (sent != 0) {
        const auto result = send_with_fds(pair.one.get(), block, {});
        REQUIRE(result);
        sent = *result;
    }
}

TEST_CASE("end-of-file is zero bytes, an empty socket is EAGAIN, a closed peer is EPIPE") {
    Pair pair = make_pair();
    const auto nothing = receive(pair.other.get());
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().code == EAGAIN);
    pair.one.reset();
    const auto end = receive(pair.other.get());
    REQUIRE(end);
    CHECK(end->bytes == 0);
    const auto sent = send_with_fds(pair.other.get(), "x", {});
    REQUIRE_FALSE(sent);
    CHECK(sent.error().code == EPIPE);
}

TEST_CASE("fds for which there is no number left are reported lost") {
    const Pair pair = make_pair();
    const std::vector<int> fds(10, pair.one.get());
    REQUIRE(send_with_fds(pair.one.get(), "F", fds));
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const UniqueFd lowest_free(::dup(pair.one.get()));
    const rlimit tight{.rlim_cur = static_cast<rlim_t>(lowest_free.get()) + 4,
                       .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    const auto received = receive(pair.other.get());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE(received);
    CHECK(received->fds_lost);
    CHECK(received->fds.size() < 10);
}
