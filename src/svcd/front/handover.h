// Handover: what a supervisor passes to the program that replaces it in the same process.
#pragma once

#include "svcd/host/survival/passed.h"

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace svc::daemon {

using NamedFds = std::vector<std::pair<std::string, int>>;

/// "svc-handover 1", then a line a fd: its number and its name. Pure.
std::string encode_handover(const NamedFds& fds);
/// Bounded, and every number and name checked; nothing is known of the fds yet.
Result<NamedFds> decode_handover(std::string_view text);

/// The program that passed them, to go back to (of the next exec, the one that executes now).
inline constexpr const char* previous_program = "svc.previous";
/// Its svc-launch, which may be gone from its path together with it.
inline constexpr const char* previous_launcher = "svc.previous-launcher";

struct Handover {
    std::uint64_t nofile_soft =
        0;        ///< RLIMIT_NOFILE's, before the first of these programs raised it
    NamedFds fds; ///< as they came: the way back needs them once more
    Passed passed;
    /// Copies of all, which keep them open whatever becomes of `passed`, under the numbers of `fds`.
    std::vector<UniqueFd> spares;
    UniqueFd previous;
    UniqueFd previous_launch; ///< of use to nobody but `previous`
    std::string problem;      ///< why the program in between could not go on; empty: there was none
};
/// From SVC_HANDOVER, which is unset: "NUMBER:LIMIT", a memory file and nofile_soft. nullopt: there is none, this process
/// was started anew.
Result<std::optional<Handover>> take_handover();

/// Why a program that was gone over to could not go on, told to the one that goes on in its place.
inline constexpr const char* upgrade_problem_variable = "SVC_UPGRADE_PROBLEM";

/// What a supervisor asks the program at its path before it gives way to it: whether it can go on from the
/// state in the file of fd 3. Returns the exit status: 0, or 1 after a sentence on stderr.
inline constexpr const char* check_state_option = "--check-state";
inline constexpr int checked_state_fd = 3;
int check_state(int fd);

/// Executes `program` with these fds. Returns only if that failed: then everything is as it was.
Error execute_with(int program, const NamedFds& fds, std::uint64_t nofile_soft,
                   const std::vector<std::string>& arguments, std::vector<std::string> environment);

} // namespace svc::daemon
