#include "svcd/host/listeners/listener_table.h"

#include "base/text.h"
#include "os/files.h"
#include "os/sock_diag.h"
#include "wire/service_file.h"

#include <algorithm>
#include <cerrno>
#include <set>

namespace svc::daemon {

namespace {

using Entry = ListenerEntry;

} // namespace

ListenerTable::Impl::Impl(boost::asio::io_context& io, const Settings& settings, FdStore& kept_in,
                          std::map<std::string, std::vector<UniqueFd>> inherited, Report reporter)
    : store(kept_in), report(std::move(reporter)), links(settings.runtime_dir + "/links"),
      systemd(inherit(std::move(inherited))), kept(kept_in) {
    auto made = HangupWatch::make(io, [this](std::uint64_t key) { handle_hangup(key); });
    if (made)
        watch.emplace(std::move(*made));
    else
        report(News::damage, made.error().message +
                                 "; shutdown() by a worker is only seen when a worker "
                                 "starts, becomes ready or ends");
}

Result<void> ListenerTable::Impl::take_systemd(Entry& entry) {
    const auto passed = systemd.find(entry.address.host);
    if (passed != systemd.end()) {
        for (const Inherited& one : passed->second)
            entry.inherited.push_back(&one);
        return {};
    }
    std::vector<std::string> names;
    for (const auto& [name, sockets] : systemd)
        names.push_back(name);
    return Error{"listener " + entry.name + ": systemd passed no socket named " +
                     entry.address.host + " (" +
                     (names.empty() ? "it passed none" : "it passed " + join(names, ", ")) +
                     "); name it with FileDescriptorName= in the .socket unit, and start that unit "
                     "before this service",
                 0};
}

void ListenerTable::Impl::keep_link(Entry& entry) {
    if (entry.address.family != AddressFamily::unix_path)
        return;
    const auto made = os::make_directories(links, 0700);
    const auto linked =
        made ? os::keep_private_link(entry.address, links + "/" + std::to_string(entry.key))
             : Result<std::string>(made.error());
    if (linked)
        entry.link_path = *linked;
    else
        damaged(entry,
                "if a worker removes its path it cannot be put back: " + linked.error().message);
}

/// A port that one of our own sockets holds is nothing that `ss` need be asked about.
Error ListenerTable::Impl::explain_refusal(const rollout::ListenerSpec& spec,
                                           const Error& error) const {
    const auto holder = std::find_if(entries.begin(), entries.end(), [&](const auto& each) {
        return may_exclude(bound_address_of(each.second), spec.address);
    });
    if (error.code != EADDRINUSE || holder == entries.end())
        return Error{"listener " + spec.name + ": " + error.message, error.code};
    return held_by_our_own(spec, holder->second);
}
/// At the address of the group's other members, whose port the kernel may have picked.
Result<void> ListenerTable::Impl::open_of_revision(Entry& entry) {
    ListenerOptions options = entry.options;
    options.reuse_port = true;
    Address address = entry.address;
    if (const auto others = groups.find(entry.group); others != groups.end()) {
        auto bound = os::bound_address(others->second.any_fd());
        if (!bound)
            return bound.error();
        address = std::move(*bound);
    }
    auto socket = os::open_listener(address, options);
    if (!socket)
        return Error{"listener " + entry.name + ": " + socket.error().message, socket.error().code};
    steered(entry, groups[entry.group].add(entry.revision, socket->get()));
    entry.sockets.push_back(std::move(*socket));
    return {};
}

Result<Entry> ListenerTable::Impl::make_entry(const rollout::ListenerSpec& spec,
                                              rollout::RevisionNumber revision) {
    Entry entry;
    entry.key = ++last_key;
    entry.name = spec.name;
    entry.address = spec.address;
    entry.options = spec.options;
    if (spec.address.family == AddressFamily::systemd) {
        if (auto taken = take_systemd(entry); !taken)
            return taken.error();
        return entry;
    }
    if (is_of_revision(spec)) {
        entry.revision = revision;
        entry.group = wire::listener_identity(spec);
        if (auto opened = open_of_revision(entry); !opened)
            return opened.error();
        return entry;
    }
    if (UniqueFd adopted = kept.adopt(spec.address, spec.options)) {
        entry.adopted = true;
        entry.sockets.push_back(std::move(adopted));
    } else {
        auto socket = os::open_listener(spec.address, spec.options);
        if (!socket)
            return explain_refusal(spec, socket.error());
        entry.sockets.push_back(std::move(*socket));
    }
    keep_link(entry);
    return entry;
}

void ListenerTable::Impl::discard(Entry& entry) {
    if (watch) {
        for (const int fd : entry.fds())
            watch->remove(fd);
    }
    if (const auto group = groups.find(entry.group); group != groups.end()) {
        for (const int fd : entry.fds())
            steered(entry, group->second.remove(fd));
        if (group->second.empty())
            groups.erase(group);
    }
    forget_in_store(entry);
    // A path without a link is removed only if nobody has its socket open any more.
    entry.sockets.clear();
    os::remove_unix_paths(entry.address, entry.link_path);
}

void ListenerTable::Impl::add(std::string identity, Entry entry) {
    put_into_store(entry);
    if (watch) {
        for (const int fd : entry.fds()) {
            if (const auto added = watch->add(fd, entry.key); !added)
                damaged(entry, added.error().message);
        }
    }
    entries.emplace(std::move(identity), std::move(entry));
}

Result<void> ListenerTable::open(const rollout::Spec& spec, rollout::RevisionNumber revision) {
    impl_->changed = true;
    impl_->own_links(true);
    impl_->kept.make_way(spec);
    std::map<std::string, Entry> made;
    for (const auto& listener : spec.listeners) {
        std::string identity = identity_of(listener, revision);
        if (!is_held_here(listener) || impl_->entries.contains(identity))
            continue;
        auto entry = impl_->make_entry(listener, revision);
        if (!entry) {
            for (auto& [ignored, undone] : made)
                impl_->undo(undone);
            return entry.error();
        }
        made.emplace(std::move(identity), std::move(*entry));
    }
    std::vector<std::string> opened;
    for (auto& [identity, entry] : made) {
        opened.push_back("listener " + entry.name +
                         (entry.adopted ? ": taken over (" : ": opened (") +
                         format_address(bound_address_of(entry)) + ")");
        impl_->add(identity, std::move(entry));
    }
    impl_->report_each(opened, "opened");
    impl_->report_left(impl_->kept.close_all());
    return {};
}

void ListenerTable::apply_live(const rollout::Spec& spec) {
    impl_->changed = true;
    for (const auto& listener : spec.listeners) {
        const auto found = impl_->entries.find(wire::listener_identity(listener));
        if (!is_held_here(listener) || found == impl_->entries.end())
            continue;
        Entry& entry = found->second;
        entry.name = listener.name;
        entry.options = listener.options;
        entry.each([&](int fd, const ListenerOptions& options) {
            if (const auto set = os::apply_live_options(fd, entry.address, options); !set)
                impl_->damaged(entry, set.error().message);
        });
    }
}

ListenerTable::Passed ListenerTable::passed_to(const rollout::Spec& spec,
                                               rollout::RevisionNumber revision) {
    Passed passed;
    for (const auto& listener : spec.listeners) {
        if (!is_held_here(listener))
            continue;
        for (const int fd : fds_of(listener, revision)) {
            passed.fds.push_back(fd);
            passed.names.push_back(listener.name);
        }
    }
    return passed;
}

std::vector<int> ListenerTable::fds_of(const rollout::ListenerSpec& listener,
                                       rollout::RevisionNumber revision) {
    impl_->changed = true;
    const auto found = impl_->entries.find(identity_of(listener, revision));
    if (!is_held_here(listener) || found == impl_->entries.end())
        fatal("a worker is started before its listener " + listener.name + " is open");
    if (const auto group = impl_->groups.find(found->second.group); group != impl_->groups.end())
        impl_->steered(found->second, group->second.use(revision));
    return found->second.fds();
}

void ListenerTable::pass_over(const rollout::Spec& spec, rollout::RevisionNumber revision) {
    impl_->changed = true;
    for (const auto& listener : spec.listeners) {
        const auto found = impl_->entries.find(identity_of(listener, revision));
        if (!is_of_revision(listener) || found == impl_->entries.end())
            continue;
        if (const auto group = impl_->groups.find(found->second.group);
            group != impl_->groups.end())
            impl_->steered(found->second, group->second.pass_over(revision));
    }
}

void ListenerTable::hand_over(const rollout::Spec& spec, rollout::RevisionNumber from,
                              rollout::RevisionNumber to) {
    impl_->changed = true;
    for (const auto& listener : spec.listeners) {
        if (!is_of_revision(listener))
            continue;
        auto taken = impl_->entries.extract(identity_of(listener, from));
        if (!taken)
            continue;
        // Nobody was started with the socket that was opened for the new number.
        if (const auto fresh = impl_->entries.find(identity_of(listener, to));
            fresh != impl_->entries.end()) {
            impl_->discard(fresh->second);
            impl_->entries.erase(fresh);
        }
        taken.key() = identity_of(listener, to);
        Entry& entry = taken.mapped();
        entry.revision = to;
        if (const auto group = impl_->groups.find(entry.group); group != impl_->groups.end())
            impl_->steered(entry, group->second.hand_over(from, to));
        impl_->entries.insert(std::move(taken));
    }
}

void ListenerTable::keep_only(const std::vector<InUse>& in_use) {
    impl_->changed = true;
    std::set<std::string> kept;
    for (const InUse& one : in_use) {
        for (const auto& listener : one.spec->listeners) {
            if (is_held_here(listener))
                kept.insert(identity_of(listener, one.revision));
        }
    }
    std::vector<std::string> closed;
    for (auto item = impl_->entries.begin(); item != impl_->entries.end();) {
        if (kept.contains(item->first)) {
            ++item;
            continue;
        }
        Entry& entry = item->second;
        closed.push_back("listener " + entry.name + ": closed (" +
                         format_address(bound_address_of(entry)) + ")");
        impl_->discard(entry);
        item = impl_->entries.erase(item);
    }
    impl_->report_each(closed, "closed");
}

void ListenerTable::Impl::inspect(Entry& entry) {
    std::string problem;
    entry.each([&](int fd, const ListenerOptions& options) {
        const auto damage = os::inspect(fd, entry.address, options, entry.link_path);
        if (!damage.any())
            return;
        const auto before = os::bound_address(fd);
        const auto repaired = os::repair(fd, entry.address, options, entry.link_path, damage);
        if (!repaired) {
            problem = repaired.error().message;
            if (entry.problem.empty())
                damaged(entry, problem);
            return;
        }
        if (const auto group = groups.find(entry.group);
            damage.shut_down && group != groups.end()) {
            changed = true; // before it is told, so that whoever hears of it can write it down
            steered(entry, group->second.moved_to_end(fd));
        }
        damaged(entry, damage_text(damage));
        const auto after = os::bound_address(fd);
        if (before && after && *before != *after)
            damaged(entry, "it is now at " + format_address(*after));
    });
    changed = changed || problem != entry.problem;
    entry.problem = std::move(problem);
}

/// A thousand listeners must not push the service's story out of the log of events.
void ListenerTable::Impl::report_each(const std::vector<std::string>& texts,
                                      std::string_view done) const {
    constexpr std::size_t told_one_by_one = 20;
    if (texts.size() > told_one_by_one)
        report(News::change, std::to_string(texts.size()) + " listeners: " + std::string(done));
    else
        for (const auto& text : texts)
            report(News::change, text);
}

void ListenerTable::Impl::handle_hangup(std::uint64_t key) {
    for (auto& [identity, entry] : entries) {
        if (entry.key == key)
            inspect(entry);
    }
}

void ListenerTable::inspect_all() {
    for (auto& [identity, entry] : impl_->entries)
        impl_->inspect(entry);
}

/// Of those that each revision has: the newest.
std::map<std::string, Entry>::const_iterator
ListenerTable::Impl::find_shown(const rollout::ListenerSpec& listener) const {
    if (!is_held_here(listener))
        return entries.end();
    const std::string identity = wire::listener_identity(listener);
    if (!is_of_revision(listener))
        return entries.find(identity);
    auto newest = entries.end();
    for (auto item = entries.begin(); item != entries.end(); ++item) {
        if (item->second.group == identity &&
            (newest == entries.end() || newest->second.revision < item->second.revision))
            newest = item;
    }
    return newest;
}

std::vector<wire::ListenerStatus> ListenerTable::status(const rollout::Spec& spec) const {
    std::vector<wire::ListenerStatus> result;
    for (const auto& listener : spec.listeners) {
        wire::ListenerStatus status;
        status.name = listener.name;
        status.address = format_address(listener.address);
        const auto found = impl_->find_shown(listener);
        if (found != impl_->entries.end()) {
            const auto fds = found->second.fds();
            status.sockets = static_cast<std::uint32_t>(fds.size());
            status.backlog = found->second.backlog();
            status.problem = found->second.problem;
            if (!fds.empty()) {
                if (const auto bound = os::bound_address(fds.front()))
                    status.address = format_address(*bound);
                show_load(found->second, status);
            }
        }
        result.push_back(std::move(status));
    }
    return result;
}

std::optional<std::vector<Address>> ListenerTable::addresses() const {
    std::vector<Address> all;
    for (const auto& [identity, entry] : impl_->entries)
        for (const int fd : entry.fds()) {
            const auto bound = os::bound_address(fd);
            if (!bound || !os::is_in_own_network(fd))
                return std::nullopt;
            if (entry.address.type != SocketType::datagram)
                all.push_back(*bound);
        }
    return all;
}

ListenerTable::ListenerTable(boost::asio::io_context& io, const Settings& settings, FdStore& store,
                             std::map<std::string, std::vector<UniqueFd>> inherited, Report report)
    : impl_(std::make_unique<Impl>(io, settings, store, std::move(inherited), std::move(report))) {}

ListenerTable::~ListenerTable() = default;

} // namespace svc::daemon
