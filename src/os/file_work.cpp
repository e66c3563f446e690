#include "os/file_work.h"

#include "os/clock.h"
#include "os/durable.h"
#include "os/executable.h"
#include "os/fd.h"
#include "os/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace svc::os {

namespace {

constexpr char done = '=';
constexpr char failed = '!';

/// Everything but 0 to 2 and `kept`. A child that kept more would hold listeners, locks and the write
/// ends of workers' pipes open for as long as it works.
void close_others(std::array<int, 3> kept) {
    std::sort(kept.begin(), kept.end());
    unsigned int first = 3;
    for (const int fd : kept) {
        const auto number = static_cast<unsigned int>(fd);
        if (fd < 0 || number < first)
            continue;
        if (number > first)
            ::syscall(SYS_close_range, first, number - 1, 0);
        first = number + 1;
    }
    ::syscall(SYS_close_range, first, ~0U, 0);
}

void write_answer(int fd, const std::string& text) {
    std::string_view left = text;
    while (!left.empty()) {
        const ssize_t count = ::write(fd, left.data(), left.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return;
        left.remove_prefix(static_cast<std::size_t>(count));
    }
}

Result<std::string> without_answer(const Result<void>& result) {
    return result ? Result<std::string>(std::string()) : result.error();
}

} // namespace

/// We have one thread, so that the child may do whatever we may (fork(2)). All signals are blocked across
/// the fork: a handler of ours would write into the pipe that wakes our own event loop.
Result<FileWork> start_work(int first, int second,
                            const std::function<Result<std::string>()>& work) {
    auto pipe = make_pipe();
    if (!pipe)
        return pipe.error();
    const int out = pipe->write_end.get();
    const pid_t parent = ::getpid();
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) // it died before the line above
            ::_exit(1);
        ::prctl(PR_SET_NAME, "svcd-files");
        close_others({first, second, out});
        const Result<std::string> result = work();
        write_answer(out, result ? done + *result
                                 : failed + std::to_string(result.error().code) + ' ' +
                                       result.error().message);
        ::_exit(0);
    }
    const int error = errno;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (child < 0)
        return system_error("cannot start a process that reads, copies or writes a file", error);
    FileWork started;
    // It is our child and not reaped: the number is its own.
    if (auto pidfd = open_pidfd(child))
        started.pidfd = std::move(*pidfd);
    started.answer = std::move(pipe->read_end);
    // An end of a pipe is an open file of its own: the child's stays blocking.
    if (::fcntl(started.answer.get(), F_SETFL, O_NONBLOCK) != 0)
        return system_error("cannot make a pipe non-blocking", errno);
    return started;
}

Result<FileWork> start_digest(int fd) {
    return start_work(fd, -1, [fd] { return Result<std::string>(read_digest(fd)); });
}

Result<FileWork> start_copy(int from, int to) {
    return start_work(from, to, [from, to] { return without_answer(copy_whole(from, to)); });
}

Result<FileWork> start_sync(int directory) {
    return start_work(directory, -1, [directory] { return without_answer(sync_files(directory)); });
}

Result<FileWork> start_writing(const std::string& directory, const std::string& file,
                               const std::string& content, mode_t mode) {
    return start_work(-1, -1, [&] {
        return without_answer(write_in_one_step(directory, file, content, mode, Reaches::disk));
    });
}

void end_file_work(const FileWork& work) {
    if (work.pidfd)
        (void)send_signal(work.pidfd.get(), SIGKILL);
}

Result<std::string> await_answer(FileWork work, Duration bound) {
    const Instant deadline = now() + bound;
    std::string received;
    bool ended = false;
    std::array<char, 4096> buffer; // NOLINT: filled by read(2)
    while (!ended) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
        pollfd waits{work.answer.get(), POLLIN, 0};
        if (left.count() <= 0 ||
            (::poll(&waits, 1, static_cast<int>(left.count())) < 0 && errno != EINTR))
            break;
        ssize_t count = 0;
        while ((count = ::read(work.answer.get(), buffer.data(), buffer.size())) > 0)
            received.append(buffer.data(), static_cast<std::size_t>(count));
        ended = count == 0;
    }
    end_file_work(work);
    if (work.pidfd)
        ::waitid(P_PIDFD, static_cast<id_t>(work.pidfd.get()), nullptr, WEXITED);
    return ended ? parse_file_answer(received) : Error{"no answer in time", ETIMEDOUT};
}

Result<std::string> parse_file_answer(std::string_view received) {
    if (received.empty())
        return Error{"the process that was to read, copy or write a file was killed", 0};
    const std::string_view text = received.substr(1);
    if (received.front() == done)
        return std::string(text);
    int code = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), code).ptr;
    const auto blank = static_cast<std::size_t>(end - text.data());
    return Error{std::string(text.substr(std::min(text.size(), blank + 1))), code};
}

} // namespace svc::os
