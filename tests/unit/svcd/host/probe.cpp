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
//   unlink:PATH   remove a path           wait-hup    until SIGHUP, then go on
//   reloading     RELOADING=1 and MONOTONIC_USEC= of now
//   say-ready:X   X on the fd SVC_READY_FD or NODE_CHANNEL_FD    newline     a newline there
//   talk-ready:N  N messages of some 100 bytes there, then STATUS=talked
//   close-ready   close it                    fd-open:N   STATUS=open or STATUS=closed
//   watchdog      STATUS= WATCHDOG_USEC, and whether WATCHDOG_PID is our pid
//   sleep:MS      for so long                 take:MIB    so much memory, and touch it
//   listen:PATH   a unix listener, fd 50      relisten:N  listen(2) on fd N
//   serve:N=CODE  answer every request on fd N with this HTTP status, for ever
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr unsigned int lifetime = 300; // seconds: what a failed test leaves behind ends by itself

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
    ::poll(&entry, 1, 1000 * lifetime);
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

void wait_for(int number) {
    sigset_t awaited;
    ::sigemptyset(&awaited);
    ::sigaddset(&awaited, number);
    ::sigprocmask(SIG_BLOCK, &awaited, nullptr);
    notify("STATUS=waiting");
    int signal = 0;
    ::sigwait(&awaited, &signal);
}

void say_reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    notify("RELOADING=1\nMONOTONIC_USEC=" +
           std::to_string(now.tv_sec * 1000000LL + now.tv_nsec / 1000));
}

int ready_fd() {
    const char* number = ::getenv("SVC_READY_FD");
    if (number == nullptr)
        number = ::getenv("NODE_CHANNEL_FD");
    return number == nullptr ? -1 : std::atoi(number);
}

void write_text(int fd, const std::string& text) {
    if (::write(fd, text.data(), text.size()) < 0)
        std::perror("probe: cannot write");
}

void talk(int count) {
    const std::string message = R"({"text":")" + std::string(90, 'x') + "\"}\n";
    for (int i = 0; i < count; ++i)
        write_text(ready_fd(), message);
    notify("STATUS=talked");
}

void tell_watchdog() {
    const char* period = ::getenv("WATCHDOG_USEC");
    const char* pid = ::getenv("WATCHDOG_PID");
    notify("STATUS=" + std::string(period == nullptr ? "(unset)" : period) + " " +
           (pid != nullptr && std::atoi(pid) == ::getpid() ? "mine" : "not mine"));
}

void take_memory(int mebibytes) {
    const std::size_t size = static_cast<std::size_t>(mebibytes) << 20;
    void* taken = std::malloc(size);
    if (taken != nullptr)
        std::memset(taken, 1, size);
    notify("STATUS=took it");
}

void listen_at(const std::string& path) {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket, 16) != 0)
        ::exit(97);
    ::dup2(socket, 50);
    notify("STATUS=listening");
}

[[noreturn]] void serve(const std::string& argument) {
    const int listener = std::atoi(argument.c_str());
    const std::string status = argument.substr(argument.find('=') + 1);
    for (;;) {
        const int client = ::accept(listener, nullptr, nullptr);
        std::array<char, 4096> request{};
        if (client >= 0 && ::read(client, request.data(), request.size()) > 0)
            write_text(client, "HTTP/1.1 " + status + " X\r\nContent-Length: 0\r\n\r\n");
        ::close(client);
    }
}

[[noreturn]] void wait_for_ever() {
    for (;;)
        ::pause();
}

/// What is watched by the supervisor, or answers it. False: no such word.
bool act_watched(std::string_view word, const std::string& argument) {
    if (word == "wait-hup")
        wait_for(SIGHUP);
    else if (word == "reloading")
        say_reloading();
    else if (word == "say-ready")
        write_text(ready_fd(), argument);
    else if (word == "newline")
        write_text(ready_fd(), "\n");
    else if (word == "talk-ready")
        talk(std::atoi(argument.c_str()));
    else if (word == "close-ready")
        ::close(ready_fd());
    else if (word == "fd-open")
        notify(::fcntl(std::atoi(argument.c_str()), F_GETFD) >= 0 ? "STATUS=open"
                                                                  : "STATUS=closed");
    else if (word == "watchdog")
        tell_watchdog();
    else if (word == "sleep")
        ::usleep(static_cast<useconds_t>(std::atoi(argument.c_str())) * 1000);
    else if (word == "take")
        take_memory(std::atoi(argument.c_str()));
    else if (word == "listen")
        listen_at(argument);
    else if (word == "relisten")
        ::listen(std::atoi(argument.c_str()), 16);
    else if (word == "serve")
        serve(argument);
    else
        return false;
    return true;
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
        wait_for(SIGTERM);
    else if (act_watched(word, argument))
        return;
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
