#include "svcd/front/compare.h"

#include "wire/described.h"

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace svc::daemon {

namespace {

using rollout::ListenerSpec;
using rollout::ProcessSpec;
using rollout::Revision;
using rollout::Spec;

using Lines = std::vector<std::string>;

/// A member's name as a key of its table: the same, but for these.
std::string_view key_of(std::string_view member) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> others{{
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

/// The keys of one table are the members of its struct, so none can be forgotten here.
template <class Table>
void compare_table(Lines& out, const std::string& table, const Table& before, const Table& now) {
    using Members = boost::describe::describe_members<Table, boost::describe::mod_public>;
    boost::mp11::mp_for_each<Members>([&](auto member) {
        if (!(before.*member.pointer == now.*member.pointer))
            out.push_back("service file: " + table + "." + std::string(key_of(member.name)));
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

const ListenerSpec* find(const std::vector<ListenerSpec>& in, const std::string& name) {
    const auto found =
        std::find_if(in.begin(), in.end(), [&](const auto& each) { return each.name == name; });
    return found == in.end() ? nullptr : &*found;
}

void compare_listeners(Lines& out, const std::vector<ListenerSpec>& before,
                       const std::vector<ListenerSpec>& now) {
    const std::size_t earlier = out.size();
    for (const ListenerSpec& listener : now) {
        const ListenerSpec* old = find(before, listener.name);
        if (old == nullptr)
            out.push_back("service file: listener " + listener.name + " added");
        else if (old->address != listener.address)
            out.push_back("service file: listener " + listener.name + ": " +
                          format_address(old->address) + " → " + format_address(listener.address));
        else if (!(*old == listener))
            out.push_back("service file: listener " + listener.name);
    }
    for (const ListenerSpec& listener : before)
        if (find(now, listener.name) == nullptr)
            out.push_back("service file: listener " + listener.name + " removed");
    // The order is the order of the inherited descriptors: a worker may count on it.
    if (out.size() == earlier && !(before == now))
        out.emplace_back("service file: order of the listeners");
}

/// Names only: the values may be secret.
void compare_environment(Lines& out, const Revision& before, const Revision& now) {
    std::set<std::string> names;
    for (const auto& [name, value] : now.file_environment) {
        const auto old = before.file_environment.find(name);
        if (old == before.file_environment.end() || old->second != value)
            names.insert(name);
    }
    for (const auto& [name, value] : before.file_environment)
        if (!now.file_environment.contains(name))
            names.insert(name);
    if (names.empty())
        return;
    const auto& files = now.spec.process.environment_files;
    std::string line = files.size() == 1 ? "environment file " + files[0] + ":"
                                         : std::string("environment files:");
    std::size_t shown = 0;
    for (const std::string& name : names) {
        if (++shown > 8) {
            line += " …";
            break;
        }
        line += (shown == 1 ? " " : ", ") + name;
    }
    out.push_back(std::move(line));
}

void compare_files(Lines& out, const Revision& before, const Revision& now) {
    const bool released = before.release != now.release;
    if (released)
        out.push_back("release: " + (before.release.empty() ? "none" : before.release) + " → " +
                      (now.release.empty() ? "none" : now.release));
    // Under another release every path is another file: one line says it.
    if (!released && before.executable_identity != now.executable_identity)
        out.push_back("executable " + now.executable);
    if (!released && before.program_identity != now.program_identity)
        out.push_back("program " + (now.program_identity.path.empty() ? before.program_identity.path
                                                                      : now.program_identity.path));
    if (released || before.spec.process.inputs != now.spec.process.inputs)
        return;
    for (const auto& input : now.input_identities)
        if (std::find(before.input_identities.begin(), before.input_identities.end(), input) ==
            before.input_identities.end())
            out.push_back("input " + input.path);
}

} // namespace

Differences compare(const Revision& serving, std::uint32_t file_replicas, const Revision& now) {
    Lines out;
    Spec before = with_release(serving.spec, serving.release, now.release);
    before.rollout.replicas = now.spec.rollout.replicas; // told apart
    compare_table(out, "service", before.process, now.spec.process);
    compare_listeners(out, before.listeners, now.spec.listeners);
    compare_table(out, "ready", before.ready, now.spec.ready);
    compare_table(out, "live", before.live, now.spec.live);
    compare_table(out, "rollout", before.rollout, now.spec.rollout);
    compare_table(out, "stop", before.stop, now.spec.stop);
    compare_table(out, "restart", before.restart, now.spec.restart);
    compare_table(out, "recycle", before.recycle, now.spec.recycle);
    // A table that Spec gains later and that is not above must not pass as unchanged.
    if (out.empty() && !(now.spec == before))
        out.emplace_back("service file");
    compare_files(out, serving, now);
    compare_environment(out, serving, now);
    return {std::move(out), file_replicas != now.spec.rollout.replicas};
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
    return now.spec.rollout.in_place && made_from(before) == made_from(now) &&
           before.credentials == now.credentials &&
           before.file_environment == now.file_environment && before.executable == now.executable &&
           before.executable_identity == now.executable_identity &&
           before.program_identity == now.program_identity &&
           same_sockets(before.spec.listeners, now.spec.listeners) &&
           // SVC_READY_FD and WATCHDOG_USEC are in the environment.
           before.spec.ready.on == now.spec.ready.on && before.spec.ready.fd == now.spec.ready.fd &&
           before.spec.live.watchdog == now.spec.live.watchdog;
}

} // namespace svc::daemon
