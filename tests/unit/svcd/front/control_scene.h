// A control server over a real socket, with methods that do next to nothing, and its clients.
#pragma once

#include "svcd/front/control_server.h"

#include "base/unique_fd.h"
#include "support.h"
#include "wire/control.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace svc::daemon {

namespace asio = boost::asio;
using svc::test::TemporaryDirectory;

/// "echo" answers at once, "wait" when the test says so, "flood" sends more than any queue holds.
class FakeMethods : public CallHandler {
public:
    asio::awaitable<void> handle(const wire::VarlinkCall& call, Caller& caller) override {
        calls.push_back(call.method);
        wire::VarlinkReply reply;
        reply.parameters["method"] = call.method;
        if (call.method == "t.wait") {
            waiting = &caller.wakeup();
            if (call.parameters.contains("goes on"))
                caller.goes_on_as([call]() -> std::optional<wire::VarlinkCall> {
                    return wire::VarlinkCall{.method = "t.rest", .parameters = call.parameters};
                });
            while (!caller.gone() && !answer)
                co_await caller.wakeup().wait();
            waiting = nullptr;
            vanished += caller.gone() ? 1 : 0;
        }
        if (call.method.starts_with("t.wide"))
            reply.parameters["text"] = std::string(8 << 10, 'x');
        if (call.method == "t.flood") {
            reply.continues = true;
            reply.parameters["text"] = std::string(64 << 10, 'x');
            for (int sent = 0; sent < 1000 && !caller.gone(); ++sent)
                caller.reply(reply);
            flooded = true;
            co_return;
        }
        caller.reply(reply);
    }
    std::vector<std::string> calls;
    Wakeup* waiting = nullptr;
    bool answer = false;
    bool flooded = false;
    int vanished = 0;
};

class Client {
public:
    explicit Client(const std::string& path)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    /// What the socket takes.
    std::size_t send(std::string_view bytes) const {
        const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        return sent < 0 ? 0 : static_cast<std::size_t>(sent);
    }
    void call(const std::string& method, bool oneway = false) const {
        wire::VarlinkCall made;
        made.method = method;
        made.oneway = oneway;
        const std::string bytes = wire::encode(made);
        REQUIRE(send(bytes) == bytes.size());
    }
    /// Takes what has come; false after end-of-file.
    bool receive() {
        char bytes[65536];
        for (;;) {
            const auto count = ::recv(fd_.get(), bytes, sizeof bytes, 0);
            if (count > 0) {
                received.append(bytes, static_cast<std::size_t>(count));
                replies_ += static_cast<std::size_t>(std::count(bytes, bytes + count, '\0'));
            } else
                return count < 0 && errno == EAGAIN;
        }
    }
    [[nodiscard]] std::size_t replies() const { return replies_; }
    void end_sending() const { ::shutdown(fd_.get(), SHUT_WR); }
    void close() { fd_.reset(); }
    std::string received;

private:
    UniqueFd fd_;
    std::size_t replies_ = 0;
};

struct Scene {
    explicit Scene(ServerLimits limits = {}, Authority authority = make_authority({}))
        : server(std::make_unique<ControlServer>(io, methods, authority, limits)) {
        REQUIRE(server->listen(path).ok());
    }
    ~Scene() {
        if (server)
            server->finish([] {});
        methods.answer = true;
        test::settle(io);
        server.reset();
        test::settle(io);
    }
    bool replies(Client& client, std::size_t count) {
        test::run_until(io, [&] { return !client.receive() || client.replies() >= count; });
        return client.replies() == count;
    }
    void until_closed(Client& client) {
        test::run_until(io, [&] { return !client.receive(); });
    }

    TemporaryDirectory directory;
    std::string path = directory / "control";
    asio::io_context io;
    FakeMethods methods;
    std::unique_ptr<ControlServer> server;
};

} // namespace svc::daemon
