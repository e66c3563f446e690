#include "os/log_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace svc::os {

Result<UniqueFd> open_log_file(const std::string& path, mode_t mode) {
    // O_NONBLOCK: a fifo without a reader is an error, and no wait.
    constexpr int how = O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK;
    UniqueFd file(::open(path.c_str(), how | O_CREAT | O_EXCL, mode));
    const bool made = static_cast<bool>(file);
    if (!file && errno == EEXIST)
        file.reset(::open(path.c_str(), how));
    if (!file && errno == ELOOP)
        return Error{"cannot open " + path + ": it is a symbolic link; name the file itself",
                     ELOOP};
    if (!file)
        return system_error("cannot open " + path, errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return system_error("cannot look at " + path, errno);
    if (!S_ISREG(status.st_mode))
        return Error{"cannot write to " + path + ": it is not a regular file", EINVAL};
    if (made && ::fchmod(file.get(), mode) != 0) // whatever our umask is
        return system_error("cannot set the mode of " + path, errno);
    return file;
}

} // namespace svc::os
