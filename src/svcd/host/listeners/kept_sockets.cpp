#include "svcd/host/listeners/kept_sockets.h"

#include "os/fd.h"
#include "os/listener_socket.h"
#include "svcd/host/listeners/listener_entry.h"
#include "svcd/host/survival/kept_names.h"

#include <algorithm>
#include <charconv>

namespace svc::daemon {

namespace {

/// Whether a new socket at `wanted` cannot be made while one is bound to `bound`.
bool is_in_the_way(const Address& bound, const Address& wanted) {
    if (wanted.family == AddressFamily::unix_path || wanted.family == AddressFamily::unix_abstract)
        return bound.family == wanted.family && bound.host == wanted.host;
    return wanted.port != 0 && may_exclude(bound, wanted);
}

bool would_adopt(const rollout::ListenerSpec& listener, const Address& bound) {
    return is_held_here(listener) && !is_of_revision(listener) && listener.address == bound;
}

} // namespace

std::uint64_t listener_number(std::string_view name) {
    const std::string prefix = kept_listener(1);
    const auto length = prefix.size() - 1;
    return name.starts_with(prefix.substr(0, length)) ? given_number(name.substr(length)) : 0;
}

std::uint64_t given_number(std::string_view text) {
    std::uint64_t number = 0;
    if (text.size() > 15) // the next ones must be numbers too
        return 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return std::to_string(number) == text ? number : 0;
}

std::uint64_t KeptSockets::take(KeptFds& kept) {
    std::uint64_t highest = 0;
    for (const auto& name : kept.names()) {
        const std::uint64_t number = listener_number(name);
        if (number == 0)
            continue;
        highest = std::max(highest, number);
        Socket socket;
        socket.fd = kept.take(name);
        store_.know({name});
        if (auto bound = os::bound_address(socket.fd.get()))
            socket.bound = std::move(*bound);
        sockets_.insert_or_assign(number, std::move(socket));
    }
    return highest;
}

KeptSockets::Socket KeptSockets::extract(std::uint64_t number) {
    auto taken = sockets_.extract(number);
    return taken ? std::move(taken.mapped()) : Socket{};
}

void KeptSockets::give_back(std::uint64_t number, Socket socket) {
    sockets_.insert_or_assign(number, std::move(socket));
}

UniqueFd KeptSockets::adopt(const Address& address, const ListenerOptions& options) {
    for (auto item = sockets_.rbegin(); item != sockets_.rend(); ++item) {
        auto& [number, socket] = *item;
        if (socket.bound != address)
            continue;
        const int fd = socket.fd.get();
        auto second = os::duplicate(fd);
        if (second && os::apply_live_options(fd, address, options) &&
            !os::inspect(fd, address, options, "").any()) {
            socket.adopted = true;
            return std::move(*second);
        }
        close(number, socket);
    }
    return {};
}

void KeptSockets::make_way(const rollout::Spec& spec) {
    for (auto& [number, socket] : sockets_) {
        socket.adopted = false; // by an open() that failed
        const auto of_listener = [&](auto holds, const Address& bound) {
            return std::any_of(spec.listeners.begin(), spec.listeners.end(),
                               [&](const auto& listener) { return holds(listener, bound); });
        };
        if (socket.bound && !of_listener(would_adopt, *socket.bound) &&
            of_listener([](const auto& listener,
                           const Address& bound) { return is_in_the_way(bound, listener.address); },
                        *socket.bound))
            close(number, socket);
    }
}

std::vector<std::string> KeptSockets::close_all() {
    std::vector<std::string> closed;
    for (auto& [number, socket] : sockets_) {
        if (!socket.adopted && socket.bound)
            closed.push_back(format_address(*socket.bound));
        if (socket.adopted)
            store_.remove(kept_listener(number));
        else if (socket.fd)
            close(number, socket);
    }
    sockets_.clear();
    return closed;
}

void KeptSockets::close(std::uint64_t number, Socket& socket) {
    if (socket.bound)
        os::stop_listening(socket.fd.get());
    socket.fd.reset();
    if (socket.bound)
        os::remove_unix_paths(*socket.bound, "");
    store_.remove(kept_listener(number));
    socket.bound.reset();
}

} // namespace svc::daemon
