// What a ListenerTable leaves to the supervisor that comes after it, and how that one takes it up.
#include "svcd/host/listeners/listener_table.h"
#include "svcd/host/survival/kept_names.h"
#include "wire/service_file.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

namespace svc::daemon {

namespace {

using Entry = ListenerEntry;
using Member = SteeredGroup::Member;

Error wrong(const wire::ListenerRecord& record, const std::string& what) {
    return Error{"listener " + record.name + " (" + record.identity + "): " + what};
}

/// The text that the table knew it by follows from the rest; one that does not was not written by a table.
Result<void> check_identity(const wire::ListenerRecord& record) {
    if (record.address.family == AddressFamily::systemd)
        return wrong(record, "systemd passes it, and nobody records that");
    if (record.group.empty() != (record.revision == 0))
        return wrong(record, "it is of one revision and of every one");
    rollout::ListenerSpec spec;
    spec.name = record.name;
    spec.address = record.address;
    spec.scope =
        record.revision == 0 ? rollout::ListenerScope::service : rollout::ListenerScope::revision;
    if (record.identity != identity_of(spec, record.revision) ||
        (!record.group.empty() && record.group != wire::listener_identity(spec)))
        return wrong(record, "it is recorded as another one");
    if (record.sockets.empty() || (record.revision != 0 && record.sockets.size() != 1))
        return wrong(record,
                     std::to_string(record.sockets.size()) + " sockets are recorded for it");
    return {};
}

/// The number of "LINKS/3", 0 for what is no such link.
std::uint64_t number_of_link(const std::string& links, const std::string& path) {
    if (!path.starts_with(links + "/"))
        return 0;
    return given_number(std::string_view(path).substr(links.size() + 1));
}

/// A link is unlinked one day: it must be one that we made.
Result<void> check_link(const wire::ListenerRecord& record, const std::string& links) {
    if (record.link_path.empty())
        return {};
    if (record.address.family != AddressFamily::unix_path ||
        (number_of_link(links, record.link_path) == 0 &&
         record.link_path != os::link_beside(record.address.host)))
        return wrong(record, record.link_path + " is no link of ours");
    return {};
}

Result<void> check_address(const wire::ListenerRecord& record, const std::string& name,
                           const KeptSockets::Socket& socket) {
    if (!socket.fd)
        return wrong(record, "the fd store has no " + name);
    if (!socket.bound)
        return wrong(record, name + " of the fd store is no socket");
    Address wished = record.address;
    if (wished.port == 0)
        wished.port = socket.bound->port;
    const bool ip = wished.family == AddressFamily::ipv4 || wished.family == AddressFamily::ipv6;
    if (*socket.bound != wished || (ip && wished.port == 0))
        return wrong(record, name + " of the fd store is bound to " +
                                 format_address(*socket.bound) + ", not to " +
                                 format_address(record.address));
    return {};
}

bool listens(int fd, const Address& address) {
    return os::backlog_of(fd, address).has_value();
}

} // namespace

/// What restore() puts together; the table's only when all of it is right.
struct ListenerTable::Impl::Restoration {
    std::map<std::string, Entry> entries;
    std::map<std::string, std::map<std::uint32_t, Member>> groups; ///< by place
    /// Taken so far, with where they were bound.
    std::map<std::uint64_t, Address> bound;

