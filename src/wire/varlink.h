// Varlink framing (varlink.org): one JSON object, ended by NUL, in each direction. Sans-I/O: bytes
// in, messages out; the caller owns the socket.
#pragma once

#include "base/result.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace svc::wire {

inline constexpr std::size_t varlink_message_limit = 256u << 10; ///< bytes, both directions

struct VarlinkCall {
    std::string method; ///< "io.svc.Supervisor.Reload"
    boost::json::object parameters;
    bool more = false;
    bool oneway = false;
};
struct VarlinkReply {
    boost::json::object parameters;
    std::string error; ///< "io.svc.Supervisor.NotPermitted"; empty: success
    bool continues = false;
};

std::string encode(const VarlinkCall& call); ///< with the NUL
std::string encode(const VarlinkReply& reply);
/// JSON that is no object, a missing method, a wrong type: an error that names it. Nesting is
/// bounded.
Result<VarlinkCall> decode_call(std::string_view message);
Result<VarlinkReply> decode_reply(std::string_view message);

/// Cuts a byte stream into messages.
class MessageBuffer {
public:
    /// Takes bytes as read. Fails once a message is over the limit; the connection is then useless.
    Result<void> append(std::string_view bytes);
    /// The next whole message without its NUL, if there is one.
    std::optional<std::string> next();
    [[nodiscard]] std::size_t pending() const { return bytes_.size() - begin_; }

private:
    std::string bytes_;
    std::size_t begin_ = 0;   ///< of the first message not yet taken
    std::size_t scanned_ = 0; ///< no NUL before here
};

} // namespace svc::wire
