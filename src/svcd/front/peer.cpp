#include "svcd/front/peer.h"

#include "os/files.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace svc::daemon {

namespace {

std::uint32_t number_in(const std::string& path, std::uint32_t otherwise) {
    const auto text = os::read_file(path, 64);
    std::uint32_t number = otherwise;
    if (text)
        std::from_chars(text->data(), text->data() + text->size(), number);
    return number;
}

} // namespace

Result<Peer> peer_of(int socket) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
        return system_error("cannot learn who connected to the control socket", errno);
    Peer peer{.uid = credentials.uid, .gid = credentials.gid, .groups = {}, .pid = credentials.pid};
    // A second try with the size that the kernel asks for; groups cannot change after connect(2).
    std::vector<gid_t> groups(64);
    for (int attempt = 0; attempt < 2; ++attempt) {
        length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) == 0) {
            groups.resize(length / sizeof(gid_t));
            peer.groups = std::move(groups);
            break;
        }
        if (errno != ERANGE)
            break; // no groups known: fewer rights, never more
        groups.resize(length / sizeof(gid_t));
    }
    return peer;
}

Authority make_authority(std::optional<gid_t> control_group) {
    return {.own_uid = ::geteuid(),
            .control_group = control_group,
            .overflow_uid = number_in("/proc/sys/kernel/overflowuid", 65534),
            .overflow_gid = number_in("/proc/sys/kernel/overflowgid", 65534)};
}

bool may_change(const Peer& peer, const Authority& authority) {
    if (peer.uid == authority.overflow_uid)
        return false;
    if (peer.uid == 0 || peer.uid == authority.own_uid)
        return true;
    if (!authority.control_group || *authority.control_group == authority.overflow_gid)
        return false;
    return peer.gid == *authority.control_group ||
           std::find(peer.groups.begin(), peer.groups.end(), *authority.control_group) !=
               peer.groups.end();
}

} // namespace svc::daemon
