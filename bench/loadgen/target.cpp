#include "loadgen/target.h"

#include "base/result.h"

#include <arpa/inet.h>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

namespace svc::loadgen {

namespace {

socklen_t unix_address(const Address& target, bool abstract, sockaddr_storage& storage) {
    sockaddr_un address{};
    const std::size_t offset = abstract ? 1 : 0; // an abstract name starts with a zero byte
    if (target.host.size() + offset >= sizeof address.sun_path)
        fatal("a unix socket's name that parse_address should have refused");
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + offset, target.host.data(), target.host.size());
    std::memcpy(&storage, &address, sizeof address);
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + offset + target.host.size() +
                                  (abstract ? 0 : 1));
}

} // namespace

socklen_t socket_address(const Address& target, sockaddr_storage& storage) {
    switch (target.family) {
    case AddressFamily::ipv4: {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(target.port);
        ::inet_pton(AF_INET, target.host.c_str(), &address.sin_addr);
        std::memcpy(&storage, &address, sizeof address);
        return sizeof address;
    }
    case AddressFamily::ipv6: {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(target.port);
        ::inet_pton(AF_INET6, target.host.c_str(), &address.sin6_addr);
        std::memcpy(&storage, &address, sizeof address);
        return sizeof address;
    }
    case AddressFamily::unix_path:
        return unix_address(target, false, storage);
    case AddressFamily::unix_abstract:
        return unix_address(target, true, storage);
    case AddressFamily::systemd:
        break;
    }
    fatal("an address that cannot be connected to");
}

} // namespace svc::loadgen
