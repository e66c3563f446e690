// What differs between two revisions, or between one and the files as they are now. Pure.
#pragma once

#include "rollout/revision.h"
#include "wire/control.h"

#include <string>
#include <vector>

namespace svc::daemon {

/// setting: a key of the service file; its values are for `svc diff` alone, which knows who asks. place:
/// its values say where something is, and belong to the line. detail: not said of its own, because
/// another line implies it.
enum class DifferenceKind { setting, place, detail };

struct Difference {
    DifferenceKind kind = DifferenceKind::setting;
    wire::Difference text;
};

struct Differences {
    /// "service file: rollout.max_surge", "release", "executable /usr/bin/web". `replicas` is not among
    /// them. Of environment files there are names of variables, never values.
    std::vector<Difference> found;
    /// The service file's own `replicas` differs from what it said last.
    std::optional<wire::Difference> replicas;

    /// One for each, for a person; what implies another stands for it.
    [[nodiscard]] std::vector<std::string> lines() const;
    /// All of them, with their values.
    [[nodiscard]] std::vector<wire::Difference> whole() const;
    [[nodiscard]] bool none() const { return found.empty() && !replicas; }
};

/// What stands before a key of the service file.
inline constexpr std::string_view service_file_mark = "service file: ";

/// `file_replicas` is what the service file last said (State::file_replicas): a changed `replicas`
/// alone scales and makes no revision, so the serving revision's own number may be an older one.
Differences compare(const rollout::Revision& serving, std::uint32_t file_replicas,
                    const rollout::Revision& now);

/// strategy = "in-place", and a worker of `before` that reloads itself can be one of `now`: it was
/// started from the same executable, command, directory, environment and user, with the same sockets.
/// (What the program reads from its inputs is what a reload is for.)
bool reloads_in_place(const rollout::Revision& before, const rollout::Revision& now);
/// What keeps it from that: "the command", "a listener". Empty if nothing does.
std::vector<std::string> bars_in_place(const rollout::Revision& before,
                                       const rollout::Revision& now);

} // namespace svc::daemon
