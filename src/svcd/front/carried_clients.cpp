#include "svcd/front/carried_clients.h"

#include "os/memory_file.h"
#include "svcd/host/survival/kept_names.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace svc::daemon {

namespace {

constexpr std::string_view first_line = "svc-clients 1\n";
constexpr std::size_t clients_limit = 1024;
/// Above what sessions may have queued (SessionLimits), with room for a version that has other bounds.
constexpr std::size_t text_limit = 4u << 20;
constexpr std::size_t size_limit = 256u << 20;

std::optional<std::size_t> take_length(std::string_view& text, char end) {
    const auto length = text.find(end);
    std::size_t number = 0;
    const auto [stop, error] =
        std::from_chars(text.data(), text.data() + std::min(length, text.size()), number);
    if (length == std::string_view::npos || error != std::errc() || stop != text.data() + length ||
        number > text_limit)
        return std::nullopt;
    text.remove_prefix(length + 1);
    return number;
}

} // namespace

std::string encode_clients(const std::vector<Unfinished>& clients) {
    std::string text(first_line);
    for (const Unfinished& client : clients)
        text += std::to_string(client.calls.size()) + ' ' + std::to_string(client.replies.size()) +
                '\n' + client.calls + client.replies;
    return text;
}

Result<std::vector<Unfinished>> decode_clients(std::string_view text) {
    if (!text.starts_with(first_line))
        return Error{"the clients were handed over in a way that this svcd does not know"};
    text.remove_prefix(first_line.size());
    std::vector<Unfinished> clients;
    while (!text.empty()) {
        const auto calls = take_length(text, ' ');
        const auto replies = calls ? take_length(text, '\n') : std::nullopt;
        if (!replies || *calls + *replies > text.size() || clients.size() == clients_limit)
            return Error{"what was handed over of client " + std::to_string(clients.size()) +
                         " is wrong"};
        clients.push_back(
            {std::string(text.substr(0, *calls)), std::string(text.substr(*calls, *replies))});
        text.remove_prefix(*calls + *replies);
    }
    return clients;
}

Result<UniqueFd> hand_over_clients(const std::vector<std::pair<int, Unfinished>>& clients,
                                   NamedFds& fds) {
    auto file = os::make_memory_file("svc-clients");
    if (!file)
        return file;
    std::vector<Unfinished> texts;
    for (const auto& [fd, unfinished] : clients)
        texts.push_back(unfinished);
    if (auto written = os::write_at(file->get(), 0, encode_clients(texts)); !written)
        return written.error();
    fds.emplace_back(kept_clients, file->get());
    for (std::size_t index = 0; index < clients.size(); ++index)
        fds.emplace_back(kept_client(index), clients[index].first);
    return file;
}

Result<std::vector<std::pair<UniqueFd, Unfinished>>> take_clients(KeptFds& kept) {
    std::vector<std::pair<UniqueFd, Unfinished>> taken;
    const UniqueFd file = kept.take(kept_clients);
    if (!file)
        return taken;
    const auto text = os::read_at(file.get(), 0, size_limit);
    if (!text)
        return text.error();
    auto clients = decode_clients(*text);
    if (!clients)
        return clients.error();
    for (std::size_t index = 0; index < clients->size(); ++index)
        if (UniqueFd connection = kept.take(kept_client(index)))
            taken.emplace_back(std::move(connection), std::move((*clients)[index]));
    return taken;
}

} // namespace svc::daemon
