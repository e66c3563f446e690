// What differs between the revision that serves and the files as they are now. Pure.
#pragma once

#include "rollout/revision.h"

#include <string>
#include <vector>

namespace svc::daemon {

struct Differences {
    /// One line each, for a person: "service file: rollout.max_surge", "release: /srv/a → /srv/b",
    /// "executable /usr/bin/web". `replicas` is not among them.
    std::vector<std::string> lines;
    /// The service file's own `replicas` differs from what it said last.
    bool replicas = false;

    [[nodiscard]] bool none() const { return lines.empty() && !replicas; }
};

/// `file_replicas` is what the service file last said (State::file_replicas): a changed `replicas`
/// alone scales and makes no revision, so the serving revision's own number may be an older one.
Differences compare(const rollout::Revision& serving, std::uint32_t file_replicas,
                    const rollout::Revision& now);

/// strategy = "in-place", and a worker of `before` that reloads itself can be one of `now`: it was
/// started from the same executable, command, directory, environment and user, with the same sockets.
/// (What the program reads from its inputs is what a reload is for.)
bool reloads_in_place(const rollout::Revision& before, const rollout::Revision& now);

} // namespace svc::daemon
