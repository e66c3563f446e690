#include "svcd/front/compare.h"

#include "os/clock.h"
#include "svcd/front/setting_text.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace svc::daemon {

namespace {

using rollout::FileIdentity;
using rollout::ListenerSpec;
using rollout::ProcessSpec;
using rollout::Revision;
using rollout::Spec;

using Found = std::vector<Difference>;

constexpr std::size_t line_limit = 200; ///< of what apply says, which becomes a cause

void add(Found& out, DifferenceKind kind, std::string what, std::string before = {},
         std::string after = {}) {
    out.push_back({kind, {std::move(what), std::move(before), std::move(after)}});
}

void add_setting(Found& out, const std::string& key, std::string before = {},
                 std::string after = {}) {
    add(out, DifferenceKind::setting, std::string(service_file_mark) + key, std::move(before),
        std::move(after));
}

/// A member's name as a key of its table: the same, but for these.
std::string_view key_of(std::string_view member) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> others{{
        {"process", "service"},
        {"backoff_min", "backoff.min"},
        {"backoff_max", "backoff.max"},
        {"error_output", "stderr"},     // which is a macro of <cstdio>
        {"stages", "steps or promote"}, // as the strategy has it
    }};
    for (const auto& [name, key] : others)
        if (name == member)
            return key;
    return member;
}

/// The keys of a table are the members of its struct, so none can be forgotten here; one that Spec gains
/// later is a table of its own. `shown` is `before` as its service file had it.
template <class Table>
void compare_table(Found& out, const std::string& table, const Table& before, const Table& shown,
                   const Table& now) {
    boost::mp11::mp_for_each<setting_text::codec::members_of<Table>>([&](auto member) {
        const auto& old = before.*member.pointer;
        const auto& newer = now.*member.pointer;
        if (old == newer)
            return;
        add_setting(out, table + "." + std::string(key_of(member.name)),
                    setting_text::text_of(member.name, shown.*member.pointer),
                    setting_text::text_of(member.name, newer));
    });
}

const ListenerSpec* find(const std::vector<ListenerSpec>& in, const std::string& name) {
    const auto found =
        std::find_if(in.begin(), in.end(), [&](const auto& each) { return each.name == name; });
    return found == in.end() ? nullptr : &*found;
}

std::string names_of(const std::vector<ListenerSpec>& listeners) {
    std::vector<std::string> names;
    names.reserve(listeners.size());
    for (const ListenerSpec& listener : listeners)
        names.push_back(listener.name);
    return join(names, ", ");
}

void compare_listeners(Found& out, const std::vector<ListenerSpec>& before,
                       const std::vector<ListenerSpec>& now) {
    const auto place = [&](const std::string& what, std::string old, std::string newer) {
        add(out, DifferenceKind::place, std::string(service_file_mark) + "listener " + what,
            std::move(old), std::move(newer));
    };
    const std::size_t earlier = out.size();
    for (const ListenerSpec& listener : now) {
        const ListenerSpec* old = find(before, listener.name);
        if (old == nullptr)
            place(listener.name + " added", "", format_address(listener.address));
        else if (old->address != listener.address)
            place(listener.name, format_address(old->address), format_address(listener.address));
        if (old != nullptr)
            compare_table(out, "listener " + listener.name, old->options, old->options,
                          listener.options);
    }
    for (const ListenerSpec& listener : before)
        if (find(now, listener.name) == nullptr)
            place(listener.name + " removed", format_address(listener.address), "");
    // The order is the order of the inherited descriptors: a worker may count on it.
    if (out.size() == earlier && !(before == now))
        add_setting(out, "order of the listeners", names_of(before), names_of(now));
}

template <class Tables>
void compare_tables(Found& out, const Tables& before, const Tables& shown, const Tables& now) {
    boost::mp11::mp_for_each<setting_text::codec::members_of<Tables>>([&](auto member) {
        using Table = std::remove_cvref_t<decltype(before.*member.pointer)>;
        const std::string name(key_of(member.name));
        if constexpr (std::is_same_v<Table, std::vector<ListenerSpec>>)
            compare_listeners(out, before.*member.pointer, now.*member.pointer);
        else if constexpr (std::is_same_v<Table, std::optional<rollout::LimitsSpec>>)
            compare_table(out, name, (before.*member.pointer).value_or(rollout::LimitsSpec{}),
                          (shown.*member.pointer).value_or(rollout::LimitsSpec{}),
                          (now.*member.pointer).value_or(rollout::LimitsSpec{}));
        else if constexpr (setting_text::codec::Struct<Table>)
            compare_table(out, name, before.*member.pointer, shown.*member.pointer,
                          now.*member.pointer);
        else if (!(before.*member.pointer == now.*member.pointer))
            add_setting(out, name, setting_text::text_of("", shown.*member.pointer),
                        setting_text::text_of("", now.*member.pointer));
    });
}

