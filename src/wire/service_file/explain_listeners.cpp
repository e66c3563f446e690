// [[listener]] in plain sentences: what is opened, by whom, and how a worker finds it.
#include "wire/service_file/explain.h"

#include "base/text.h"

#include <algorithm>
#include <cstdio>

namespace svc::wire::service_file {

namespace {

using rollout::ListenerScope;
using rollout::ListenerSpec;
using rollout::SocketProtocol;

constexpr std::size_t listeners_shown = 8;

std::string permissions(const ListenerSpec& listener) {
    if (listener.address.family != AddressFamily::unix_path)
        return {};
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", listener.options.mode.value_or(0666));
    std::string text = std::string("mode ") + mode;
    if (!listener.options.owner.empty())
        text += ", owner " + listener.options.owner;
    if (!listener.options.group.empty())
        text += ", group " + listener.options.group;
    return ", " + text;
}

std::string in_words(const ListenerSpec& listener) {
    std::string text = format_address(listener.address) + " (" + listener.name + ')';
    if (listener.address.family == AddressFamily::systemd)
        text += ": what systemd opened for a socket unit with FileDescriptorName=" +
                listener.address.host;
    text += permissions(listener);
    switch (listener.scope) {
    case ListenerScope::service:
        return text;
    case ListenerScope::revision:
        return text + ": leads to the workers of the newest revision only";
    case ListenerScope::worker:
        return text + ": each worker has a socket of its own there, until it ends";
    }
    fatal("in_words: no such scope");
}

std::string variable_of(SocketProtocol protocol) {
    switch (protocol) {
    case SocketProtocol::listen_fds:
        return "LISTEN_FDS";
    case SocketProtocol::server_starter:
        return "SERVER_STARTER_PORT";
    case SocketProtocol::nginx:
        return "NGINX";
    case SocketProtocol::php_fpm:
        return "FPM_SOCKETS";
    case SocketProtocol::unicorn:
        return "UNICORN_FD";
    case SocketProtocol::puma:
        return "PUMA_INHERIT_0";
    case SocketProtocol::einhorn:
        return "EINHORN_FD_0";
    }
    fatal("variable_of: no such protocol");
}

/// A name of systemd's may be several sockets, and moves the numbers of those behind it.
std::string handing_over(const rollout::Spec& spec) {
    const std::size_t count = spec.listeners.size();
    const bool counted =
        std::none_of(spec.listeners.begin(), spec.listeners.end(), [](const auto& each) {
            return each.address.family == AddressFamily::systemd;
        });
    const std::string numbers = counted && count == 1 ? "it as file descriptor 3"
                                : counted             ? "them as file descriptors 3 " +
                                                std::string(count == 2 ? "and " : "to ") +
                                                std::to_string(count + 2)
                                          : "what is open there as file descriptors from 3 on";
    std::vector<std::string> variables;
    for (const auto protocol : spec.process.protocols)
        variables.push_back(variable_of(protocol));
    return "A worker gets " + numbers +
           (variables.empty() ? ", and has to know that number itself."
                              : ", and is told so by " + join(variables, " and ") + '.');
}

/// What waits there while workers change.
std::string holding(const std::vector<ListenerSpec>& listeners) {
    std::vector<ListenerSpec> held;
    std::copy_if(listeners.begin(), listeners.end(), std::back_inserter(held),
                 [](const auto& each) { return each.scope != ListenerScope::worker; });
    if (held.empty())
        return {};
    const auto backlog = [](const ListenerSpec& each) {
        return each.options.backlog.value_or(default_backlog);
    };
    const bool datagrams = std::all_of(held.begin(), held.end(), [](const auto& each) {
        return each.address.type == SocketType::datagram;
    });
    const bool alike = std::all_of(held.begin(), held.end(), [&](const auto& each) {
        return each.address.family != AddressFamily::systemd &&
               each.address.type != SocketType::datagram && backlog(each) == backlog(held.front());
    });
    const std::string what = datagrams ? "datagrams wait there"
                             : alike   ? "up to " + std::to_string(backlog(held.front())) +
                                           " connections (listener.backlog) wait there"
                                     : "connections wait there";
    const std::string which = held.size() == listeners.size() ? (held.size() == 1 ? "it" : "them")
                              : held.size() == 1              ? "the shared one"
                                                              : "the shared ones";
    return "The supervisor holds " + which +
           " from before the first worker starts until the last one has ended: while no worker "
           "takes them, " +
           what + (datagrams ? "." : " and are not refused.");
}

} // namespace

Paragraph explain_listeners(const rollout::Spec& spec) {
    Paragraph paragraph{"listens", {}};
    auto& lines = paragraph.lines;
    const auto& listeners = spec.listeners;
    if (listeners.empty()) {
        lines.emplace_back(
            "Nowhere: the supervisor holds no socket for this service. If its workers open one "
            "themselves, connections are refused while they are replaced, or the next version "
            "finds the address in use; a [[listener]] prevents both.");
        return paragraph;
    }
    const std::string item = listeners.size() == 1 ? "" : "- ";
    for (std::size_t i = 0; i < std::min(listeners.size(), listeners_shown); ++i)
        lines.push_back(item + in_words(listeners[i]));
    if (listeners.size() > listeners_shown)
        lines.push_back("- and " + std::to_string(listeners.size() - listeners_shown) + " more");
    if (auto text = holding(listeners); !text.empty())
        lines.push_back(std::move(text));
    lines.push_back(handing_over(spec));
    if (std::any_of(listeners.begin(), listeners.end(),
                    [](const auto& each) { return each.address.type == SocketType::datagram; }))
        lines.emplace_back("While an old and a new worker run, both read its datagrams.");
    return paragraph;
}

} // namespace svc::wire::service_file
