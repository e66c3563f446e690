#include "svcd/front/metrics_server.h"

#include "base/text.h"
#include "os/files.h"
#include "os/listener_socket.h"
#include "svcd/front/metrics_request.h"
#include "svcd/host/survival/kept_names.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>

namespace svc::daemon {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Descriptor = asio::posix::stream_descriptor;

namespace {

constexpr auto kept_for = std::chrono::seconds(1);
constexpr auto accept_pause = std::chrono::milliseconds(200);

struct Listening {
    Listening(asio::io_context& io, Address where, UniqueFd fd, std::string kept_as)
        : address(std::move(where)), socket(io, fd.release()), name(std::move(kept_as)),
          path(file()) {}
    /// A child of ours that looks or writes may have the socket open for a moment longer: it refuses all the same.
    void close() {
        os::stop_listening(socket.native_handle());
        boost::system::error_code ignored;
        socket.close(ignored);
        if (const auto now = file(); now && now == path)
            os::remove_file(address.host);
    }

    Address address;
    Descriptor socket;
    std::string name; ///< in the store

private:
    /// Which file is at a unix path now.
    [[nodiscard]] std::optional<std::pair<dev_t, ino_t>> file() const {
        struct stat found {};
        if (address.family != AddressFamily::unix_path ||
            ::lstat(address.host.c_str(), &found) != 0)
            return std::nullopt;
        return std::pair(found.st_dev, found.st_ino);
    }
    std::optional<std::pair<dev_t, ino_t>> path; ///< that this socket was bound to
};

struct Connection {
    Connection(asio::io_context& io, int fd) : socket(io, fd), deadline(io) {}
    void close() {
        boost::system::error_code ignored;
        socket.close(ignored);
        deadline.cancel();
    }
    Descriptor socket;
    asio::steady_timer deadline;
    bool asked = false; ///< its request is complete
};

using Parser = http::request_parser<http::empty_body>;
using Answer = http::response<http::string_body>;

/// What a request is worth that came to this end; nullopt: there is nobody to tell.
std::optional<http::status> status_of(const boost::system::error_code& error) {
    if (!error)
        return http::status::ok;
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        return http::status::request_header_fields_too_large;
    const bool went = error == http::error::end_of_stream || error == http::error::partial_message;
    if (went || error.category() != make_error_code(http::error::bad_method).category())
        return std::nullopt;
    return http::status::bad_request;
}

/// Where `wanted` says: the kernel may have picked the port.
bool is_at(const Address& bound, Address wanted) {
    if (wanted.port == 0)
        wanted.port = bound.port;
    return bound == wanted;
}

bool has_its_path(const Address& bound) {
    struct stat found {};
    return bound.family != AddressFamily::unix_path ||
           (::lstat(bound.host.c_str(), &found) == 0 && S_ISSOCK(found.st_mode));
}

} // namespace

struct MetricsServer::Inner : std::enable_shared_from_this<Inner> {
    Inner(asio::io_context& loop, FdStore& keeper, Collect collector, MetricsLimits bounds)
        : io(loop), store(keeper), collect(std::move(collector)), limits(bounds) {}

    void listen(const Address& address, UniqueFd socket, std::string name);
    void close_if(const std::function<bool(const Listening&)>& unwanted);

    asio::awaitable<void> accept(std::shared_ptr<Listening> listening);
    void admit(int fd);
    bool make_room();
    asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
    asio::awaitable<std::string> measure(wire::MetricsFormat format);
    asio::awaitable<Answer> answer(http::status status, const http::request_header<>& header);