/// `spec` as it would be if its release were `to`: the loader expands these two in place, and
/// another release alone is no change of the service file.
Spec with_release(Spec spec, const std::string& from, const std::string& to) {
    if (from.empty() || from == to)
        return spec;
    const auto replace = [&](std::string& text) {
        for (auto at = text.find(from); at != std::string::npos;
             at = text.find(from, at + to.size()))
            text.replace(at, from.size(), to);
    };
    replace(spec.process.directory);
    for (auto& [name, value] : spec.process.environment)
        replace(value);
    return spec;
}

/// Names only: the values may be secret.
void compare_environment(Found& out, const Revision& before, const Revision& now) {
    std::vector<std::string> changes;
    std::set<std::string> names;
    for (const auto* environment : {&before.file_environment, &now.file_environment})
        for (const auto& [name, value] : *environment)
            names.insert(name);
    for (const std::string& name : names) {
        const auto old = before.file_environment.find(name);
        const auto newer = now.file_environment.find(name);
        if (old == before.file_environment.end())
            changes.push_back(name + " added");
        else if (newer == now.file_environment.end())
            changes.push_back(name + " removed");
        else if (old->second != newer->second)
            changes.push_back(name + " changed");
    }
    if (changes.empty())
        return;
    const auto& files = now.spec.process.environment_files;
    add(out, DifferenceKind::place,
        files.size() == 1 ? "environment file " + files[0] : std::string("environment files"), "",
        join(changes, ", "));
}

/// What tells it from another one. The digest is there if both were read.
std::string file_text(const FileIdentity& file, const std::string& build_id,
                      const std::string& digest) {
    if (file.inode == 0)
        return "no file";
    constexpr std::size_t enough = 12; // hexadecimal digits
    std::string text = std::to_string(file.size) + " bytes of " +
                       os::local_time_text(WallTime(Duration(file.modified_ns / 1000))) +
                       ", inode " + std::to_string(file.inode);
    if (!build_id.empty())
        text += ", build id " + build_id.substr(0, enough);
    if (!digest.empty())
        text += ", sha256 " + digest.substr(0, enough);
    return text;
}

void compare_executables(Found& out, const Revision& before, const Revision& now,
                         DifferenceKind kind) {
    const auto text = [](const Revision& revision, bool with_digest) {
        return file_text(revision.executable_identity, revision.build_id,
                         with_digest ? revision.sha256 : "");
    };
    const bool digests = !before.sha256.empty() && !now.sha256.empty();
    if (before.executable_identity != now.executable_identity)
        add(out, kind, "executable " + now.executable, text(before, digests), text(now, digests));
    if (before.program_identity != now.program_identity)
        add(out, kind,
            "program " + (now.program_identity.path.empty() ? before.program_identity.path
                                                            : now.program_identity.path),
            file_text(before.program_identity, "", digests ? before.program_sha256 : ""),
            file_text(now.program_identity, "", digests ? now.program_sha256 : ""));
}

void compare_files(Found& out, const Revision& before, const Revision& now) {
    const bool released = before.release != now.release;
    if (released)
        add(out, DifferenceKind::place, "release", before.release.empty() ? "none" : before.release,
            now.release.empty() ? "none" : now.release);
    // Under another release every path is another file: one line says it.
    compare_executables(out, before, now,
                        released ? DifferenceKind::detail : DifferenceKind::setting);
    if (released || before.spec.process.inputs != now.spec.process.inputs)
        return;
    for (std::size_t index = 0; index < now.input_identities.size(); ++index) {
        const FileIdentity& newer = now.input_identities[index];
        const FileIdentity old = index < before.input_identities.size()
                                     ? before.input_identities[index]
                                     : FileIdentity{};
        if (old != newer)
            add(out, DifferenceKind::setting, "input " + newer.path, file_text(old, "", ""),
                file_text(newer, "", ""));
    }
}

} // namespace

