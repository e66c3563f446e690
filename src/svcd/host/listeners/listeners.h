// ListenerTable: every listening socket of the service, held from before the first worker that uses
// it until after the last.
#pragma once

#include "os/listener_socket.h"
#include "rollout/revision.h"
#include "svcd/host/survival/fd_store.h"
#include "svcd/settings.h"
#include "wire/control.h"
#include "wire/ledger.h"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace svc::daemon {

/// A listener is known by wire::listener_identity(), so that a renamed one keeps its socket. It is a
/// set of sockets (one today).
///
/// A listener of which each revision has its own socket (ListenerScope::revision) is known with the
/// revision's number, and what comes to its address goes to the newest revision (SteeredGroup).
/// Listeners of one worker only (ListenerScope::worker) are not here: PrivateListeners makes them.
///
/// Every socket that is opened here is put into the fd store, so that it outlives this supervisor: records()
/// and restore() carry what else belongs to it. Those that systemd passed are not: systemd passes them again.
///
/// What can never happen: a socket is closed while a revision in use needs it; a refused reload
/// leaves a socket open or closed that was not before; O_NONBLOCK of an open socket is touched; the store
/// loses a socket that a written record names.
class ListenerTable {
public:
    enum class News { change, damage };
    /// "listener http: backlog put back to 4096"
    using Report = std::function<void(News news, const std::string& text)>;

    /// `inherited`: by FileDescriptorName, what systemd passed for listeners.
    ListenerTable(boost::asio::io_context& io, const Settings& settings, FdStore& store,
                  std::map<std::string, std::vector<UniqueFd>> inherited, Report report);
    /// Closes our fds and does nothing else to the sockets and their paths, which a next supervisor may go on
    /// with: a service that ends says keep_only({}).
    ~ListenerTable();

    /// Opens what `spec` needs and is not open yet: all of it, or none and an error. An open socket is
    /// taken as it is: ask wire::creation_conflicts() first.
    Result<void> open(const rollout::Spec& spec, rollout::RevisionNumber revision = 0);
    /// Sets the live options of `spec` on its open sockets (a reload; a rollback with the old
    /// spec).
    void apply_live(const rollout::Spec& spec);
    /// The sockets of `spec` in the order of its listeners, with a name for each (LISTEN_FDNAMES).
    /// Ours.
    struct Passed {
        std::vector<int> fds;
        std::vector<std::string> names;
    };
    [[nodiscard]] Passed passed_to(const rollout::Spec& spec, rollout::RevisionNumber revision = 0);
    /// Those of one listener, which is not a worker's own, for a worker that is started now.
    [[nodiscard]] std::vector<int> fds_of(const rollout::ListenerSpec& listener,
                                          rollout::RevisionNumber revision);
    /// Closes what none of `in_use` needs, and removes the unix paths that go with it.
    struct InUse {
        InUse(const rollout::Spec* needs, rollout::RevisionNumber number = 0)
            : spec(needs), revision(number) {}
        const rollout::Spec* spec;
        rollout::RevisionNumber revision;
    };
    void keep_only(const std::vector<InUse>& in_use);
    /// `revision` is given up: what comes to listeners of which each revision has its own socket goes to
    /// another revision's, as long as no worker of it is started anew.
    void pass_over(const rollout::Spec& spec, rollout::RevisionNumber revision);
    /// The workers of `from` count as those of `to` from now on, which so has their sockets, and no other ones.
    void hand_over(const rollout::Spec& spec, rollout::RevisionNumber from,
                   rollout::RevisionNumber to);
    /// Looks for what a worker may have damaged, and repairs it: after every start, ready and exit.
    /// A shutdown(2) is also seen at once, as HUP by an epoll entry without events.
    void inspect_all();
    [[nodiscard]] std::vector<wire::ListenerStatus> status(const rollout::Spec& spec) const;

    /// Where all of them are bound; nullopt: one is in another network namespace than we (from systemd).
    [[nodiscard]] std::optional<std::vector<Address>> addresses() const;

    // For the supervisor that comes after this one --------------------------------------------------

    /// Everything that it needs to go on, but for what systemd passes to it again: open() takes that. What is
    /// named here leaves the store only with the publication that follows its closing (FdStore::release()).
    [[nodiscard]] std::vector<wire::ListenerRecord> records() const;
    /// They are others now than when records() was last asked for.
    [[nodiscard]] bool changed() const;
    /// What systemd passed, by FileDescriptorName: a program that replaces us has it from us.
    [[nodiscard]] std::vector<std::pair<std::string, int>> inherited() const;
    /// Goes on with what an earlier supervisor recorded: all of it, or nothing and an error that names the
    /// record. Once, before anything is opened. Takes all its sockets out of `kept`; after an error open()
    /// adopts them as after adopt_by_address().
    Result<void> restore(const std::vector<wire::ListenerRecord>& records, KeptFds& kept);
    /// A cold start: nothing tells of the sockets in `kept` but their addresses. The next open() goes on with
    /// those that its listeners want (live options are set, others stay as they are), so that what waits in their
    /// queues is not lost, and closes the rest. Not those of one revision, nor a port of 0.
    void adopt_by_address(KeptFds& kept);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace svc::daemon
