#include "svc/lines/journal_lines.h"

#include "os/fd.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace svc::cli {
namespace {

constexpr std::size_t line_limit = 8u << 20;

/// Signals as a program expects them: ours are blocked and read from a fd.
int spawn(std::vector<std::string>& arguments, int output, pid_t& pid) {
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (auto& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", 0, 0);
    ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_init(&how);
    ::posix_spawnattr_setsigmask(&how, &none);
    ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    const int error = ::posix_spawnp(&pid, argv[0], &files, &how, argv.data(), environ);
    ::posix_spawnattr_destroy(&how);
    ::posix_spawn_file_actions_destroy(&files);
    return error;
}

} // namespace

Result<JournalLines> JournalLines::start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "journalctl");
    auto pipe = os::make_pipe();
    if (!pipe)
        return pipe.error();
    pid_t pid = 0;
    if (const int error = spawn(arguments, pipe->write_end.get(), pid); error != 0)
        // Its code says nothing of a supervisor's socket, as fail() would take it.
        return Error{
            system_error("cannot read the journal: cannot start journalctl", error).message};
    return JournalLines(pid, std::move(pipe->read_end));
}

JournalLines::JournalLines(JournalLines&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), output_(std::move(other.output_)),
      buffer_(std::move(other.buffer_)), searched_(other.searched_) {}

JournalLines::~JournalLines() {
    if (pid_ == 0)
        return;
    ::kill(pid_, SIGKILL); // not reaped: its number is nobody else's
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Result<std::optional<std::string>> JournalLines::next(int interrupt) {
    for (;;) {
        if (const auto end = buffer_.find('\n', searched_); end != std::string::npos) {
            std::string line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            searched_ = 0;
            return std::optional(std::move(line));
        }
        searched_ = buffer_.size();
        if (buffer_.size() > line_limit)
            return Error{"the journal has an entry of more than 8 MiB", EFBIG};
        std::array<pollfd, 2> ready{pollfd{output_.get(), POLLIN, 0}, pollfd{interrupt, POLLIN, 0}};
        if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR)
            return system_error("cannot wait for journalctl", errno);
        if (ready[1].revents != 0)
            return Error{"interrupted", EINTR};
        if (ready[0].revents == 0)
            continue;
        std::array<char, 65536> bytes; // NOLINT: filled by read()
        const ssize_t count = ::read(output_.get(), bytes.data(), bytes.size());
        if (count > 0)
            buffer_.append(bytes.data(), static_cast<std::size_t>(count));
        else if (count == 0)
            return std::optional<std::string>();
        else if (errno != EINTR)
            return system_error("cannot read from journalctl", errno);
    }
}

int JournalLines::exit_status() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace svc::cli
