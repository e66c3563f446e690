#include "os/program.h"

#include "os/fd.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace svc::os {

namespace {

constexpr const char* own_link = "/proc/self/exe";
constexpr std::size_t output_limit = 32 * 1024;
constexpr int first_passed = 3;

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (const auto& text : texts)
        pointers.push_back(
            const_cast<char*>(text.c_str())); // NOLINT: execve(2) does not write to them
    pointers.push_back(nullptr);
    return pointers;
}

Result<UniqueFd> open_to_execute(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!fd)
        return system_error("cannot open " + path, errno);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0)
        return system_error("cannot look at " + path, errno);
    if (!S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0)
        return Error{path + " is not an executable file", EACCES};
    return fd;
}

/// In the child of a child, which never returns.
[[noreturn]] void become(int program, const std::vector<std::string>& arguments, int passed,
                         int output) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int number = 1; number < NSIG; ++number)
        ::signal(number, SIG_DFL);
    const int nowhere = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(nowhere, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    // Either may sit on the number that the other is to have.
    if (program >= 0)
        program = ::fcntl(program, F_DUPFD_CLOEXEC, first_passed + 1);
    if (passed == first_passed)
        static_cast<void>(set_close_on_exec(passed, false));
    else if (passed >= 0)
        ::dup2(passed, first_passed);
    const auto values = pointers_to(arguments);
    if (program >= 0)
        ::syscall(SYS_execveat, program, "", values.data(), environ, AT_EMPTY_PATH);
    else
        ::execvp(values[0], values.data());
    const std::string sentence = system_error("cannot execute " + arguments.front(), errno).message;
    static_cast<void>(::write(STDERR_FILENO, sentence.data(), sentence.size()) == 0);
    ::_exit(127);
}

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> buffer; // NOLINT: filled by read(2)
    for (;;) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return text;
        if (text.size() < output_limit)
            text.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

Result<std::string> run(int program, const std::vector<std::string>& arguments, int passed) {
    auto pipe = make_pipe();
    if (!pipe)
        return pipe.error();
    const pid_t child = ::fork();
    if (child < 0)
        return system_error("cannot start " + arguments.front(), errno);
    if (child == 0)
        become(program, arguments, passed, pipe->write_end.get());
    pipe->write_end.reset();
    std::string output = read_all(pipe->read_end.get());
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return output;
    while (!output.empty() && output.back() == '\n')
        output.pop_back();
    const std::string how = WIFEXITED(status) ? "exit status " + std::to_string(WEXITSTATUS(status))
                                              : "signal " + std::to_string(WTERMSIG(status));
    return Error{(output.empty() ? arguments.front() : output) + " (" + how + ")", 0};
}

} // namespace

Result<UniqueFd> open_own_program() {
    return open_to_execute(own_link);
}

Result<std::string> own_program_path() {
    std::array<char, 4097> target; // NOLINT: filled by readlink(2)
    const ssize_t length = ::readlink(own_link, target.data(), target.size());
    if (length <= 0)
        return system_error("cannot tell where this program is", errno);
    std::string path(target.data(), static_cast<std::size_t>(length));
    constexpr std::string_view replaced = " (deleted)";
    if (path.ends_with(replaced))
        path.resize(path.size() - replaced.size());
    return path;
}

Result<UniqueFd> open_program(const std::string& path) {
    return open_to_execute(path);
}

bool is_same_program(int one, int other) {
    struct stat first {};
    struct stat second {};
    return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

Result<FileWork> start_program(int program, const std::vector<std::string>& arguments, int passed) {
    return start_work(program, passed,
                      [program, arguments, passed] { return run(program, arguments, passed); });
}

Result<FileWork> start_program(const std::vector<std::string>& arguments) {
    return start_program(-1, arguments, -1);
}

Result<void> set_close_on_exec(int fd, bool close) {
    if (::fcntl(fd, F_SETFD, close ? FD_CLOEXEC : 0) == 0)
        return {};
    return system_error("cannot set what an exec closes", errno);
}

Result<void> close_all_on_exec() {
    // <linux/close_range.h>: CLOSE_RANGE_CLOEXEC, Linux 5.11.
    constexpr unsigned int only_on_exec = 1u << 2;
    if (::syscall(SYS_close_range, 3u, ~0u, only_on_exec) == 0)
        return {};
    return system_error("cannot set what an exec closes", errno);
}

Error execute(int program, const std::vector<std::string>& arguments,
              const std::vector<std::string>& environment) {
    const auto values = pointers_to(arguments);
    const auto variables = pointers_to(environment);
    ::syscall(SYS_execveat, program, "", values.data(), variables.data(), AT_EMPTY_PATH);
    return system_error("cannot execute the new program", errno);
}

sigset_t block_all_signals() {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    return before;
}

void restore_signals(const sigset_t& before) {
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

void set_process_name(const std::string& name) {
    ::prctl(PR_SET_NAME, name.c_str());
}

} // namespace svc::os
