#include "os/notify_socket.h"

#include "support.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/resource.h>
#include <sys/un.h>
#include <vector>

using namespace svc;
using namespace svc::test;

namespace {

UniqueFd notify_socket(const std::string& path) {
    auto fd = os::open_notify_socket(path, std::nullopt, false);
    REQUIRE_MESSAGE(fd.ok(), (fd.ok() ? "" : fd.error().message));
    return std::move(*fd);
}

UniqueFd sender_to(const std::string& path) {
    return connect_to(address_of("unix-dgram:" + path));
}

bool send_fds(int socket, const std::string& bytes, const std::vector<int>& fds) {
    std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
    iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        cmsghdr* message = CMSG_FIRSTHDR(&header);
        message->cmsg_level = SOL_SOCKET;
        message->cmsg_type = SCM_RIGHTS;
        message->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(message), fds.data(), fds.size() * sizeof(int));
    }
    return ::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
}

os::Datagram receive_one(int socket) {
    auto received = os::receive_datagram(socket);
    REQUIRE(received.ok());
    REQUIRE(received->has_value());
    return std::move(**received);
}

std::size_t open_fds() {
    const std::filesystem::directory_iterator entries("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

} // namespace

TEST_CASE("a notification comes with its sender's pid and uid") {
    const OpenDirectory directory;
    const UniqueFd socket = notify_socket(directory / "r1-0");
    const UniqueFd sender = sender_to(directory / "r1-0");
    REQUIRE(send_fds(sender.get(), "READY=1\nSTATUS=here", {}));
    const auto datagram = receive_one(socket.get());
    CHECK(datagram.bytes == "READY=1\nSTATUS=here");
    CHECK(datagram.sender == ::getpid());
    CHECK(datagram.uid == ::geteuid());
    CHECK(datagram.fds.empty());
    CHECK_FALSE(datagram.fds_lost);
}

TEST_CASE("an empty notify socket has nothing to read, and does not wait for it") {
    const OpenDirectory directory;
    const UniqueFd socket = notify_socket(directory / "n");
    CHECK((::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(socket.get(), F_GETFD) & FD_CLOEXEC) != 0);
    const auto received = os::receive_datagram(socket.get());
    REQUIRE(received.ok());
    CHECK_FALSE(received->has_value());
}

TEST_CASE("a notification of no bytes is one, and does not look like the end") {
    const OpenDirectory directory;
    const UniqueFd socket = notify_socket(directory / "n");
    const UniqueFd sender = sender_to(directory / "n");
    REQUIRE(::send(sender.get(), "", 0, 0) == 0);
    REQUIRE(::send(sender.get(), "x", 1, 0) == 1);
    CHECK(receive_one(socket.get()).bytes.empty());
    CHECK(receive_one(socket.get()).bytes == "x");
}

TEST_CASE("a notification longer than 4096 bytes is cut there, and the next one is whole") {
    const OpenDirectory directory;
    const UniqueFd socket = notify_socket(directory / "n");
    const UniqueFd sender = sender_to(directory / "n");
    REQUIRE(send_fds(sender.get(), std::string(10000, 'x'), {}));
    REQUIRE(send_fds(sender.get(), "WATCHDOG=1", {}));
    CHECK(receive_one(socket.get()).bytes == std::string(4096, 'x'));
    CHECK(receive_one(socket.get()).bytes == "WATCHDOG=1");
}

TEST_CASE("253 fds come with one notification, close-on-exec and owned") {
    const OpenDirectory directory;
    const UniqueFd socket = notify_socket(directory / "n");
    const UniqueFd sender = sender_to(directory / "n");
    const std::size_t before = open_fds();
    REQUIRE(send_fds(sender.get(), "FDSTORE=1", std::vector<int>(253, sender.get())));
    {
        const auto datagram = receive_one(socket.get());
        REQUIRE(datagram.fds.size() == 253);
        CHECK(datagram.sender == ::getpid());
        CHECK_FALSE(datagram.fds_lost);
        CHECK(std::all_of(datagram.fds.begin(), datagram.fds.end(), [](const UniqueFd& fd) {
            return (::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0;
        }));
    }
    CHECK(open_fds() == before);
}

TEST_CASE("fds beyond our limit of open files are lost, and that is said") {
    const OpenDirectory directory;
    CHECK(in_child([&] {
              const auto socket = os::open_notify_socket(directory / "n", std::nullopt, false);
              const UniqueFd sender = sender_to(directory / "n");
              const auto highest = static_cast<rlim_t>(sender.get());
              if (!expect(send_fds(sender.get(), "FDSTORE=1", std::vector<int>(20, sender.get())),
                          "sent"))
                  return false;
              const rlimit limit{.rlim_cur = highest + 6, .rlim_max = highest + 6};
              if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
                  return false;
              const auto datagram = os::receive_datagram(socket->get());
              return expect(datagram.ok() && datagram->has_value(), "received") &&
                     expect((*datagram)->fds.size() < 20, "some fds are lost") &&
                     expect((*datagram)->fds_lost, "it is said so");
          }) == 0);
}

TEST_CASE("the notify socket's path is for its owner, or for anyone if asked, whatever the umask") {
    const OpenDirectory directory;
    const mode_t before = ::umask(0027);
    const auto own = os::open_notify_socket(directory / "own", std::nullopt, false);
    const auto any = os::open_notify_socket(directory / "any", std::nullopt, true);
    ::umask(before);
    struct stat found {};
    REQUIRE(::stat((directory / "own").c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0600);
    REQUIRE(::stat((directory / "any").c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0666);
}

TEST_CASE("as root the notify socket belongs to the worker's user, who then can write to it") {
    if (!is_root()) {
        MESSAGE("skipped: needs root");
        return;
    }
    const OpenDirectory directory;
    const auto socket = os::open_notify_socket(directory / "n", nobody, false);
    REQUIRE(socket.ok());
    CHECK(in_unprivileged_child(
              [&] { return send_fds(sender_to(directory / "n").get(), "READY=1", {}); }) == 0);
    const auto datagram = receive_one(socket->get());
    CHECK(datagram.bytes == "READY=1");
    CHECK(datagram.uid == nobody);
}

TEST_CASE("without the privilege to give it away the notify socket stays ours") {
    const OpenDirectory directory;
    CHECK(in_unprivileged_child([&] {
              const auto socket = os::open_notify_socket(directory / "n", uid_t{1}, false);
              return expect(socket.ok(), "opened");
          }) == 0);
}

TEST_CASE("an old file at the notify socket's path is replaced, a directory is not") {
    const OpenDirectory directory;
    const UniqueFd first = notify_socket(directory / "n");
    const UniqueFd second = notify_socket(directory / "n");
    REQUIRE(send_fds(sender_to(directory / "n").get(), "READY=1", {}));
    CHECK(receive_one(second.get()).bytes == "READY=1");
    CHECK_FALSE(os::receive_datagram(first.get())->has_value());

    std::filesystem::create_directory(directory / "d");
    const auto refused = os::open_notify_socket(directory / "d", std::nullopt, false);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("directory") != std::string::npos);
    const auto missing = os::open_notify_socket(directory / "no/n", std::nullopt, false);
    REQUIRE_FALSE(missing.ok());
    CHECK(missing.error().message.find("does not exist") != std::string::npos);
}

TEST_CASE("the service manager gets our messages at a path and at an abstract name") {
    const OpenDirectory directory;
    const std::string abstract = "@svc-manager-" + std::to_string(::getpid());
    for (const std::string& where : {directory / "manager", abstract}) {
        CAPTURE(where);
        const auto listening = os::open_listener(address_of("unix-dgram:" + where), {});
        REQUIRE(listening.ok());
        REQUIRE(::setenv("NOTIFY_SOCKET", where.c_str(), 1) == 0);
        const auto manager = os::ManagerSocket::take();
        CHECK(::getenv("NOTIFY_SOCKET") == nullptr);
        CHECK(manager.present());
        CHECK(manager.send("READY=1"));
        CHECK(receive_one(listening->get()).bytes == "READY=1");
    }
}

TEST_CASE("without a service manager, or with one that we cannot reach, send() does nothing") {
    REQUIRE(::unsetenv("NOTIFY_SOCKET") == 0);
    CHECK_FALSE(os::ManagerSocket::take().present());
    CHECK_FALSE(os::ManagerSocket::take().send("READY=1"));
    for (const std::string& where :
         {std::string("vsock:2:1234"), std::string("relative/path"), std::string("@"),
          std::string(""), "/" + std::string(200, 'x')}) {
        REQUIRE(::setenv("NOTIFY_SOCKET", where.c_str(), 1) == 0);
        const auto manager = os::ManagerSocket::take();
        CHECK(::getenv("NOTIFY_SOCKET") == nullptr);
        CHECK_FALSE(manager.present());
        CHECK_FALSE(manager.send("READY=1"));
    }
}

TEST_CASE("a manager that does not read loses our message and never makes us wait") {
    const OpenDirectory directory;
    const auto listening = os::open_listener(address_of("unix-dgram:" + (directory / "m")), {});
    REQUIRE(listening.ok());
    REQUIRE(::setenv("NOTIFY_SOCKET", (directory / "m").c_str(), 1) == 0);
    const auto manager = os::ManagerSocket::take();
    int sent = 0;
    while (sent < 100000 && manager.send("STATUS=x"))
        ++sent;
    CHECK(sent < 100000);
    // Read again, it takes messages again; and a manager that came anew is found.
    CHECK(receive_one(listening->get()).bytes == "STATUS=x");
    CHECK(manager.send("STATUS=y"));
    REQUIRE(::unlink((directory / "m").c_str()) == 0);
    CHECK_FALSE(manager.send("STATUS=z"));
    const auto next = os::open_listener(address_of("unix-dgram:" + (directory / "m")), {});
    CHECK(manager.send("STATUS=new"));
    CHECK(receive_one(next->get()).bytes == "STATUS=new");
}

TEST_CASE("a fd goes to the service manager with a message, and the store's size comes from it") {
    const OpenDirectory directory;
    auto listening = os::open_listener(address_of("unix-dgram:" + (directory / "m")), {});
    REQUIRE(listening.ok());
    REQUIRE(::setenv("NOTIFY_SOCKET", (directory / "m").c_str(), 1) == 0);
    REQUIRE(::setenv("FDSTORE", "512", 1) == 0);
    const auto manager = os::ManagerSocket::take();
    CHECK(manager.store_limit() == 512);
    CHECK(::getenv("FDSTORE") == nullptr);
    CHECK(manager.reachable());

    const auto sent = manager.try_send("FDSTORE=1", STDIN_FILENO);
    REQUIRE(sent.ok());
    CHECK(*sent);
    const auto datagram = receive_one(listening->get());
    CHECK(datagram.bytes == "FDSTORE=1");
    CHECK(datagram.fds.size() == 1);

    // A closed fd is a mistake that does not pass, a full queue is one that does.
    CHECK(manager.try_send("FDSTORE=1", 1000000).error().code == EBADF);
    while (*manager.try_send("STATUS=x", -1)) {
    }
    CHECK_FALSE(*manager.try_send("FDSTORE=1", STDIN_FILENO));
    CHECK(manager.reachable());
    listening->reset();
    CHECK_FALSE(manager.reachable());
    CHECK(manager.try_send("FDSTORE=1", -1).error().code == ECONNREFUSED);
}

TEST_CASE("a store's size that is no number is none") {
    REQUIRE(::unsetenv("NOTIFY_SOCKET") == 0);
    for (const char* text : {"", "x", "-1", "5x"}) {
        REQUIRE(::setenv("FDSTORE", text, 1) == 0);
        CHECK_FALSE(os::ManagerSocket::take().store_limit().has_value());
        CHECK_FALSE(os::ManagerSocket::take().reachable());
    }
}

TEST_CASE("a watchdog is ours if it names us or nobody, and its variables go no further") {
    using std::chrono::microseconds;
    const std::string own = std::to_string(::getpid());
    struct Case {
        const char* period;
        const char* pid;
        std::optional<microseconds> expected;
    };
    for (const auto& [period, pid, expected] :
         {Case{"30000000", own.c_str(), microseconds(30000000)},
          Case{"30000000", nullptr, microseconds(30000000)}, Case{"30000000", "1", std::nullopt},
          Case{nullptr, own.c_str(), std::nullopt}, Case{"0", nullptr, std::nullopt},
          Case{"-5", nullptr, std::nullopt}, Case{"soon", nullptr, std::nullopt}}) {
        ::unsetenv("WATCHDOG_USEC");
        ::unsetenv("WATCHDOG_PID");
        if (period != nullptr)
            ::setenv("WATCHDOG_USEC", period, 1);
        if (pid != nullptr)
            ::setenv("WATCHDOG_PID", pid, 1);
        CHECK(os::take_watchdog() == expected);
        CHECK(::getenv("WATCHDOG_USEC") == nullptr);
        CHECK(::getenv("WATCHDOG_PID") == nullptr);
    }
}
