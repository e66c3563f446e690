#include "os/systemd_sockets.h"

#include <array>
#include <cstdlib>

#ifdef SVC_HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

namespace svc::os {

namespace {

// LISTEN_PIDFDID is set and read by newer systemd only; sd_listen_fds() of an older libsystemd
// leaves it behind.
constexpr std::array listen_variables = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID",
                                         "LISTEN_FDNAMES"};

#ifdef SVC_HAVE_LIBSYSTEMD

/// What sd_listen_fds_with_names() allocates.
struct NameList {
    char** names = nullptr;

    NameList() = default;
    NameList(const NameList&) = delete;
    NameList& operator=(const NameList&) = delete;
    ~NameList() {
        for (char** name = names; name != nullptr && *name != nullptr; ++name)
            ::free(*name);
        ::free(names);
    }
};

std::map<std::string, std::vector<UniqueFd>> passed_sockets() {
    std::map<std::string, std::vector<UniqueFd>> sockets;
    // Twice, because a LISTEN_FDNAMES that does not match the number of fds makes the second call
    // fail as a whole (-EINVAL), and the fds would then stay open with no owner.
    const int count = ::sd_listen_fds(0);
    if (count <= 0)
        return sockets;
    NameList list;
    const bool named = ::sd_listen_fds_with_names(0, &list.names) == count;
    for (int i = 0; i < count; ++i)
        sockets[named ? list.names[i] : "unknown"].emplace_back(SD_LISTEN_FDS_START + i);
    return sockets;
}

#endif

} // namespace

std::map<std::string, std::vector<UniqueFd>> take_systemd_sockets() {
    std::map<std::string, std::vector<UniqueFd>> sockets;
#ifdef SVC_HAVE_LIBSYSTEMD
    sockets = passed_sockets();
#endif
    for (const char* variable : listen_variables)
        ::unsetenv(variable);
    return sockets;
}

} // namespace svc::os
