// This process's own program, and others that are run for a short answer.
#pragma once

#include "os/file_work.h"

#include <csignal>
#include <string>
#include <sys/types.h>
#include <vector>

namespace svc::os {

/// The file that this process executes, open for execution, whatever is at its path now (proc(5),
/// /proc/self/exe).
Result<UniqueFd> open_own_program();
/// Where it was executed from, without the mark of a file that was replaced since.
Result<std::string> own_program_path();
/// A file to be executed by this fd: the dry run and the exec are of the same file, whatever happens at its
/// path in between.
Result<UniqueFd> open_program(const std::string& path);
/// Both are the same file with the same content.
bool is_same_program(int one, int other);

/// `program` with `passed` (unless it is -1) as its fd 3, in a child of ours, stdout and stderr together. The
/// answer is what it wrote, if it ended with status 0; else the error says how it ended and begins with
/// what it wrote. `arguments` begin with argv[0]. A path is looked for in PATH.
Result<FileWork> start_program(int program, const std::vector<std::string>& arguments, int passed);
Result<FileWork> start_program(const std::vector<std::string>& arguments);

/// Across the next exec of this process only: what is close-on-exec again when it failed is the caller's to
/// say.
Result<void> set_close_on_exec(int fd, bool close);
/// Every fd from 3 on: what a library opened without it must not go over to another program.
Result<void> close_all_on_exec();
/// Executes `program` in this very process (same pid; children, pending signals and the signal mask stay:
/// execve(2)). Only an error returns.
Error execute(int program, const std::vector<std::string>& arguments,
              const std::vector<std::string>& environment);
/// All signals wait from now on: a handler does not survive an exec, and a HUP in between would end us.
sigset_t block_all_signals(); ///< returns what was blocked before
void restore_signals(const sigset_t& before);
/// After an exec by fd some kernels show its number as the process's name.
void set_process_name(const std::string& name);

} // namespace svc::os
