// UniqueFd: the owner of one file descriptor.
#pragma once

#include <utility>

namespace svc {

/// Owns one fd and closes it. -1 is empty. Every fd in svc is close-on-exec; what a worker is to
/// inherit is passed over SCM_RIGHTS and placed by svc-launch, never inherited by accident.
class UniqueFd {
public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other)
            reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    /// Gives the fd to the caller, who closes it.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    /// Closes the fd held and takes `fd`. errno is kept, so that it can stand in an error path.
    void reset(int fd = -1);

private:
    int fd_ = -1;
};

} // namespace svc
