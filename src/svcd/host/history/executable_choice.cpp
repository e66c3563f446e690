#include "svcd/host/history/executable_choice.h"

#include "base/text.h"
#include "os/clock.h"

namespace svc::daemon {

ExecutableSource choose_executable(const ExecutableFacts& facts) {
    if (!facts.program_same)
        return ExecutableSource::nothing;
    if (facts.path_same)
        return ExecutableSource::path;
    // A script's interpreter opens it by a name that it is given, which would have to be the fd's and
    // be inherited. And a fd has no path that a profile could be attached by.
    if (!facts.elf || facts.confined)
        return ExecutableSource::nothing;
    if (facts.held == HeldFile::same)
        return ExecutableSource::held;
    return facts.copied ? ExecutableSource::copy : ExecutableSource::nothing;
}

rollout::FileIdentity identity_of(const std::string& path, const os::FileStat& stat) {
    return rollout::FileIdentity{.path = path,
                                 .device = stat.device,
                                 .inode = stat.inode,
                                 .size = stat.size,
                                 .modified_ns = stat.modified_ns,
                                 .changed_ns = stat.changed_ns};
}

bool is_same_file(const rollout::FileIdentity& then, const os::FileStat& now) {
    return then.device == now.device && then.inode == now.inode && then.size == now.size &&
           then.modified_ns == now.modified_ns && then.changed_ns == now.changed_ns;
}

bool is_same_content(const os::FileStat& then, const os::FileStat& now, bool same_build) {
    return then.size == now.size && then.modified_ns == now.modified_ns &&
           (then.changed_ns == now.changed_ns || same_build);
}

std::string describe_change(const rollout::FileIdentity& then,
                            const std::optional<os::FileStat>& now) {
    const auto at = [](std::int64_t nanoseconds) {
        return " at " + os::local_time_text(WallTime(Duration(nanoseconds / 1000)));
    };
    if (!now)
        return "is gone";
    if (then.device != now->device || then.inode != now->inode)
        return "was replaced" + at(now->changed_ns);
    if (then.size != now->size || then.modified_ns != now->modified_ns)
        return "was overwritten" + at(now->modified_ns);
    return "was changed (its mode, its owner or its links)" + at(now->changed_ns);
}

std::string explain_change(const rollout::Revision& revision, const std::string& changed,
                           const std::string& how, const ExecutableFacts& facts) {
    std::string text = printable(changed, 400) + " changed since revision " +
                       std::to_string(revision.number) + " was made (it " + how;
    if (facts.program_same && facts.elf && facts.confined)
        text += "; the file that is held open would run without its AppArmor profile";
    else if (facts.program_same && facts.elf && facts.held == HeldFile::overwritten &&
             !facts.path_same)
        text += "; so was the file that is held open";
    return text + ")";
}

} // namespace svc::daemon