    asio::io_context& io;
    FdStore& store;
    std::uint64_t last_stored = 0;
    Collect collect;
    MetricsLimits limits;
    std::vector<std::shared_ptr<Listening>> open;
    std::list<std::shared_ptr<Connection>> connections;
    std::size_t collecting = 0;
    /// Of the last that was collected: many who ask cost no more than one.
    std::vector<wire::MetricFamily> collected;
    std::optional<std::chrono::steady_clock::time_point> collected_at;
    bool closed = false;
};

MetricsServer::MetricsServer(asio::io_context& io, FdStore& store, Collect collect,
                             MetricsLimits limits)
    : inner_(std::make_shared<Inner>(io, store, std::move(collect), limits)) {}

MetricsServer::~MetricsServer() {
    close();
}

Result<void> MetricsServer::open(const Address& address) {
    // Somebody may have removed its path.
    inner_->close_if(
        [&](const Listening& one) { return one.address == address && !has_its_path(one.address); });
    for (const auto& one : inner_->open)
        if (one->address == address)
            return {};
    auto socket = os::open_listener(address, {});
    if (!socket)
        return Error{"metrics.listen: " + socket.error().message, socket.error().code};
    std::string name(kept_metrics);
    name += std::to_string(++inner_->last_stored);
    inner_->store.put(name, socket->get());
    inner_->listen(address, std::move(*socket), std::move(name));
    return {};
}

void MetricsServer::resume(const std::vector<Address>& addresses, KeptFds& kept) {
    for (const std::string& name : kept.names()) {
        if (!name.starts_with(kept_metrics))
            continue;
        std::string_view number = std::string_view(name).substr(kept_metrics.size());
        inner_->last_stored = std::max(inner_->last_stored, take_number(number).value_or(0));
        UniqueFd socket = kept.take(name);
        const auto bound = os::bound_address(socket.get());
        const auto wanted =
            std::find_if(addresses.begin(), addresses.end(), [&](const Address& address) {
                return bound && is_at(*bound, address) && has_its_path(*bound);
            });
        if (wanted != addresses.end()) {
            inner_->store.hold(name, socket.get());
            inner_->listen(*wanted, std::move(socket), name);
            continue;
        }
        // To close it is not enough as long as the store has it.
        if (bound)
            os::stop_listening(socket.get());
        inner_->store.remove(name);
    }
}

void MetricsServer::Inner::listen(const Address& address, UniqueFd socket, std::string name) {
    auto listening = std::make_shared<Listening>(io, address, std::move(socket), std::move(name));
    listening->socket.non_blocking(true);
    open.push_back(listening);
    auto accepting = [self = shared_from_this(), listening]() -> asio::awaitable<void> {
        co_await self->accept(listening);
    };
    asio::co_spawn(io, accepting, asio::detached);
}

void MetricsServer::keep_only(const std::vector<Address>& addresses) {
    inner_->close_if([&](const Listening& one) {
        return std::find(addresses.begin(), addresses.end(), one.address) == addresses.end();
    });
}

void MetricsServer::Inner::close_if(const std::function<bool(const Listening&)>& unwanted) {
    std::erase_if(open, [&](const std::shared_ptr<Listening>& one) {
        if (!unwanted(*one))
            return false;
        store.remove(one->name);
        one->close();
        return true;
    });
}

void MetricsServer::close() {
    inner_->closed = true;
    keep_only({});
    const auto left = inner_->connections;
    for (const auto& connection : left)
        connection->close();
}

bool MetricsServer::idle() const {
    return inner_->collecting == 0;
}

std::vector<Address> MetricsServer::bound() const {
    std::vector<Address> all;
    for (const auto& one : inner_->open)
        if (auto address = os::bound_address(one->socket.native_handle()))
            all.push_back(std::move(*address));
    return all;
}

asio::awaitable<void> MetricsServer::Inner::accept(std::shared_ptr<Listening> listening) {
    const auto self = shared_from_this();
    asio::steady_timer pause(io);
    while (listening->socket.is_open()) {
        auto [error] = co_await listening->socket.async_wait(Descriptor::wait_read,
                                                             asio::as_tuple(asio::use_awaitable));
        if (error || !listening->socket.is_open())
            break;
        const int fd = ::accept4(listening->socket.native_handle(), nullptr, nullptr,
                                 SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            admit(fd);
            continue;
        }
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            continue;
        // Out of descriptors or memory: it would fail again at once.
        spdlog::warn("cannot accept a client for metrics: {}", std::strerror(errno));
        pause.expires_after(accept_pause);
        auto [ignored] = co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

void MetricsServer::Inner::admit(int fd) {
    auto connection = std::make_shared<Connection>(io, fd);
    if (closed || (connections.size() >= limits.clients && !make_room()))
        return;
    connections.push_back(connection);
    connection->deadline.expires_after(limits.time);
    connection->deadline.async_wait([connection](const boost::system::error_code& error) {
        if (!error)
            connection->close();
    });
    auto serving = [self = shared_from_this(), connection]() -> asio::awaitable<void> {
        co_await self->serve(connection);
        connection->close();
        self->connections.remove(connection);
    };
    asio::co_spawn(io, serving, asio::detached);
}

/// Who keeps a place without asking gives way, the first one first. False: all of them ask.
bool MetricsServer::Inner::make_room() {
    const auto silent = std::find_if(connections.begin(), connections.end(),
                                     [](const auto& one) { return !one->asked; });
    if (silent == connections.end())
        return false;
    (*silent)->close();
    connections.erase(silent);
    return true;
}

asio::awaitable<std::string> MetricsServer::Inner::measure(wire::MetricsFormat format) {
    const auto now = std::chrono::steady_clock::now();
    if (!collected_at || now - *collected_at > kept_for) {
        ++collecting;
        auto families = co_await collect();
        --collecting;
        collected = std::move(families);
        collected_at = now;
    }
    co_return wire::render_metrics(collected, format);
}

asio::awaitable<Answer> MetricsServer::Inner::answer(http::status status,
                                                     const http::request_header<>& header) {
    MetricsRequest request{status, {}};
    if (status == http::status::ok)
        request = judge_metrics_request(header);
    Answer answer(request.status, 11);
    answer.keep_alive(false);
    if (request.status == http::status::ok) {
        answer.set(http::field::content_type, wire::content_type_of(request.format));
        answer.body() = co_await measure(request.format);
    } else {
        answer.set(http::field::content_type, "text/plain; charset=utf-8");
        answer.body() = "The metrics are at /metrics.\n";
    }
    if (request.status == http::status::method_not_allowed)
        answer.set(http::field::allow, "GET, HEAD");
    answer.prepare_payload();
    if (header.method() == http::verb::head)
        answer.body().clear(); // after its length was said
    co_return answer;
}

asio::awaitable<void> MetricsServer::Inner::serve(std::shared_ptr<Connection> connection) {
    boost::beast::flat_buffer buffer;
    Parser parser;
    parser.header_limit(limits.head);
    const auto [failed, size] = co_await http::async_read_header(
        connection->socket, buffer, parser, asio::as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    const auto status = status_of(failed);
    if (!status || closed)
        co_return;
    connection->asked = true;
    const Answer said = co_await answer(*status, parser.get());
    if (!connection->socket.is_open())
        co_return;
    const auto [error, written] =
        co_await http::async_write(connection->socket, said, asio::as_tuple(asio::use_awaitable));
    static_cast<void>(error);
    static_cast<void>(written);
}

} // namespace svc::daemon
