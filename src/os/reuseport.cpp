#include "os/reuseport.h"

#include <array>
#include <cerrno>
#include <linux/filter.h>
#include <sys/socket.h>

namespace svc::os {

Result<void> steer_group(int fd, std::uint32_t place) {
    std::array<sock_filter, 1> program{{{BPF_RET | BPF_K, 0, 0, place}}};
    const sock_fprog attached{static_cast<unsigned short>(program.size()), program.data()};
    if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &attached, sizeof(attached)) != 0)
        return system_error("cannot steer new connections (SO_ATTACH_REUSEPORT_CBPF)", errno);
    return {};
}

} // namespace svc::os
