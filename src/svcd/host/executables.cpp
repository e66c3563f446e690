#include "svcd/host/executables.h"

#include "os/executable.h"
#include "os/fd.h"

#include <cerrno>

namespace svc::daemon {

using rollout::Revision;
using rollout::RevisionNumber;

namespace {

/// The file as it was when it was taken?
template <class Held>
HeldFile state_of(const Held& held) {
    const auto now = os::stat_fd(held.fd.get());
    if (!now)
        return HeldFile::overwritten;
    const bool same_build = held.stat.changed_ns == now->changed_ns ||
                            os::read_build_id(held.fd.get()) == held.build_id;
    return is_same_content(held.stat, *now, same_build) ? HeldFile::same : HeldFile::overwritten;
}

std::optional<os::FileStat> stat_of(const std::string& path) {
    auto found = os::stat_file(path);
    return found ? std::optional(*found) : std::nullopt;
}

/// The same file, or another one with the same content: the old one was put back, or installed again.
bool is_unchanged(const rollout::FileIdentity& then, const std::string& digest,
                  const std::optional<os::FileStat>& now) {
    // Without an inode nothing was known of it then.
    if (then.inode == 0 || (now && is_same_file(then, *now)))
        return true;
    return now && now->size == then.size && !digest.empty() && os::read_digest(then.path) == digest;
}

} // namespace

void Executables::hold(RevisionNumber number, const Revision& revision, UniqueFd fd) {
    if (!fd)
        return;
    const auto stat = os::stat_fd(fd.get());
    const rollout::FileIdentity& then = revision.executable_identity;
    if (!stat || stat->size != then.size)
        return;
    // A copy of it has other times.
    const bool itself = stat->device == then.device && stat->inode == then.inode;
    std::string build_id = os::read_build_id(fd.get());
    if (build_id != revision.build_id || (itself && stat->modified_ns != then.modified_ns))
        return;
    held_.insert_or_assign(number, Held{std::move(fd), *stat, std::move(build_id)});
}

void Executables::keep_only(const rollout::State& state) {
    const auto dropped = [&](const auto& entry) { return !state.revisions.contains(entry.first); };
    std::erase_if(held_, dropped);
    std::erase_if(confined_, dropped);
}

int Executables::fd_of(RevisionNumber number) const {
    const auto found = held_.find(number);
    return found == held_.end() ? -1 : found->second.fd.get();
}

void Executables::note_started(RevisionNumber number, pid_t pid) {
    if (!confined_.contains(number))
        confined_[number] = os::is_confined(pid);
}

const Executables::Held* Executables::held_for(const Revision& revision) const {
    if (const auto own = held_.find(revision.number); own != held_.end())
        return &own->second;
    const rollout::FileIdentity& file = revision.executable_identity;
    for (const auto& [number, held] : held_)
        if (held.stat.device == file.device && held.stat.inode == file.inode &&
            held.stat.size == file.size && held.stat.modified_ns == file.modified_ns &&
            held.build_id == revision.build_id)
            return &held;
    return nullptr;
}

Result<UniqueFd> Executables::copy_of(const Revision& revision) const {
    auto copy = history_.open_copy(revision.number);
    if (!copy)
        return copy;
    const auto stat = os::stat_fd(copy->get());
    if (!stat || stat->size != revision.executable_identity.size ||
        os::read_build_id(copy->get()) != revision.build_id ||
        os::read_digest(copy->get()) != revision.sha256)
        return Error{"the copy kept with revision " + std::to_string(revision.number) +
                     " is another file"};
    return copy;
}

Result<Executables::Found> Executables::find(const Revision& revision) const {
    const auto executable = stat_of(revision.executable);
    ExecutableFacts facts;
    facts.path_same = is_unchanged(revision.executable_identity, revision.sha256, executable);
    facts.elf = revision.executable_kind == rollout::ExecutableKind::elf;
    const auto program = revision.program_identity.path.empty()
                             ? std::nullopt
                             : stat_of(revision.program_identity.path);
    facts.program_same = is_unchanged(revision.program_identity, revision.program_sha256, program);
    const Held* held = held_for(revision);
    Result<UniqueFd> copy{UniqueFd()};
    if (!facts.path_same && facts.elf) {
        if (held != nullptr)
            facts.held = state_of(*held);
        const auto confined = confined_.find(revision.number);
        facts.confined = confined != confined_.end() && confined->second;
        if (facts.held != HeldFile::same) {
            copy = copy_of(revision);
            facts.copied = copy.ok();
        }
    }
    Found found;
    found.source = choose_executable(facts);
    switch (found.source) {
    case ExecutableSource::path:
        return found;
    case ExecutableSource::held: {
        auto fd = os::duplicate(held->fd.get());
        if (!fd)
            return fd.error();
        found.fd = std::move(*fd);
        return found;
    }
    case ExecutableSource::copy:
        found.fd = std::move(*copy);
        return found;
    case ExecutableSource::nothing:
        break;
    }
    if (!facts.program_same)
        return Error{explain_change(revision, revision.program_identity.path,
                                    describe_change(revision.program_identity, program), facts),
                     ESTALE};
    return Error{explain_change(revision, revision.executable,
                                describe_change(revision.executable_identity, executable), facts),
                 ESTALE};
}

} // namespace svc::daemon
