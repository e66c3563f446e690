// A worker for the tests of the host: does what its arguments say, one after the other.
//
//   notify:TEXT   send one datagram           flood:N     send STATUS=0 … STATUS=N-1
//   barrier       BARRIER=1, wait, then STATUS=passed
//   store         FDSTORE=1 with an fd        mainpid     MAINPID= of this process
//   env:NAME      STATUS= what NAME says      fds         STATUS= how many fds are open
//   write:TEXT    a line on stderr            shutdown:N  shut fd N down
//   fork          the child goes on, the parent waits for ever
//   handover      the child goes on, the parent says MAINPID= of it and exits at once
//   session       setsid                      exit:N      exit with status N
//   wait          until a signal ends it      wait-term   until SIGTERM, then go on
//   unlink:PATH   remove a path
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr unsigned int lifetime = 30; // seconds: what a failed test leaves behind ends by itself

void notify(const std::string& text, int fd = -1) {
    const char* path = ::getenv("NOTIFY_SOCKET");
    if (path == nullptr)
        return;
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    std::string bytes = text;
    iovec data{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = sizeof address;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (fd >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
        std::perror("probe: cannot notify");
    ::close(socket);
}

void pass_barrier() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0)
        ::exit(99);
    notify("BARRIER=1", ends[1]);
    ::close(ends[1]);
    pollfd entry{ends[0], 0, 0};
    ::poll(&entry, 1, 10000);
    notify("STATUS=passed");
}

int count_fds() {
    int count = 0;
    DIR* directory = ::opendir("/proc/self/fd");
    while (const dirent* entry = ::readdir(directory)) {
        if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != ::dirfd(directory))
            ++count;
    }
    ::closedir(directory);
    return count;
}

void wait_for_term() {
    sigset_t term;
    ::sigemptyset(&term);
    ::sigaddset(&term, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &term, nullptr);
    notify("STATUS=waiting");
    int signal = 0;
    ::sigwait(&term, &signal);
}

[[noreturn]] void wait_for_ever() {
    for (;;)
        ::pause();
}

void act(std::string_view word, const std::string& argument) {
    if (word == "notify")
        notify(argument);
    else if (word == "flood")
        for (int i = 0; i < std::atoi(argument.c_str()); ++i)
            notify("STATUS=" + std::to_string(i));
    else if (word == "barrier")
        pass_barrier();
    else if (word == "store")
        notify("FDSTORE=1\nFDNAME=x\nSTATUS=stored", 0);
    else if (word == "mainpid")
        notify("MAINPID=" + std::to_string(::getpid()));
    else if (word == "env")
        notify("STATUS=" +
               std::string(::getenv(argument.c_str()) ? ::getenv(argument.c_str()) : "(unset)"));
    else if (word == "fds")
        notify("STATUS=" + std::to_string(count_fds()));
    else if (word == "write")
        ::dprintf(STDERR_FILENO, "%s\n", argument.c_str());
    else if (word == "shutdown")
        ::shutdown(std::atoi(argument.c_str()), SHUT_RDWR);
    else if (word == "unlink")
        ::unlink(argument.c_str());
    else if (word == "session")
        ::setsid();
    else if (word == "exit")
        ::exit(std::atoi(argument.c_str()));
    else if (word == "wait")
        wait_for_ever();
    else if (word == "wait-term")
        wait_for_term();
    else if (word == "fork" || word == "handover") {
        const pid_t child = ::fork();
        if (child == 0) {
            ::alarm(lifetime);
            // One that left the group is not ended with it, and would hold the test's output open.
            if (word == "fork")
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            return;
        }
        if (word == "fork")
            wait_for_ever();
        notify("MAINPID=" + std::to_string(child));
        ::_exit(0);
    } else {
        ::exit(98);
    }
}

} // namespace

int main(int count, char** arguments) {
    ::alarm(lifetime);
    for (int i = 1; i < count; ++i) {
        const std::string_view whole = arguments[i];
        const std::size_t colon = whole.find(':');
        act(whole.substr(0, colon),
            colon == std::string_view::npos ? std::string() : std::string(whole.substr(colon + 1)));
    }
    return 0;
}
