// Store: the fds that outlive the supervisor, by name.
#pragma once

#include "base/unique_fd.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace svc::keeper {

struct NamedFd {
    std::string name;
    UniqueFd fd;
};

/// As systemd's: a name may stand for several fds, and is removed with all of them. Bounded twice, because
/// a child that is given more than it can be given would never start again: in fds, and in what
/// LISTEN_FDNAMES takes (execve(2): a string of the environment ends at 128 KiB).
class Store {
public:
    Store(std::size_t fds, std::size_t name_bytes) : fd_limit_(fds), byte_limit_(name_bytes) {}

    /// False: there is no room, and the fd is closed.
    bool put(std::string name, UniqueFd fd);
    void remove(std::string_view name);
    [[nodiscard]] bool contains(std::string_view name) const;
    [[nodiscard]] const std::vector<NamedFd>& all() const { return fds_; }
    [[nodiscard]] std::size_t limit() const { return fd_limit_; }

private:
    std::size_t fd_limit_;
    std::size_t byte_limit_;
    std::size_t bytes_ = 0; ///< of all names, a colon after each
    std::vector<NamedFd> fds_;
};

} // namespace svc::keeper
