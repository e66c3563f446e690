#include "svcd/host/history/executables.h"

#include "os/executable.h"
#include "os/fd.h"
#include "svcd/host/survival/kept_names.h"

#include <algorithm>
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

/// Another file than then, of which only the content can say that it is the old one: put back, or
/// installed again.
bool may_be_same(const rollout::FileIdentity& then, const std::string& digest,
                 const std::optional<os::FileStat>& now) {
    return then.inode != 0 && now && !is_same_file(then, *now) && now->size == then.size &&
           !digest.empty();
}

/// The file at its path, if its content has to be read.
std::optional<UnreadFile> open_unread(const Contents& contents, const std::string& path) {
    auto opened = os::open_executable(path);
    if (!opened || contents.find(path, opened->stat))
        return std::nullopt;
    return UnreadFile{path, opened->stat, std::move(opened->fd)};
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
    store_.put(kept_executable(number), fd.get());
    held_.insert_or_assign(number, Held{std::move(fd), *stat, std::move(build_id)});
}

void Executables::keep_only(const rollout::State& state) {
    std::erase_if(held_, [&](const auto& entry) {
        if (state.revisions.contains(entry.first))
            return false;
        store_.release(kept_executable(entry.first));
        return true;
    });
    std::erase_if(confined_, [&](const auto& entry) {
        return std::none_of(
            state.revisions.begin(), state.revisions.end(),
            [&](const auto& revision) { return revision.second.executable == entry.first; });
    });
}

int Executables::fd_of(RevisionNumber number) const {
    const auto found = held_.find(number);
    return found == held_.end() ? -1 : found->second.fd.get();
}

void Executables::note_started(const std::string& path, pid_t pid) {
    if (!confined_.contains(path))
        confined_[path] = os::is_confined(pid);
}

bool Executables::is_confined(const Revision& revision) const {
    const auto known = confined_.find(revision.executable);
    return known != confined_.end() && known->second;
}

bool Executables::is_unchanged(const rollout::FileIdentity& then, const std::string& digest,
                               const std::optional<os::FileStat>& now) const {
    // Without an inode nothing was known of it then.
    if (then.inode == 0 || (now && is_same_file(then, *now)))
        return true;
    return may_be_same(then, digest, now) && contents_.find(then.path, *now) == digest;
}

std::optional<UnreadFile> Executables::find_unread(const Revision& revision) const {
    const rollout::FileIdentity& program = revision.program_identity;
    if (!program.path.empty() &&
        may_be_same(program, revision.program_sha256, stat_of(program.path)))
        if (auto unread = open_unread(contents_, program.path))
            return unread;
    const auto executable = stat_of(revision.executable);
    if (is_unchanged(revision.executable_identity, revision.sha256, executable))
        return std::nullopt;
    // Also of one that is held: put back at its path, it is better executed there.
    if (may_be_same(revision.executable_identity, revision.sha256, executable))
        if (auto unread = open_unread(contents_, revision.executable))
            return unread;
    if (revision.executable_kind != rollout::ExecutableKind::elf || revision.sha256.empty())
        return std::nullopt;
    const Held* held = held_for(revision);
    if (held != nullptr && state_of(*held) == HeldFile::same)
        return std::nullopt; // it goes before a copy
    auto copy = open_copy(revision);
    if (!copy || contents_.find(copy->path, copy->stat))
        return std::nullopt;
    return std::move(*copy);
}

std::string Executables::learn(const UnreadFile& file, std::string digest) {
    const auto now = os::stat_fd(file.fd.get());
    if (!now || !(*now == file.stat))
        digest.clear();
    contents_.keep(file.path, file.stat, digest);
    return digest;
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

Result<UnreadFile> Executables::open_copy(const Revision& revision) const {
    auto opened = history_.open_copy(revision.number);
    if (!opened)
        return opened.error();
    const auto stat = os::stat_fd(opened->get());
    if (!stat || stat->size != revision.executable_identity.size ||
        os::read_build_id(opened->get()) != revision.build_id)
        return Error{"the copy kept with revision " + std::to_string(revision.number) +
                     " is another file"};
    return UnreadFile{"copy " + std::to_string(revision.number), *stat, std::move(*opened)};
}

Result<UniqueFd> Executables::copy_of(const Revision& revision) const {
    auto copy = open_copy(revision);
    if (!copy)
        return copy.error();
    // One that was too large to be read is known by its size and its build id.
    if (!revision.sha256.empty() && contents_.find(copy->path, copy->stat) != revision.sha256)
        return Error{"the copy kept with revision " + std::to_string(revision.number) +
                     " is another file"};
    return std::move(copy->fd);
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
        facts.confined = is_confined(revision);
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
