#include "svcd/front/compare.h"

#include <algorithm>
#include <set>

namespace svc::daemon {

namespace {

using rollout::ListenerSpec;
using rollout::ProcessSpec;
using rollout::Revision;
using rollout::Spec;

class Lines {
public:
    template <class T>
    void key(std::string_view name, const T& before, const T& now) {
        if (!(before == now))
            lines.push_back("service file: " + std::string(name));
    }
    std::vector<std::string> lines;
};

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

void compare_service(Lines& out, const ProcessSpec& before, const ProcessSpec& now) {
    out.key("service.command", before.command, now.command);
    out.key("service.release", before.release, now.release);
    out.key("service.inputs", before.inputs, now.inputs);
    out.key("service.check", before.check, now.check);
    out.key("service.check_timeout", before.check_timeout, now.check_timeout);
    out.key("service.directory", before.directory, now.directory);
    out.key("service.user", before.user, now.user);
    out.key("service.group", before.group, now.group);
    out.key("service.supplementary_groups", before.supplementary_groups, now.supplementary_groups);
    out.key("service.environment", before.environment, now.environment);
    out.key("service.environment_files", before.environment_files, now.environment_files);
    out.key("service.umask", before.umask, now.umask);
    out.key("service.limits", before.limits, now.limits);
    out.key("service.nice", before.nice, now.nice);
    out.key("service.oom_score_adj", before.oom_score_adj, now.oom_score_adj);
    out.key("service.no_new_privileges", before.no_new_privileges, now.no_new_privileges);
    out.key("service.session", before.session, now.session);
    out.key("service.listen_pid", before.listen_pid, now.listen_pid);
    out.key("service.error_output", before.error_output, now.error_output);
}

void compare_behaviour(Lines& out, const Spec& before, const Spec& now) {
    out.key("ready.on", before.ready.on, now.ready.on);
    out.key("ready.notify_access", before.ready.notify_access, now.ready.notify_access);
    out.key("ready.timeout", before.ready.timeout, now.ready.timeout);
    out.key("ready.delay", before.ready.delay, now.ready.delay);
    out.key("rollout.max_surge", before.rollout.max_surge, now.rollout.max_surge);
    out.key("rollout.max_unavailable", before.rollout.max_unavailable, now.rollout.max_unavailable);
    out.key("rollout.min_ready", before.rollout.min_ready, now.rollout.min_ready);
    out.key("rollout.progress_deadline", before.rollout.progress_deadline,
            now.rollout.progress_deadline);
    out.key("rollout.max_total", before.rollout.max_total, now.rollout.max_total);
    out.key("stop.pre_stop", before.stop.pre_stop, now.stop.pre_stop);
    out.key("stop.post_stop", before.stop.post_stop, now.stop.post_stop);
    out.key("stop.post_stop_timeout", before.stop.post_stop_timeout, now.stop.post_stop_timeout);
    out.key("stop.signal", before.stop.signal, now.stop.signal);
    out.key("stop.grace", before.stop.grace, now.stop.grace);
    out.key("stop.min_stop", before.stop.min_stop, now.stop.min_stop);
    out.key("stop.grace_max", before.stop.grace_max, now.stop.grace_max);
    out.key("restart.policy", before.restart.policy, now.restart.policy);
    out.key("restart.backoff.min", before.restart.backoff_min, now.restart.backoff_min);
    out.key("restart.backoff.max", before.restart.backoff_max, now.restart.backoff_max);
}

const ListenerSpec* find(const std::vector<ListenerSpec>& in, const std::string& name) {
    const auto found =
        std::find_if(in.begin(), in.end(), [&](const auto& each) { return each.name == name; });
    return found == in.end() ? nullptr : &*found;
}

void compare_listeners(Lines& out, const std::vector<ListenerSpec>& before,
                       const std::vector<ListenerSpec>& now) {
    const std::size_t earlier = out.lines.size();
    for (const ListenerSpec& listener : now) {
        const ListenerSpec* old = find(before, listener.name);
        if (old == nullptr)
            out.lines.push_back("service file: listener " + listener.name + " added");
        else if (old->address != listener.address)
            out.lines.push_back("service file: listener " + listener.name + ": " +
                                format_address(old->address) + " → " +
                                format_address(listener.address));
        else
            out.key("listener " + listener.name, *old, listener);
    }
    for (const ListenerSpec& listener : before)
        if (find(now, listener.name) == nullptr)
            out.lines.push_back("service file: listener " + listener.name + " removed");
    // The order is the order of the inherited descriptors: a worker may count on it.
    if (out.lines.size() == earlier)
        out.key("order of the listeners", before, now);
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
    out.lines.push_back(std::move(line));
}

void compare_files(Lines& out, const Revision& before, const Revision& now) {
    const bool released = before.release != now.release;
    if (released)
        out.lines.push_back("release: " + (before.release.empty() ? "none" : before.release) +
                            " → " + (now.release.empty() ? "none" : now.release));
    // Under another release every path is another file: one line says it.
    if (!released && before.executable_identity != now.executable_identity)
        out.lines.push_back("executable " + now.executable);
    if (released || before.spec.process.inputs != now.spec.process.inputs)
        return;
    for (const auto& input : now.input_identities)
        if (std::find(before.input_identities.begin(), before.input_identities.end(), input) ==
            before.input_identities.end())
            out.lines.push_back("input " + input.path);
}

} // namespace

Differences compare(const Revision& serving, std::uint32_t file_replicas, const Revision& now) {
    Lines out;
    const Spec before = with_release(serving.spec, serving.release, now.release);
    compare_service(out, before.process, now.spec.process);
    compare_listeners(out, before.listeners, now.spec.listeners);
    compare_behaviour(out, before, now.spec);
    // Whatever Spec gains later and the lists above do not know must not pass as unchanged.
    Spec alike = now.spec;
    alike.rollout.replicas = before.rollout.replicas;
    if (out.lines.empty() && !(alike == before))
        out.lines.emplace_back("service file");
    compare_files(out, serving, now);
    compare_environment(out, serving, now);
    return {std::move(out.lines), file_replicas != now.spec.rollout.replicas};
}

} // namespace svc::daemon
