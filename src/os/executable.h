// What a worker is executed from: open files, what tells one from another, and what runs them.
#pragma once

#include "base/unique_fd.h"
#include "os/files.h"

#include <optional>

namespace svc::os {

enum class FileKind { other, elf, script };

struct OpenedFile {
    UniqueFd fd; ///< O_RDONLY: who writes to the file gets no ETXTBSY from it
    FileStat stat;
    FileKind kind = FileKind::other;
    std::string build_id; ///< of an ELF file (NT_GNU_BUILD_ID), hexadecimal; empty: it has none
};
/// A regular file; anything else is an error. Whether it may be executed is not asked.
Result<OpenedFile> open_executable(const std::string& path);

/// fstat(2).
Result<FileStat> stat_fd(int fd);

/// A note of type NT_GNU_BUILD_ID of an ELF file, in hexadecimal (elf(5)); empty: there is none, or
/// it is not a file of this machine's word size.
std::string read_build_id(int fd);

/// SHA-256 of the whole file, in hexadecimal; empty: it is larger than `digest_limit`, and reading it
/// would hold everything else up, or it cannot be read.
inline constexpr std::uint64_t digest_limit = 32u << 20;
std::string read_digest(int fd);

/// The words of a command that could name the file that its interpreter runs: none unless the
/// program is a known interpreter (python3, ruby, node, java -jar, …) or env(1). Pure.
std::vector<std::string> program_candidates(const std::vector<std::string>& command);
/// The first of them that is a regular file, absolute; relative ones are seen from `directory`.
std::optional<std::string> find_program(const std::vector<std::string>& command,
                                        const std::string& directory);

/// Whether the process has an AppArmor profile that it got by the path of its executable: the same file
/// executed by a fd could run without it. The kernel looks a profile up by the path of the file; a file
/// that was removed has none, and the child of an unconfined process stays unconfined then
/// (security/apparmor/domain.c, "name lookup ix on error").
bool is_confined(pid_t pid);
/// What decides it: the labels of the worker and of ourselves, from /proc/PID/attr/apparmor/current;
/// nullopt: it cannot be read, and counts as confined. A profile that we have too, a container's say, was
/// inherited and not found by a path: the kernel keeps it, or refuses the execution. Pure.
bool has_own_profile(const std::optional<std::string>& worker,
                     const std::optional<std::string>& ours);

} // namespace svc::os
