#include "svcd/host/hooks/http_request.h"

#include "base/text.h"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <charconv>

namespace svc::daemon {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol;

namespace {

constexpr std::size_t head_limit = 16384;
constexpr std::string_view head_end = "\r\n\r\n";

Result<Protocol::endpoint> endpoint_of(const Address& address) {
    switch (address.family) {
    case AddressFamily::ipv4:
    case AddressFamily::ipv6: {
        boost::system::error_code error;
        const auto literal = asio::ip::make_address(address.host, error);
        if (error)
            return Error{"not a literal address: " + address.host, 0};
        return Protocol::endpoint(asio::ip::tcp::endpoint(literal, address.port));
    }
    case AddressFamily::unix_path:
    case AddressFamily::unix_abstract: {
        const std::string path =
            (address.family == AddressFamily::unix_abstract ? std::string(1, '\0') : "") +
            address.host;
        if (path.size() >= 108) // sun_path, unix(7); Asio would throw
            return Error{"the path is longer than 107 bytes: " + address.host, 0};
        return Protocol::endpoint(asio::local::stream_protocol::endpoint(path));
    }
    case AddressFamily::systemd:
        break;
    }
    return Error{"a request needs a literal address or a unix socket", 0};
}

/// `what` begins the sentence of a failure.
asio::awaitable<Result<void>> connect(Protocol::socket& socket, const Address& address,
                                      const std::string& what, const PeerCheck& check) {
    const auto endpoint = endpoint_of(address);
    if (!endpoint)
        co_return endpoint.error();
    boost::system::error_code error;
    socket.open(endpoint->protocol(), error);
    if (!error)
        co_await socket.async_connect(*endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (error)
        co_return system_error(what + ": cannot connect", error.value());
    if (check) {
        if (const auto checked = check(socket.native_handle()); !checked)
            co_return Error{what + ": " + checked.error().message, 0};
    }
    co_return Result<void>();
}

} // namespace

std::string format_request(const rollout::HttpHook& hook) {
    const bool local =
        hook.address.family != AddressFamily::ipv4 && hook.address.family != AddressFamily::ipv6;
    std::string host = hook.host_header;
    if (host.empty())
        host = local ? "localhost" : format_address(hook.address);
    std::string request = hook.method + " " + hook.target + " HTTP/1.1\r\nHost: " + host +
                          "\r\nUser-Agent: svcd\r\nAccept: */*\r\nConnection: close\r\n";
    // RFC 9110, 8.6: a method that is expected to have content says that there is none.
    if (hook.method != "GET" && hook.method != "HEAD")
        request += "Content-Length: 0\r\n";
    return request + "\r\n";
}

Result<int> parse_status(std::string_view head) {
    // RFC 9112, 4: HTTP-version SP status-code SP [ reason-phrase ]; three digits.
    const std::string_view line = head.substr(0, head.find("\r\n"));
    int status = 0;
    if (line.starts_with("HTTP/1.") && line.size() >= 12 && line[8] == ' ' &&
        (line.size() == 12 || line[12] == ' ')) {
        const auto [end, error] = std::from_chars(line.data() + 9, line.data() + 12, status);
        if (error == std::errc{} && end == line.data() + 12 && status >= 100)
            return status;
    }
    return Error{"the answer is not HTTP: " + printable(line, 80), 0};
}

asio::awaitable<Result<void>> try_connect(Address address, PeerCheck check) {
    Protocol::socket socket(co_await asio::this_coro::executor);
    const std::string what = format_address(address);
    co_return co_await connect(socket, address, what, check);
}

asio::awaitable<Result<void>> perform_request(rollout::HttpHook hook, PeerCheck check) {
    const std::string what =
        hook.method + " " + hook.target + " at " + format_address(hook.address);
    Protocol::socket socket(co_await asio::this_coro::executor);
    if (const auto connected = co_await connect(socket, hook.address, what, check); !connected)
        co_return connected.error();

    boost::system::error_code error;
    const std::string request = format_request(hook);
    co_await asio::async_write(socket, asio::buffer(request),
                               asio::redirect_error(asio::use_awaitable, error));
    std::string received;
    while (!error) {
        const std::size_t length = co_await asio::async_read_until(
            socket, asio::dynamic_buffer(received, head_limit), head_end,
            asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::not_found)
            co_return Error{what + ": the answer's head is longer than " +
                                std::to_string(head_limit >> 10) + " KiB",
                            0};
        if (error)
            break;
        const auto status = parse_status(std::string_view(received).substr(0, length));
        if (!status)
            co_return Error{what + ": " + status.error().message, 0};
        received.erase(0, length);
        if (*status < 200 && *status != 101)
            continue; // RFC 9110, 15.2: the final answer follows
        if (*status >= 200 && *status < 400)
            co_return Result<void>();
        co_return Error{what + ": answered " + std::to_string(*status), 0};
    }
    co_return Error{what + ": no answer: " + error.message(), error.value()};
}

} // namespace svc::daemon
