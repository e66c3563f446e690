// What a worker that dies between rollouts is started from: the guarantee that svc check and svc status
// print. Pure.
#pragma once

#include "rollout/revision.h"
#include "wire/service_file.h"

#include <string>

namespace svc::wire {

/// immutable_release: executable or program lies in a release directory that was resolved when the
/// revision was made. single_executable: an ELF file is held open, and runs even when its path is
/// another file by then. none: a changed file is found, and the worker is not started.
enum class GuaranteeKind { immutable_release, single_executable, none };

struct Guarantee {
    GuaranteeKind kind = GuaranteeKind::none;
    std::string why; ///< a sentence, its end without a full stop
};

Guarantee guarantee_of(const rollout::Revision& revision);
/// "single executable"
std::string describe(GuaranteeKind kind);
/// "single executable: …"
std::string describe(const Guarantee& guarantee);

/// For `svc check`: what happens when a worker dies, and what an undo brings back. `made` is the revision that the
/// file would be on this machine; without an executable it is not known what the program is.
std::vector<Paragraph> explain_kept(const rollout::Revision& made);

} // namespace svc::wire
