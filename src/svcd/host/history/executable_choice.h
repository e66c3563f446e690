// Which file a worker is executed from, so that a crash never deploys. Pure.
#pragma once

#include "os/files.h"
#include "rollout/revision.h"

#include <optional>
#include <string>

namespace svc::daemon {

/// The file that was opened when the revision was made, as its fd shows it now.
enum class HeldFile { none, same, overwritten };

struct ExecutableFacts {
    bool path_same = false; ///< the path still leads to the file that it led to then
    bool elf = false;
    HeldFile held = HeldFile::none;
    bool copied = false;   ///< the history has a copy of it
    bool confined = false; ///< its workers run with an AppArmor profile, which belongs to the path
    bool program_same = true; ///< that an interpreter runs, if there is one
};

enum class ExecutableSource { path, held, copy, nothing };

ExecutableSource choose_executable(const ExecutableFacts& facts);

rollout::FileIdentity identity_of(const std::string& path, const os::FileStat& stat);
/// Two files are one: device, inode, size and both times.
bool is_same_file(const rollout::FileIdentity& then, const os::FileStat& now);
/// What the fd of a file that nobody overwrote still shows. Its change time moves when its old name is
/// renamed or removed (or its mode changes), so that alone says nothing: `same_build` decides then.
bool is_same_content(const os::FileStat& then, const os::FileStat& now, bool same_build);

/// "was replaced at 2026-11-22 02:08:09", "is gone". nullopt: there is no such file now.
std::string describe_change(const rollout::FileIdentity& then,
                            const std::optional<os::FileStat>& now);

/// What of a revision is not as it was: "/usr/bin/web changed since revision 6 was made (it was
/// replaced at …)". `changed` names the file, `how` is describe_change().
std::string explain_change(const rollout::Revision& revision, const std::string& changed,
                           const std::string& how, const ExecutableFacts& facts);

} // namespace svc::daemon