    Result<void> add_to_group(const wire::ListenerRecord& record, const Entry& entry);
};

/// All are bound to one address: the first one's, whose port the kernel may have picked.
Result<void> ListenerTable::Impl::Restoration::add_to_group(const wire::ListenerRecord& record,
                                                            const Entry& entry) {
    for (const auto& [identity, other] : entries)
        if (other.group == entry.group &&
            bound.at(other.stored.front()) != bound.at(entry.stored.front()))
            return wrong(record, "another revision's is bound to another address");
    const Member member{record.revision, entry.sockets.front().get(), record.used};
    if (!groups[entry.group].emplace(record.place, member).second)
        return wrong(record, "another revision's is at its place");
    return {};
}

Result<void> ListenerTable::Impl::restore(Restoration& made,
                                          const std::vector<wire::ListenerRecord>& records) {
    for (const auto& record : records) {
        if (const auto checked = check_identity(record); !checked)
            return checked.error();
        if (const auto checked = check_link(record, links); !checked)
            return checked.error();
        if (made.entries.contains(record.identity))
            return wrong(record, "it is recorded twice");
        // At once in its place, so that whatever goes wrong, its sockets are found there.
        Entry& entry = made.entries[record.identity];
        entry.name = record.name;
        entry.address = record.address;
        entry.options = record.options;
        entry.revision = record.revision;
        entry.group = record.group;
        entry.link_path = record.link_path;
        entry.problem = record.problem;
        entry.recorded = true;
        entry.adopted = true;
        for (const auto& name : record.sockets) {
            const std::uint64_t number = listener_number(name);
            auto socket = number == 0 ? KeptSockets::Socket{} : kept.extract(number);
            const auto checked = check_address(record, name, socket);
            if (!checked) {
                if (socket.fd)
                    kept.give_back(number, std::move(socket));
                return checked.error();
            }
            made.bound.emplace(number, *socket.bound);
            entry.sockets.push_back(std::move(socket.fd));
            entry.stored.push_back(number);
        }
        if (!entry.group.empty())
            if (const auto added = made.add_to_group(record, entry); !added)
                return added.error();
    }
    for (const auto& [group, members] : made.groups)
        if (members.rbegin()->first != members.size() - 1)
            return Error{"listener " + group + ": a place in its group is missing"};
    return {};
}

/// The recorded order is the kernel's, but for what came after the record was written: sockets that were opened
/// and not recorded are behind it, in the order of their numbers, and where one does not listen any more (a worker
/// or the old supervisor shut it down) the last one took its place. Of several such the order is unknown; the old
/// supervisor closes them in the order of the table, which is the one that is taken here.
///
/// When it returns all recorded ones listen again and the others are gone.
std::vector<Member> ListenerTable::Impl::in_order_of_now(Restoration& made,
                                                         const std::string& group) {
    std::vector<Member> members;
    Address address;
    for (const auto& [place, member] : made.groups.at(group))
        members.push_back(member);
    std::vector<Entry*> silent;
    for (auto& [identity, entry] : made.entries) {
        if (entry.group != group)
            continue;
        address = made.bound.at(entry.stored.front());
        if (!listens(entry.sockets.front().get(), address))
            silent.push_back(&entry);
    }
    std::vector<int> unrecorded;
    for (const auto& [number, socket] : kept.all()) {
        if (socket.bound == address && listens(socket.fd.get(), address)) {
            unrecorded.push_back(socket.fd.get());
            members.push_back({0, socket.fd.get(), false});
        }
    }
    std::vector<Member> revived;
    revived.reserve(silent.size());
    for (const Entry* entry : silent)
        revived.push_back(SteeredGroup::take_out(members, entry->sockets.front().get()));
    for (const int fd : unrecorded) {
        SteeredGroup::take_out(members, fd);
        os::stop_listening(fd);
    }
    for (Entry* entry : silent)
        inspect(*entry); // no group has it yet
    members.insert(members.end(), revived.begin(), revived.end());
    return members;
}

void ListenerTable::Impl::go_on_with(Restoration made) {
    std::vector<std::string> taken;
    for (const auto& recorded : made.groups) {
        const std::string& group = recorded.first;
        const auto members = in_order_of_now(made, group);
        const auto done = groups[group].restore(members);
        const auto one = std::find_if(made.entries.begin(), made.entries.end(),
                                      [&](const auto& each) { return each.second.group == group; });
        steered(one->second, done);
    }
    for (auto& [identity, entry] : made.entries) {
        last_key = std::max(last_key, number_of_link(links, entry.link_path));
        taken.push_back("listener " + entry.name + ": taken over (" +
                        format_address(made.bound.at(entry.stored.front())) + ")");
    }
    for (auto& [identity, entry] : made.entries) {
        entry.key = ++last_key;
        for (std::size_t i = 0; i < entry.stored.size(); ++i)
            store.hold(kept_listener(entry.stored[i]), entry.sockets[i].get());
        add(identity, std::move(entry));
    }
    report_each(taken, "taken over");
    own_links(false);
}

Result<void> ListenerTable::restore(const std::vector<wire::ListenerRecord>& records,
                                    KeptFds& kept) {
    adopt_by_address(kept);
    Impl::Restoration made;
    if (auto restored = impl_->restore(made, records); !restored) {
        for (auto& [identity, entry] : made.entries)
            for (std::size_t i = 0; i < entry.sockets.size(); ++i) {
                const std::uint64_t number = entry.stored[i];
                impl_->kept.give_back(number,
                                      {std::move(entry.sockets[i]), made.bound.at(number), false});
            }
        return restored;
    }
    impl_->go_on_with(std::move(made));
    // Opened by a supervisor that ended before it wrote so; nobody was started with it.
    impl_->report_left(impl_->kept.close_all());
    return {};
}

void ListenerTable::adopt_by_address(KeptFds& kept) {
    impl_->last_stored = std::max(impl_->last_stored, impl_->kept.take(kept));
}

std::vector<std::pair<std::string, int>> ListenerTable::inherited() const {
    std::vector<std::pair<std::string, int>> result;
    for (const auto& [name, sockets] : impl_->systemd)
        for (const Inherited& one : sockets)
            result.emplace_back(name, one.socket.get());
    return result;
}

bool ListenerTable::changed() const {
    return impl_->changed;
}

std::vector<wire::ListenerRecord> ListenerTable::records() const {
    impl_->changed = false;
    std::vector<wire::ListenerRecord> result;
    for (auto& [identity, entry] : impl_->entries) {
        if (!entry.inherited.empty())
            continue;
        wire::ListenerRecord record;
        record.identity = identity;
        record.name = entry.name;
        record.address = entry.address;
        record.options = entry.options;
        for (const std::uint64_t number : entry.stored)
            record.sockets.push_back(kept_listener(number));
        record.revision = entry.revision;
        record.group = entry.group;
        record.link_path = entry.link_path;
        record.problem = entry.problem;
        if (const auto group = impl_->groups.find(entry.group); group != impl_->groups.end()) {
            const auto& members = group->second.members();
            const auto member = std::find_if(
                members.begin(), members.end(),
                [fd = entry.sockets.front().get()](const Member& each) { return each.fd == fd; });
            record.used = member->used;
            record.place = static_cast<std::uint32_t>(member - members.begin());
        }
        entry.recorded = true;
        result.push_back(std::move(record));
    }
    return result;
}

void ListenerTable::Impl::undo(Entry& entry) {
    if (!entry.adopted)
        return discard(entry);
    // The socket and its path stay what they are, for the next open().
    std::error_code ignored;
    if (!entry.link_path.empty())
        std::filesystem::remove(entry.link_path, ignored);
    entry.sockets.clear();
}

void ListenerTable::Impl::put_into_store(Entry& entry) {
    // Those of a restored one are there.
    while (entry.stored.size() < entry.sockets.size()) {
        const int fd = entry.sockets[entry.stored.size()].get();
        entry.stored.push_back(++last_stored);
        store.put(kept_listener(last_stored), fd);
    }
}

void ListenerTable::Impl::forget_in_store(const Entry& entry) {
    for (const std::uint64_t number : entry.stored) {
        if (entry.recorded)
            store.release(kept_listener(number));
        else
            store.remove(kept_listener(number));
    }
    // Until the store has closed it too, it would go on to take connections.
    if (store.present() && !entry.stored.empty())
        for (const auto& socket : entry.sockets)
            os::stop_listening(socket.get());
}

/// What the others link to is no socket of ours. Those of workers' own listeners have no numbers, and stay with
/// the workers; at a cold start nobody has them.
void ListenerTable::Impl::own_links(bool at_cold_start) {
    if (std::exchange(links_are_ours, true))
        return;
    std::error_code ignored;
    if (at_cold_start) {
        std::filesystem::remove_all(links, ignored);
        return;
    }
    std::set<std::string> owned;
    for (const auto& [identity, entry] : entries)
        owned.insert(entry.link_path);
    for (const auto& file : std::filesystem::directory_iterator(links, ignored)) {
        const std::string path = file.path().string();
        if (number_of_link(links, path) != 0 && !owned.contains(path))
            std::filesystem::remove(path, ignored);
    }
}

void ListenerTable::Impl::report_left(const std::vector<std::string>& addresses) const {
    std::vector<std::string> texts;
    texts.reserve(addresses.size());
    for (const auto& address : addresses)
        texts.push_back("a listener of an earlier supervisor: closed (" + address + ")");
    report_each(texts, "closed");
}

} // namespace svc::daemon
