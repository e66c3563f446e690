#include "svc/verbs/trial_process.h"

#include "os/files.h"
#include "os/process.h"
#include "os/program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace svc::cli {
namespace {

/// What a service manager told us is not svcd's.
bool is_of_a_manager(std::string_view entry) {
    constexpr std::array<std::string_view, 8> names = {
        "NOTIFY_SOCKET=",     "LISTEN_",          "WATCHDOG_",    "FDSTORE=",
        "RUNTIME_DIRECTORY=", "STATE_DIRECTORY=", "SVC_HANDOVER", "JOURNAL_STREAM="};
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view name) { return entry.starts_with(name); });
}

std::vector<std::string> environment_with(const std::string& manager) {
    std::vector<std::string> all;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
        if (!is_of_a_manager(*entry))
            all.emplace_back(*entry);
    all.push_back("NOTIFY_SOCKET=" + manager);
    return all;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const auto& text : texts)
        pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

/// A datagram socket whose name the kernel chooses (unix(7), "Autobind feature"): "@0002f". Nothing of it is left in
/// a file system.
Result<UniqueFd> make_manager(std::string& name) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    const int on = 1;
    if (!socket || ::bind(socket.get(), generic, sizeof(sa_family_t)) != 0 ||
        ::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
        ::getsockname(socket.get(), generic, &length) != 0)
        return system_error("cannot make a socket for what svcd says", errno);
    name.assign(address.sun_path, length - offsetof(sockaddr_un, sun_path));
    name.front() = '@';
    return socket;
}

/// In the child: never returns.
[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment,
                         int output, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (::getppid() != parent) // it died before that was said
        ::_exit(1);
    ::setpgid(0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (::dup2(nothing, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 ||
        ::dup2(output, STDERR_FILENO) < 0)
        ::_exit(1);
    ::execve(program, arguments, environment);
    const char* const why = std::strerror(errno);
    static_cast<void>(!::write(STDERR_FILENO, "<3>cannot execute svcd: ", 24));
    static_cast<void>(!::write(STDERR_FILENO, why, std::strlen(why)));
    ::_exit(127);
}

} // namespace

Result<std::string> TrialProcess::find() {
    if (auto own = os::own_program_path()) {
        const std::string here = own->substr(0, own->rfind('/'));
        for (const char* place : {"/../svcd/front/svcd", "/svcd", "/../sbin/svcd"})
            if (::access((here + place).c_str(), X_OK) == 0)
                return here + place;
    }
    const char* const path = std::getenv("PATH");
    auto found =
        os::find_executable("svcd", path ? std::string_view(path) : os::default_search_path, "/");
    if (!found)
        return Error{"there is no svcd beside this program or in PATH; install it"};
    return found;
}

Result<TrialProcess> TrialProcess::start(const std::string& program,
                                         const std::vector<std::string>& arguments) {
    TrialProcess process;
    std::string manager;
    auto socket = make_manager(manager);
    if (!socket)
        return socket.error();
    process.manager_ = std::move(*socket);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return system_error("cannot make a pipe", errno);
    process.output_.reset(ends[0]);
    const UniqueFd output(ends[1]);
    if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        return system_error("cannot make a pipe non-blocking", errno);
    const auto environment = environment_with(manager);
    const auto words = pointers_to(arguments);
    const auto variables = pointers_to(environment);
    const pid_t parent = ::getpid();
    process.pid_ = ::fork();
    if (process.pid_ < 0)
        return system_error("cannot start svcd", errno);
    if (process.pid_ == 0)
        become(program.c_str(), words.data(), variables.data(), output.get(), parent);
    auto pidfd = os::open_pidfd(process.pid_);
    if (!pidfd)
        return pidfd.error();
    process.pidfd_ = std::move(*pidfd);
    return process;
}

TrialProcess::Said TrialProcess::take_news() const {
    std::array<char, 4096> bytes{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
    iovec part{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    // A fd that is passed finds no room, and is closed.
    const auto length = ::recvmsg(manager_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const cmsghdr* const header = length > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header == nullptr || header->cmsg_type != SCM_CREDENTIALS)
        return Said::nothing;
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
    const std::string text =
        '\n' + std::string(bytes.data(), static_cast<std::size_t>(length)) + '\n';
    if (sender.pid != pid_)
        return Said::nothing;
    return text.find("\nREADY=1\n") != std::string::npos ? Said::ready : Said::news;
}

void TrialProcess::send(int signal) const {
    static_cast<void>(os::send_signal(pidfd_.get(), signal)); // it has ended: what was wanted
}

int TrialProcess::end() const {
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace svc::cli
