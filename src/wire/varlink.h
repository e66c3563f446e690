// Varlink framing (varlink.org): one JSON object, ended by NUL, in each direction. Sans-I/O: bytes
// in, messages out; the caller owns the socket.
#pragma once

#include "base/result.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace svc::wire {

inline constexpr std::size_t varlink_message_limit = 256u << 10; ///< bytes of a call
/// Bytes of a reply: a client trusts the supervisor that it asked further than the other way round,
/// and the status of a service with thousands of listeners is long.
inline constexpr std::size_t varlink_reply_limit = 16u << 20;
inline constexpr std::size_t varlink_nesting_limit = 32;

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
/// JSON that is no object, a missing method, a wrong type, an unknown member, `upgrade` (nothing
/// here speaks another protocol): an error that names it. Nesting is bounded.
Result<VarlinkCall> decode_call(std::string_view message);
Result<VarlinkReply> decode_reply(std::string_view message);

/// Cuts a byte stream into messages. Memory stays within the limit of one message plus what one
/// read brings, as long as the caller takes every whole message between two appends.
class MessageBuffer {
public:
    explicit MessageBuffer(std::size_t limit = varlink_message_limit) : limit_(limit) {}

    /// Takes bytes as read. Fails once a message is over the limit, and ever after: where the next
    /// message would begin is not known.
    Result<void> append(std::string_view bytes);
    /// The next whole message without its NUL, if there is one.
    std::optional<std::string> next();
    /// Bytes not taken yet: at end-of-file, more than 0 means a message that was cut off.
    [[nodiscard]] std::size_t pending() const { return bytes_.size() - begin_; }
    [[nodiscard]] std::string_view unread() const {
        return std::string_view(bytes_).substr(begin_);
    }

private:
    std::size_t limit_;
    std::string bytes_;
    std::size_t begin_ = 0;      ///< of the first message not yet taken
    std::size_t unfinished_ = 0; ///< begin of the message whose NUL has not come
    bool failed_ = false;
};

} // namespace svc::wire
