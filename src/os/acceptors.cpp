#include "os/acceptors.h"

#include "base/text.h"
#include "os/files.h"
#include "os/process_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

namespace svc::os {

namespace {

constexpr std::size_t process_limit = 64;
constexpr std::size_t fd_limit = 1024;
constexpr std::size_t thread_limit = 256;
constexpr std::size_t poll_limit = 1024; ///< fds of one poll(2)

/// The kernel's name of a socket: as fdinfo has it, the device in the kernel's own encoding.
struct Inode {
    std::uint64_t number = 0;
    std::uint64_t device = 0;
};

/// The names in a directory of /proc that are numbers, in any order.
std::vector<int> numbers_in(const std::string& directory, std::size_t limit, bool& hidden) {
    std::vector<int> numbers;
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    hidden = hidden || error == std::errc::permission_denied;
    const std::filesystem::directory_iterator end;
    while (!error && entry != end && numbers.size() < limit) {
        const std::string name = entry->path().filename().string();
        int number = -1;
        std::from_chars(name.data(), name.data() + name.size(), number);
        if (number >= 0)
            numbers.push_back(number);
        entry.increment(error);
    }
    return numbers;
}

class Search {
public:
    explicit Search(std::span<const int> sockets) {
        found_.waiting.resize(sockets.size(), false);
        for (const int fd : sockets) {
            struct stat status {};
            if (::fstat(fd, &status) != 0)
                status = {};
            wanted_.push_back({status.st_ino, (std::uint64_t{major(status.st_dev)} << 20U) |
                                                  minor(status.st_dev)});
        }
    }

    [[nodiscard]] bool over() const {
        return std::find(found_.waiting.begin(), found_.waiting.end(), false) ==
               found_.waiting.end();
    }

    void look_at(pid_t pid) {
        process_ = "/proc/" + std::to_string(pid);
        sockets_of_.clear();
        std::vector<int> epolls;
        for (const int fd : numbers_in(process_ + "/fd", fd_limit, found_.hidden))
            classify(fd, epolls);
        if (sockets_of_.empty())
            return;
        for (const int fd : epolls)
            look_at_epoll(fd);
        if (over())
            return;
        for (const int thread : numbers_in(process_ + "/task", thread_limit, found_.hidden))
            look_at_thread(pid, thread);
    }

    [[nodiscard]] Acceptors result() && { return std::move(found_); }

private:
    void classify(int fd, std::vector<int>& epolls) {
        std::array<char, 64> link; // NOLINT: filled by readlink()
        const std::string path = process_ + "/fd/" + std::to_string(fd);
        const ssize_t length = ::readlink(path.c_str(), link.data(), link.size());
        std::string_view text(link.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
        if (text == "anon_inode:[eventpoll]") {
            epolls.push_back(fd);
        } else if (text.starts_with("socket:[")) {
            text.remove_prefix(std::string_view("socket:[").size());
            const auto inode = take_number(text);
            for (std::size_t index = 0; index < wanted_.size(); ++index)
                if (inode && *inode == wanted_[index].number)
                    sockets_of_[fd] = index;
        }
    }

    /// Lines such as "tfd:        5 events:       19 data: 7ffe00000005  pos:0 ino:8a21 sdev:8"; the number in
    /// front is the fd of whoever registered it, which may be closed here since.
    void look_at_epoll(int fd) {
        const std::string text = read_unsized(process_ + "/fdinfo/" + std::to_string(fd));
        std::string_view rest = text;
        while (!rest.empty()) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(rest.size(), line.size() + 1));
            if (!line.starts_with("tfd:"))
                continue;
            const auto events = number_after(line, "events:");
            const Inode inode{number_after(line, "ino:").value_or(0),
                              number_after(line, "sdev:").value_or(0)};
            if (!events || (*events & (EPOLLIN | EPOLLRDNORM)) == 0)
                continue;
            for (std::size_t index = 0; index < wanted_.size(); ++index)
                if (wanted_[index].number == inode.number && wanted_[index].device == inode.device)
                    found_.waiting[index] = true;
        }
    }

