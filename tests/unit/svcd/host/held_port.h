// HeldPort: a port that has to be known before anybody listens there.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>

namespace svc::daemon::test {

/// Whoever asks for it by number gets it, and the kernel gives it to nobody else: bound, not listening, and with
/// SO_REUSEADDR (socket(7)). That is set afterwards: with it, the kernel might have chosen a port that others share.
class HeldPort {
public:
    HeldPort() : holder_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {
        holder_.set_option(boost::asio::socket_base::reuse_address(true));
    }
    [[nodiscard]] std::uint16_t port() const { return holder_.local_endpoint().port(); }

private:
    boost::asio::io_context io_;
    boost::asio::ip::tcp::socket holder_;
};

} // namespace svc::daemon::test
