// A supervisor that answers one call as the test says, in a thread of its own, at
// DIR/NAME/control of a temporary directory.
#pragma once

#include "../temporary_directory.h"
#include "base/unique_fd.h"
#include "wire/varlink.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace svc::cli::testing {

using test::TemporaryDirectory;

inline UniqueFd listen_at(const std::string& path) {
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    REQUIRE(::bind(listener.get(), generic, sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 8) == 0);
    return listener;
}

class FakeSupervisor {
public:
    /// What the script does with the connection, after the call was read.
    using Script = std::function<void(int connection, const wire::VarlinkCall& call)>;

    FakeSupervisor(const std::string& directory, const std::string& name, Script script) {
        std::filesystem::create_directory(directory + "/" + name);
        std::filesystem::remove(directory + "/" + name + "/control"); // of one that died
        listener_ = listen_at(directory + "/" + name + "/control");
        thread_ = std::thread([this, script = std::move(script)] { serve(script); });
    }
    FakeSupervisor(const FakeSupervisor&) = delete;
    FakeSupervisor& operator=(const FakeSupervisor&) = delete;
    ~FakeSupervisor() {
        ::shutdown(listener_.get(), SHUT_RDWR); // wakes accept(2)
        thread_.join();
    }

    /// Nobody listens any more; the socket's file stays. For a script, before its connection ends.
    void die() { ::shutdown(listener_.get(), SHUT_RDWR); }

    /// Another call on the same connection; none: the client hung up.
    static std::optional<wire::VarlinkCall> next_call(int connection) {
        wire::MessageBuffer buffer;
        char byte = 0;
        while (::recv(connection, &byte, 1, 0) == 1) {
            REQUIRE(buffer.append({&byte, 1}).ok());
            if (const auto message = buffer.next())
                return *wire::decode_call(*message);
        }
        return std::nullopt;
    }

    static void say(int connection, const std::string& bytes) {
        [[maybe_unused]] const auto sent =
            ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    static void reply(int connection, boost::json::object parameters, bool continues,
                      std::string error = {}) {
        say(connection,
            wire::encode(wire::VarlinkReply{std::move(parameters), std::move(error), continues}));
    }
    /// Until the client hangs up.
    static void wait_for_end(int connection) {
        char byte = 0;
        while (::recv(connection, &byte, 1, 0) > 0) {
        }
    }

private:
    void serve(const Script& script) {
        for (;;) {
            const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!connection)
                return;
            wire::MessageBuffer buffer;
            std::optional<std::string> message;
            char bytes[4096];
            while (!(message = buffer.next())) {
                const auto got = ::recv(connection.get(), bytes, sizeof bytes, 0);
                if (got <= 0 || !buffer.append({bytes, static_cast<std::size_t>(got)}))
                    break;
            }
            if (!message)
                continue;
            if (const auto call = wire::decode_call(*message))
                script(connection.get(), *call);
        }
    }

    UniqueFd listener_;
    std::thread thread_;
};

} // namespace svc::cli::testing
