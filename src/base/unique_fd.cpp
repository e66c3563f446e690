#include "base/unique_fd.h"

#include <cerrno>
#include <unistd.h>

namespace svc {

void UniqueFd::reset(int fd) {
    if (fd_ >= 0) {
        const int saved = errno;
        // EINTR included, Linux has closed the fd when close() returns (close(2), NOTES).
        ::close(fd_);
        errno = saved;
    }
    fd_ = fd;
}

} // namespace svc
