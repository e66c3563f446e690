// FdStore: fds that outlive this supervisor, kept by systemd or by svc-keeper under names of ours.
#pragma once

#include "base/time.h"
#include "base/unique_fd.h"
#include "os/notify_socket.h"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace svc::daemon {

/// Every name in the store begins so; FileDescriptorName= of a .socket unit must not.
inline constexpr std::string_view kept_prefix = "svc.";

/// What an earlier supervisor of this service left in the store, by name. Each is taken once.
class KeptFds {
public:
    KeptFds() = default;
    explicit KeptFds(std::map<std::string, UniqueFd> fds) : fds_(std::move(fds)) {}

    /// Empty: there is none of that name (or it was taken).
    [[nodiscard]] UniqueFd take(const std::string& name);
    [[nodiscard]] bool contains(const std::string& name) const { return fds_.contains(name); }
    [[nodiscard]] bool empty() const { return fds_.empty(); }
    /// Of those that nobody has taken.
    [[nodiscard]] std::vector<std::string> names() const;

private:
    std::map<std::string, UniqueFd> fds_;
};

/// The protocol is sd_notify(3)'s: FDSTORE=1, FDSTOREREMOVE=1, BARRIER=1. Messages go out in the order of the
/// calls and never block: what the socket does not take now waits here, with a copy of its fd, and a timer
/// runs for as long as something waits.
///
/// What can never happen: a name stands for two fds (systemd would give both back): it is removed before it
/// is put again.
class FdStore {
public:
    /// Without a manager nothing is kept: put() and remove() do nothing, barrier() answers at once.
    FdStore(boost::asio::io_context& io, std::shared_ptr<const os::ManagerSocket> manager);
    FdStore(const FdStore&) = delete;
    FdStore& operator=(const FdStore&) = delete;
    ~FdStore();

    /// `fd` stays the caller's, and open until it is removed or released.
    void put(const std::string& name, int fd);
    void remove(const std::string& name);
    /// Removes it with the next settle().
    void release(std::string name);
    /// What was published does not speak any more of what was released: it was, with all that was seen until then.
    void settle();
    /// On purpose, at the very end. `first` goes first: what tells whoever keeps the fds that nobody is to
    /// come after us.
    void remove_all(const std::string& first);
    /// Calls `then` from the loop, once, when all that was said since the last barrier has been taken in:
    /// true. After `bound`, without a manager, or if one of these could not be said at all: false.
    void barrier(Duration bound, std::function<void(bool confirmed)> then);
    /// Names that an earlier supervisor put there: put() of one removes it first.
    void know(const std::vector<std::string>& names);
    /// One of those is ours now; `fd` as in put().
    void hold(const std::string& name, int fd);
    /// All that is to survive us, also where no manager is: what is passed on in an upgrade.
    [[nodiscard]] std::vector<std::pair<std::string, int>> all() const;
    [[nodiscard]] bool present() const;
    /// All that it was given has been sent, and nothing was refused.
    [[nodiscard]] bool is_settled() const;
    /// Why a barrier was last not confirmed, or is not going to be; empty: there was nothing.
    [[nodiscard]] const std::string& problem() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace svc::daemon