    static std::optional<std::uint64_t> number_after(std::string_view line, std::string_view key) {
        const std::size_t at = line.find(key);
        if (at == std::string_view::npos)
            return std::nullopt;
        line.remove_prefix(at + key.size());
        return take_number(line, 16);
    }

    /// "288 0x3 0x0 …": the call that the thread is in, and its arguments; "running" if it is in none.
    void look_at_thread(pid_t pid, int thread) {
        const std::string text =
            read_unsized(process_ + "/task/" + std::to_string(thread) + "/syscall");
        std::string_view rest = text;
        const auto call = take_number(rest);
        if (!call) {
            found_.hidden = found_.hidden || text.empty();
            return;
        }
        std::array<std::uint64_t, 2> argument{};
        for (std::uint64_t& each : argument)
            each = take_number(rest, 16).value_or(0);
        switch (*call) {
        case SYS_accept:
        case SYS_accept4:
        case SYS_recvfrom:
        case SYS_recvmsg:
        case SYS_recvmmsg:
        case SYS_read:
            note(static_cast<int>(argument[0]));
            return;
#ifdef SYS_poll
        case SYS_poll:
#endif
        case SYS_ppoll:
            look_at_poll(pid, argument[0], argument[1]);
            return;
#ifdef SYS_select
        case SYS_select:
#endif
        case SYS_pselect6:
            look_at_select(pid, argument[0], argument[1]);
            return;
        default:
            return;
        }
    }

    void note(int fd) {
        if (const auto socket = sockets_of_.find(fd); socket != sockets_of_.end())
            found_.waiting[socket->second] = true;
    }

    void look_at_poll(pid_t pid, std::uint64_t address, std::uint64_t count) {
        std::vector<pollfd> asked(std::min<std::uint64_t>(count, poll_limit));
        if (!read_memory(pid, address, asked.data(), asked.size() * sizeof(pollfd)))
            return;
        for (const pollfd& each : asked)
            if ((each.events & (POLLIN | POLLRDNORM)) != 0)
                note(each.fd);
    }

    /// The kernel reads as many long words as `count` bits fill, and so do we.
    void look_at_select(pid_t pid, std::uint64_t count, std::uint64_t address) {
        constexpr std::uint64_t bits = sizeof(unsigned long) * CHAR_BIT;
        const std::uint64_t used = std::min<std::uint64_t>(count, FD_SETSIZE);
        std::array<unsigned long, FD_SETSIZE / bits> set{};
        if (!read_memory(pid, address, set.data(), (used + bits - 1) / bits * sizeof(set[0])))
            return;
        for (std::uint64_t fd = 0; fd < used; ++fd)
            if ((set.at(fd / bits) >> (fd % bits) & 1U) != 0)
                note(static_cast<int>(fd));
    }

    bool read_memory(pid_t pid, std::uint64_t address, void* into, std::size_t size) {
        iovec local{into, size};
        // NOLINTNEXTLINE: an address in another process
        iovec remote{reinterpret_cast<void*>(address), size};
        const ssize_t got = ::process_vm_readv(pid, &local, 1, &remote, 1, 0);
        found_.hidden = found_.hidden || (got < 0 && errno == EPERM);
        return size > 0 && got == static_cast<ssize_t>(size);
    }

    std::vector<Inode> wanted_;
    Acceptors found_;
    std::string process_;                   ///< "/proc/PID"
    std::map<int, std::size_t> sockets_of_; ///< its fds → places in wanted_
};

} // namespace

Acceptors find_acceptors(std::span<const pid_t> roots, std::span<const int> sockets) {
    Search search(sockets);
    for (const pid_t pid : processes_of_trees(roots, process_limit)) {
        if (search.over())
            break;
        search.look_at(pid);
    }
    return std::move(search).result();
}

} // namespace svc::os
