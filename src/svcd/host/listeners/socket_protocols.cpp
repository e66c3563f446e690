#include "svcd/host/listeners/socket_protocols.h"

#include "base/result.h"
#include "base/text.h"
#include "wire/service_file.h"

namespace svc::daemon {

namespace {

using rollout::SocketProtocol;

using Sockets = std::vector<PassedSocket>;
using Variables = std::map<std::string, std::string>;

std::string fd_of(std::size_t index) {
    return std::to_string(first_passed_fd + static_cast<int>(index));
}

/// "127.0.0.1:80", "[::1]:80" or the path.
std::string place_of(const Address& address) {
    if (address.family == AddressFamily::unix_path)
        return address.host;
    Address plain = address;
    plain.type = SocketType::stream; // without "udp:"
    return format_address(plain);
}

/// One text a socket, with something between.
template <typename Text>
std::string list(const Sockets& sockets, const char* between, Text text) {
    std::vector<std::string> parts;
    for (std::size_t index = 0; index < sockets.size(); ++index)
        parts.push_back(text(sockets[index], fd_of(index)));
    return join(parts, between);
}

std::string equation(const PassedSocket& socket, const std::string& fd) {
    return place_of(socket.address) + '=' + fd;
}

void announce(SocketProtocol protocol, const Sockets& sockets, rollout::RevisionNumber revision,
              Variables& environment) {
    const auto number_only = [](const PassedSocket&, const std::string& fd) { return fd; };
    switch (protocol) {
    case SocketProtocol::listen_fds: // sd_listen_fds(3)
        environment["LISTEN_FDS"] = std::to_string(sockets.size());
        environment["LISTEN_FDNAMES"] = list(
            sockets, ":", [](const PassedSocket& one, const std::string&) { return one.name; });
        return;
    case SocketProtocol::server_starter: // Server::Starter(3pm)
        environment["SERVER_STARTER_PORT"] = list(sockets, ";", equation);
        environment["SERVER_STARTER_GENERATION"] = std::to_string(revision);
        return;
    case SocketProtocol::
        nginx: // src/core/nginx.c, ngx_add_inherited_sockets(): each number is ended
        environment["NGINX"] = list(sockets, ";", number_only) + ';';
        return;
    case SocketProtocol::php_fpm: // sapi/fpm/fpm/fpm_sockets.c
        environment["FPM_SOCKETS"] = list(sockets, ",", equation);
        return;
    case SocketProtocol::unicorn: // lib/unicorn/http_server.rb, inherit_listeners!
        environment["UNICORN_FD"] = list(sockets, ",", number_only);
        return;
    case SocketProtocol::puma: // lib/puma/binder.rb, import_from_env
        for (std::size_t index = 0; index < sockets.size(); ++index) {
            const Address& address = sockets[index].address;
            environment["PUMA_INHERIT_" + std::to_string(index)] =
                fd_of(index) +
                (address.family == AddressFamily::unix_path ? ":unix://" : ":tcp://") +
                place_of(address);
        }
        return;
    case SocketProtocol::einhorn: // lib/einhorn/worker.rb
        environment["EINHORN_FD_COUNT"] = std::to_string(sockets.size());
        for (std::size_t index = 0; index < sockets.size(); ++index)
            environment["EINHORN_FD_" + std::to_string(index)] = fd_of(index);
        return;
    }
    fatal("announce(): no such protocol");
}

} // namespace

void announce_sockets(const std::vector<SocketProtocol>& protocols, const Sockets& sockets,
                      rollout::RevisionNumber revision, Variables& environment) {
    if (sockets.empty()) // LISTEN_FDS=0 is an error to sd_listen_fds(3)
        return;
    for (const SocketProtocol protocol : protocols)
        announce(protocol, sockets, revision, environment);
}

std::string insert_fds(const std::string& text, const Sockets& sockets) {
    return wire::replace_fds(text, [&](std::string_view name) {
        for (std::size_t index = 0; index < sockets.size(); ++index)
            if (sockets[index].name == name)
                return fd_of(index);
        return "{fd:" + std::string(name) + '}';
    });
}

} // namespace svc::daemon
