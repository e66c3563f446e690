// A request of a hook or a probe: HTTP/1.1, one request a connection, no names resolved.
#pragma once

#include "rollout/spec.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace svc::daemon {

/// The bytes of the request.
std::string format_request(const rollout::HttpHook& hook);

/// The status code of an answer's head ("HTTP/1.1 204 No Content\r\n…\r\n\r\n"), or an error.
Result<int> parse_status(std::string_view head);

/// Looks at who is at the other end of a connection, before anything is said. May be empty.
using PeerCheck = std::function<Result<void>(int fd)>;

/// Connects and closes.
boost::asio::awaitable<Result<void>> try_connect(Address address, PeerCheck check);

/// Sends the request and reads the answer's head: 16 KiB at most, informational answers (1xx)
/// skipped; the body is of no interest and is not waited for. Success: 2xx and 3xx.
boost::asio::awaitable<Result<void>> perform_request(rollout::HttpHook hook, PeerCheck check);

} // namespace svc::daemon
