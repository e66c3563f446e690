// What the supervisor says over NOTIFY_SOCKET (sd_notify(3)), as far as the keeper cares. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace svc::keeper {

struct Message {
    bool store = false;    ///< FDSTORE=1
    bool remove = false;   ///< FDSTOREREMOVE=1
    bool ready = false;    ///< READY=1
    std::string name;      ///< FDNAME=; "stored", as with systemd, without one
    std::string passed_on; ///< the lines that are for a manager of our own
};

/// Any bytes; what it does not know it passes over. BARRIER=1 asks for nothing but that its fd is closed,
/// which happens to every fd that is not stored.
Message parse_message(std::string_view bytes);

/// Fit for LISTEN_FDNAMES: printable ASCII without a colon, 1 to 255 bytes (sd_listen_fds(3)).
bool is_fd_name(std::string_view name);

} // namespace svc::keeper
