// From a service file (or the command line's own spec) to a complete revision.
#pragma once

#include "base/unique_fd.h"
#include "rollout/revision.h"
#include "svcd/settings.h"

#include <string>
#include <vector>

namespace svc::daemon {

/// The whole of what is wrong, not only the first.
struct Loaded {
    /// Complete but for its number and its digests (host/history/staging.h); meaningful only if ok().
    rollout::Revision revision;
    std::vector<std::string> check; ///< argv of service.check, expanded; empty: none
    /// Each says where: "web.toml:12:3: …", "/etc/web.env:4: …", "/srv/web/current: …".
    std::vector<std::string> mistakes;
    UniqueFd executable; ///< open, if it is an ELF file that we may read
    enum class Flaw {
        none,
        gone,           ///< an older revision: what it was made from is not as it was
        names_unusable, ///< something that the file names is not there or not as it must be
        file_wrong,
        file_unreadable,
    };
    Flaw flaw = Flaw::none;

    [[nodiscard]] bool ok() const { return flaw == Flaw::none; }
};

/// Reads the service file and everything that it names: the release directory is resolved,
/// ${release} expanded, environment files read, executable, user and groups looked up, the
/// identities of the files taken. Reads only; changes nothing.
Loaded load_revision(const Settings& settings, rollout::Cause cause, WallTime now);

} // namespace svc::daemon
