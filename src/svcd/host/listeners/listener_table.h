// ListenerTable::Impl, for its two sources: listener_table.cpp and listener_restore.cpp.
#pragma once

#include "svcd/host/listeners/hangup_watch.h"
#include "svcd/host/listeners/kept_sockets.h"
#include "svcd/host/listeners/listener_entry.h"
#include "svcd/host/listeners/listeners.h"
#include "svcd/host/listeners/steered_group.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace svc::daemon {

struct ListenerTable::Impl {
    using Entry = ListenerEntry;

    Impl(boost::asio::io_context& io, const Settings& settings, FdStore& kept_in,
         std::map<std::string, std::vector<UniqueFd>> inherited, Report reporter);

    // listener_table.cpp
    Result<Entry> make_entry(const rollout::ListenerSpec& spec, rollout::RevisionNumber revision);
    Result<void> open_of_revision(Entry& entry);
    void steered(const Entry& entry, const Result<void>& done) const {
        if (!done)
            damaged(entry, done.error().message + "; some come to other revisions' workers");
    }
    [[nodiscard]] Error explain_refusal(const rollout::ListenerSpec& spec,
                                        const Error& error) const;
    Result<void> take_systemd(Entry& entry);
    void keep_link(Entry& entry);
    void damaged(const Entry& entry, const std::string& how) const {
        report(News::damage, "listener " + entry.name + ": " + how);
    }
    void discard(Entry& entry);
    void add(std::string identity, Entry entry);
    void inspect(Entry& entry);
    void report_each(const std::vector<std::string>& texts, std::string_view done) const;
    void handle_hangup(std::uint64_t key);
    [[nodiscard]] std::map<std::string, Entry>::const_iterator
    find_shown(const rollout::ListenerSpec& listener) const;

    // listener_restore.cpp
    struct Restoration;
    Result<void> restore(Restoration& made, const std::vector<wire::ListenerRecord>& records);
    void go_on_with(Restoration made);
    std::vector<SteeredGroup::Member> in_order_of_now(Restoration& made, const std::string& group);
    /// Once: removes the private links that an earlier supervisor left and nobody has now.
    void own_links(bool at_cold_start);
    /// Of an open() that went wrong.
    void undo(Entry& entry);
    void put_into_store(Entry& entry);
    void forget_in_store(const Entry& entry);
    void report_left(const std::vector<std::string>& addresses) const;

    FdStore& store;
    Report report;
    std::string links;
    InheritedByName systemd;
    std::optional<HangupWatch> watch;
    std::map<std::string, Entry> entries; // by identity_of()
    std::map<std::string, SteeredGroup>
        groups; // by wire::listener_identity(): of each revision one
    std::uint64_t last_key = 0;
    KeptSockets kept; // empty but between a start and the first open()
    std::uint64_t last_stored = 0;
    bool changed = true;         // since records() was last asked for
    bool links_are_ours = false; // own_links() was there
};

} // namespace svc::daemon
