#include "os/journal.h"

#include "../temporary_directory.h"

#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace svc;

namespace {

UniqueFd bound(const std::string& path, int type) {
    UniqueFd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return socket;
}

std::string take(int fd) {
    std::array<char, 65536> bytes{};
    const auto count = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : "";
}

} // namespace

TEST_CASE("a stream begins with its identifier, info, and <N> understood") {
    CHECK(os::journal_stream_header("web.r7.2") == "web.r7.2\n\n6\n1\n0\n0\n0\n");
}

TEST_CASE("a stream that nobody has accepted yet is open, blocking, and has its header") {
    const test::TemporaryDirectory directory;
    const std::string path = directory / "stdout";
    const UniqueFd journald = bound(path, SOCK_STREAM);
    REQUIRE(::listen(journald.get(), 8) == 0);
    const auto stream = os::open_journal_stream("web.r7.2", path.c_str());
    REQUIRE(stream);
    CHECK((::fcntl(stream->get(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK(os::write_to_stream(stream->get(), "hello\n"));
    const UniqueFd accepted(::accept(journald.get(), nullptr, nullptr));
    CHECK(take(accepted.get()) == os::journal_stream_header("web.r7.2") + "hello\n");
}

TEST_CASE("a journald that accepts nobody is an error, and no wait") {
    const test::TemporaryDirectory directory;
    const std::string path = directory / "stdout";
    const UniqueFd journald = bound(path, SOCK_STREAM);
    REQUIRE(::listen(journald.get(), 1) == 0);
    std::vector<UniqueFd> streams;
    bool refused = false;
    for (int tries = 0; tries < 100 && !refused; ++tries) {
        auto stream = os::open_journal_stream("web.r7.2", path.c_str());
        refused = !stream;
        if (stream)
            streams.push_back(std::move(*stream));
    }
    CHECK(refused);
}

TEST_CASE("no journal is an error that says where it was looked for") {
    const auto stream = os::open_journal_stream("web.r7.2", "/nowhere/stdout");
    REQUIRE(!stream);
    CHECK(stream.error().message.find("/nowhere/stdout") != std::string::npos);
}

TEST_CASE("a value with a newline has its length before it") {
    CHECK(os::encode_journal_entry({{"MESSAGE", "a\nb"}, {"PRIORITY", "6"}}) ==
          std::string("MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\nPRIORITY=6\n", 31));
}

TEST_CASE("an entry that journald does not take at once is the caller's again") {
    const test::TemporaryDirectory directory;
    const std::string path = directory / "socket";
    const os::JournalSocket socket(path);
    CHECK(!socket.send({{"MESSAGE", "nobody is there"}}));
    const UniqueFd journald = bound(path, SOCK_DGRAM);
    CHECK(socket.send({{"MESSAGE", "hello"}}));
    CHECK(take(journald.get()) == "MESSAGE=hello\n");
    bool refused = false;
    for (int tries = 0; tries < 100'000 && !refused; ++tries)
        refused = !socket.send({{"MESSAGE", "it is full"}});
    CHECK(refused);
}
