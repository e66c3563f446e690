// PrivateListeners: the listening sockets that only one worker has (ListenerScope::worker).
#pragma once

#include "base/unique_fd.h"
#include "rollout/spec.h"
#include "wire/ledger.h"

#include <map>
#include <string>
#include <vector>

namespace svc::daemon {

/// Made anew at each launch. The worker alone holds them once they are on their way to it: what it closes
/// is closed, and whoever connects then is refused. Their addresses stay known, and the paths of unix
/// sockets are removed when this object goes.
class PrivateListeners {
public:
    /// `links`: a directory of ours for hard links that tell our paths from others'.
    PrivateListeners(std::string links, std::string worker)
        : links_(std::move(links)), worker_(std::move(worker)) {}
    PrivateListeners(const PrivateListeners&) = delete;
    PrivateListeners& operator=(const PrivateListeners&) = delete;
    ~PrivateListeners() { remove(); }

    /// {worker} in a unix path or name is replaced.
    Result<UniqueFd> open(const rollout::ListenerSpec& listener);
    /// Removes the paths.
    void remove();

    [[nodiscard]] std::vector<wire::PrivateListenerRecord> records() const;
    /// Those of a worker that an earlier supervisor started.
    void take_over(const std::vector<wire::PrivateListenerRecord>& records);

    [[nodiscard]] const std::map<std::string, Address>& addresses() const { return addresses_; }
    /// "SVC_LISTENER_ADMIN=127.0.0.1:40123", one for each.
    [[nodiscard]] std::vector<std::string> environment() const;

private:
    [[nodiscard]] std::string link_of(const std::string& listener) const {
        return links_ + "/" + worker_ + "." + listener;
    }

    std::string links_;
    std::string worker_;
    std::map<std::string, Address> addresses_;      ///< by the listener's name
    std::map<std::string, std::string> link_paths_; ///< of unix paths; empty: none
};

/// "SVC_LISTENER_ADMIN_2" for "admin-2".
std::string listener_variable(const std::string& name);

} // namespace svc::daemon
