// Who waits for connections is seen from outside: whichever way it waits, and nobody who only holds the socket.
#include "os/acceptors.h"
#include "os/listener_socket.h"
#include "support.h"

#include <csignal>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>

using namespace svc;
using namespace svc::test;

namespace {

UniqueFd listening() {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(socket);
    REQUIRE(::listen(socket.get(), 4) == 0);
    return socket;
}

/// A child that does `what` until this object goes.
class Waiter {
public:
    explicit Waiter(const std::function<void()>& what) {
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            what();
            ::_exit(9);
        }
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    [[nodiscard]] bool waits_on(const UniqueFd& socket) const {
        const int fd = socket.get();
        return os::find_acceptors({&pid_, 1}, {&fd, 1}).waiting.at(0);
    }
    /// It is on its way there.
    [[nodiscard]] bool comes_to_wait_on(const UniqueFd& socket) const {
        for (int tries = 0; tries < patience_ms; ++tries) {
            if (waits_on(socket))
                return true;
            ::poll(nullptr, 0, 1);
        }
        return false;
    }

private:
    pid_t pid_ = 0;
};

void sleep_for_ever() {
    for (;;)
        ::pause();
}

int epoll_with(int fd, std::uint32_t events) {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = events;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    return epoll;
}

} // namespace

TEST_CASE("a process that waits for connections is seen, whichever way it waits") {
    const UniqueFd socket = listening();
    const UniqueFd other = listening();
    const int fd = socket.get();
    const auto seen = [&](const std::function<void()>& how) {
        const Waiter waiter(how);
        CHECK(waiter.comes_to_wait_on(socket));
        CHECK_FALSE(waiter.waits_on(other));
    };
    SUBCASE("in accept") {
        seen([&] { ::accept(fd, nullptr, nullptr); });
    }
    SUBCASE("in accept of a copy of the fd") {
        seen([&] { ::accept(::dup(fd), nullptr, nullptr); });
    }
    SUBCASE("in poll") {
        seen([&] {
            std::array<pollfd, 2> asked{pollfd{0, POLLIN, 0}, pollfd{fd, POLLIN, 0}};
            asked[0].fd = -1;
            ::poll(asked.data(), asked.size(), -1);
        });
    }
    SUBCASE("in poll, with the other name of readable") {
        seen([&] {
            pollfd asked{fd, POLLRDNORM, 0};
            ::poll(&asked, 1, -1);
        });
    }
    SUBCASE("in select") {
        seen([&] {
            fd_set set;
            FD_ZERO(&set);
            FD_SET(fd, &set);
            ::select(fd + 1, &set, nullptr, nullptr, nullptr);
        });
    }
    SUBCASE("in a thread of its own") {
        seen([&] {
            std::thread([&] { ::accept(fd, nullptr, nullptr); }).detach();
            sleep_for_ever();
        });
    }
    SUBCASE("in a child of its own") {
        seen([&] {
            if (::fork() == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                ::accept(fd, nullptr, nullptr);
            }
            sleep_for_ever();
        });
    }
}

TEST_CASE("a process that has an epoll with the socket in it is seen, whatever it does meanwhile") {
    const UniqueFd socket = listening();
    const UniqueFd other = listening();
    const int fd = socket.get();
    const auto seen = [&](const std::function<void()>& how) {
        const Waiter waiter(how);
        CHECK(waiter.comes_to_wait_on(socket));
        CHECK_FALSE(waiter.waits_on(other));
    };
    SUBCASE("for what can be read") {
        seen([&] {
            epoll_with(fd, EPOLLIN);
            sleep_for_ever();
        });
    }
    SUBCASE("with an epoll, with the other name of readable") {
        seen([&] {
            epoll_with(fd, EPOLLRDNORM);
            sleep_for_ever();
        });
    }
    SUBCASE("with an epoll that it waits for in another one") {
        seen([&] {
            epoll_with(epoll_with(fd, EPOLLIN), EPOLLIN);
            sleep_for_ever();
        });
    }
    SUBCASE("with an epoll that wakes one of several") {
        seen([&] {
            epoll_with(fd, EPOLLIN | EPOLLEXCLUSIVE);
            sleep_for_ever();
        });
    }
}

TEST_CASE("who only holds the socket does not wait on it") {
    const UniqueFd socket = listening();
    const UniqueFd told = listening(); // what it does wait on tells that it has come so far
    SUBCASE("it waits on another one") {
        const Waiter waiter([&] { ::accept(told.get(), nullptr, nullptr); });
        CHECK(waiter.comes_to_wait_on(told));
        CHECK_FALSE(waiter.waits_on(socket));
    }
    SUBCASE("its epoll is not asked whether it can be read") {
        const Waiter waiter([&] {
            epoll_with(socket.get(), EPOLLOUT);
            ::accept(told.get(), nullptr, nullptr);
        });
        CHECK(waiter.comes_to_wait_on(told));
        CHECK_FALSE(waiter.waits_on(socket));
    }
    SUBCASE("it was told once, and has not asked again") {
        const Waiter waiter([&] {
            const int epoll = epoll_with(socket.get(), EPOLLIN | EPOLLONESHOT);
            epoll_event event{};
            const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            sockaddr_storage address{};
            socklen_t length = sizeof address;
            ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
            ::connect(client.get(), reinterpret_cast<sockaddr*>(&address), length);
            ::epoll_wait(epoll, &event, 1, -1);
            ::accept(told.get(), nullptr, nullptr);
        });
        CHECK(waiter.comes_to_wait_on(told));
        CHECK_FALSE(waiter.waits_on(socket));
    }
    SUBCASE("it closed it, and another fd has its number") {
        const Waiter waiter([&] {
            ::dup2(told.get(), socket.get());
            ::accept(socket.get(), nullptr, nullptr);
        });
        CHECK(waiter.comes_to_wait_on(told));
        CHECK_FALSE(waiter.waits_on(socket));
    }
}

TEST_CASE("a process that is gone waits on nothing") {
    const UniqueFd socket = listening();
    const pid_t gone = ::fork();
    if (gone == 0)
        ::_exit(0);
    REQUIRE(::waitpid(gone, nullptr, 0) == gone);
    const int fd = socket.get();
    const auto found = os::find_acceptors({&gone, 1}, {&fd, 1});
    CHECK(found.waiting == std::vector<bool>{false});
    CHECK_FALSE(found.hidden);
}
