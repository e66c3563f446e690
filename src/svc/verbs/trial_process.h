// The supervisor of a trial, as a child of ours.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace svc::cli {

/// svcd in a process group of its own, so that Ctrl-C is ours to take. It gets SIGQUIT if we die in whatever way
/// (PR_SET_PDEATHSIG, prctl(2)): then it kills its workers and ends.
class TrialProcess {
public:
    /// svcd beside this program, or in the tree that both were built in, or in PATH.
    static Result<std::string> find();
    /// `arguments` begin with argv[0].
    static Result<TrialProcess> start(const std::string& program,
                                      const std::vector<std::string>& arguments);

    [[nodiscard]] int pidfd() const { return pidfd_.get(); }     ///< readable once it has ended
    [[nodiscard]] int output() const { return output_.get(); }   ///< what it writes; non-blocking
    [[nodiscard]] int manager() const { return manager_.get(); } ///< its NOTIFY_SOCKET
    enum class Said { nothing, news, ready };
    /// Something came to its service manager, which we are: what it said if it was it.
    [[nodiscard]] Said take_news() const;
    void send(int signal) const;
    /// Once it has ended: its exit status, -1 if a signal ended it.
    [[nodiscard]] int end() const;

private:
    TrialProcess() = default;
    pid_t pid_ = 0;
    UniqueFd pidfd_;
    UniqueFd output_;
    UniqueFd manager_;
};

} // namespace svc::cli
