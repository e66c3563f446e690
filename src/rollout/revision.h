// Revision: an immutable, numbered snapshot of what a worker is started from.
#pragma once

#include "rollout/spec.h"

namespace svc::rollout {

using RevisionNumber = std::uint64_t; ///< from 1; 0 is "none"

/// What tells a file from its replacement. All zero: it did not exist.
struct FileIdentity {
    std::string path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;

    bool operator==(const FileIdentity&) const = default;
};

/// What a file is to execve(2). Only an ELF file can be executed by a fd that nobody inherits.
enum class ExecutableKind { unknown, elf, script };

struct Credentials {
    bool set = false; ///< false: the worker keeps the supervisor's own
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups;
    std::string user; ///< HOME, USER, LOGNAME and SHELL are set from the user's entry
    std::string home;
    std::string shell;

    bool operator==(const Credentials&) const = default;
};

enum class CauseKind { boot, reload, apply, signal, undo };

struct Cause {
    CauseKind kind = CauseKind::boot;
    std::string text;      ///< "svc reload --cause 'CVE fix'", what apply found changed
    std::uint32_t uid = 0; ///< who asked

    bool operator==(const Cause&) const = default;
};

/// "boot", "reload: CVE fix", "signal: SIGHUP".
std::string describe(const Cause& cause);

/// Who moves it: a request makes a candidate; the verdict on its rollout makes it current,
/// failed or superseded; the next completed one makes it retired. No way leads back.
enum class RevisionState { candidate, current, retired, failed, superseded };

struct Revision {
    RevisionNumber number = 0;
    RevisionState state = RevisionState::candidate;
    std::string reason; ///< of failed and superseded
    Spec spec;
    std::string executable;           ///< absolute path that is executed
    std::vector<std::string> command; ///< argv, expanded
    std::string release;              ///< resolved
    std::map<std::string, std::string>
        file_environment; ///< from environment_files; may be secret: never shown
    Credentials credentials;
    FileIdentity executable_identity;
    ExecutableKind executable_kind = ExecutableKind::unknown;
    std::string build_id; ///< of an ELF file, in hexadecimal; empty: it has none
    std::string sha256;   ///< of the executable; empty: it is too large, or cannot be read
    /// Of what an interpreter runs: app.py of "python3 app.py". Without a path: there is none.
    FileIdentity program_identity;
    std::string program_sha256;
    std::vector<FileIdentity> input_identities;
    Cause cause;
    RevisionNumber made_from = 0; ///< of an undo: the revision that it repeats
    bool in_place = false; ///< the workers of the one before can become it by reloading themselves
    WallTime made_at{};
    std::string service_file; ///< its text as read; empty: it was a command line

    bool operator==(const Revision&) const = default;
};

} // namespace svc::rollout