std::vector<std::string> Differences::lines() const {
    std::vector<std::string> all;
    for (const Difference& one : found) {
        if (one.kind == DifferenceKind::detail)
            continue;
        std::string line = one.text.what;
        if (one.kind == DifferenceKind::place && !one.text.after.empty())
            line +=
                ": " + one.text.before + (one.text.before.empty() ? "" : " → ") + one.text.after;
        all.push_back(line.size() > line_limit ? printable(line, line_limit) + " …" : line);
    }
    return all;
}

std::vector<wire::Difference> Differences::whole() const {
    std::vector<wire::Difference> all;
    for (const Difference& one : found)
        all.push_back(one.text);
    if (replicas)
        all.push_back(*replicas);
    return all;
}

Differences compare(const Revision& serving, std::uint32_t file_replicas, const Revision& now) {
    Differences result;
    Spec shown = serving.spec;
    shown.rollout.replicas = now.spec.rollout.replicas; // told apart
    const Spec before = with_release(shown, serving.release, now.release);
    compare_tables(result.found, before, shown, now.spec);
    compare_files(result.found, serving, now);
    compare_environment(result.found, serving, now);
    if (file_replicas != now.spec.rollout.replicas)
        result.replicas = wire::Difference{std::string(service_file_mark) + "rollout.replicas",
                                           std::to_string(file_replicas),
                                           std::to_string(now.spec.rollout.replicas)};
    return result;
}

namespace {

/// What a worker's process is made from, and what decides nothing about it left out.
ProcessSpec made_from(const Revision& revision) {
    ProcessSpec process = revision.spec.process;
    process.command = revision.command; // expanded
    process.release.clear();            // where it leads shows in what is expanded with it
    process.inputs.clear();
    process.check.clear();
    process.check_timeout = {};
    process.pre_start.reset();
    process.keep_executable = {};
    process.environment_files.clear(); // what they say counts
    return process;
}

bool same_sockets(const std::vector<ListenerSpec>& before, const std::vector<ListenerSpec>& now) {
    // Their options are set on the open sockets, or refused.
    return std::equal(before.begin(), before.end(), now.begin(), now.end(),
                      [](const ListenerSpec& a, const ListenerSpec& b) {
                          return a.name == b.name && a.address == b.address && a.scope == b.scope;
                      });
}

} // namespace

bool reloads_in_place(const Revision& before, const Revision& now) {
    return now.spec.rollout.in_place && bars_in_place(before, now).empty();
}

std::vector<std::string> bars_in_place(const Revision& before, const Revision& now) {
    std::vector<std::string> bars;
    const auto same = [&](bool equal, const char* what) {
        if (!equal)
            bars.emplace_back(what);
    };
    ProcessSpec was = made_from(before);
    ProcessSpec is = made_from(now);
    same(std::exchange(was.command, {}) == std::exchange(is.command, {}), "the command");
    same(std::exchange(was.environment, {}) == std::exchange(is.environment, {}) &&
             before.file_environment == now.file_environment,
         "the environment");
    same(std::exchange(was.directory, {}) == std::exchange(is.directory, {}), "the directory");
    const bool same_user = std::exchange(was.user, {}) == std::exchange(is.user, {});
    same(same_user && before.credentials == now.credentials, "the user");
    same(was == is, "what else [service] says of a worker");
    same(before.executable == now.executable &&
             before.executable_identity == now.executable_identity &&
             before.program_identity == now.program_identity,
         "the executable");
    same(before.spec.log == now.spec.log, "where its output goes");
    same(same_sockets(before.spec.listeners, now.spec.listeners), "a listener");
    // SVC_READY_FD, NODE_CHANNEL_FD and WATCHDOG_USEC are in the environment.
    same(before.spec.ready.on == now.spec.ready.on && before.spec.ready.fd == now.spec.ready.fd,
         "how readiness is told");
    same(before.spec.limits == now.spec.limits, "a limit of its cgroup");
    same(before.spec.live.watchdog == now.spec.live.watchdog, "the watchdog");
    return bars;
}

} // namespace svc::daemon
