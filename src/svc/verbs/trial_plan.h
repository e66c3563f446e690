// What a trial runs, and what is different in it from what the service file says.
#pragma once

#include "base/result.h"
#include "svc/options/options.h"
#include "svc/talk/console.h"
#include "wire/service_file.h"

#include <string>
#include <vector>

namespace svc::cli {

/// A directory that only we use, with what it has in it until the end of this. The supervisor of the trial removes it,
/// too: we may be killed.
class TrialDirectory {
public:
    static Result<TrialDirectory> make();
    TrialDirectory(TrialDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TrialDirectory& operator=(TrialDirectory&&) = delete;
    TrialDirectory(const TrialDirectory&) = delete;
    TrialDirectory& operator=(const TrialDirectory&) = delete;
    ~TrialDirectory();
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    explicit TrialDirectory(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

struct TrialPlan {
    std::string name; ///< of the service
    std::string file; ///< empty: a command
    TrialDirectory directory;
    std::string svcd;
    std::vector<std::string> arguments;           ///< of svcd, its name first
    std::vector<std::string> notes;               ///< a sentence for each thing that is different
    std::vector<rollout::ListenerSpec> listeners; ///< as the service file has them

    /// What can be done if it did not start because of `error`, or empty.
    [[nodiscard]] std::string remedy(const std::string& error) const;
};

/// The file that the options name, or the only one here. EINVAL: it is wrong, or cannot be read; without a message, its
/// mistakes were told. ENOTUNIQ: there are several.
Result<TrialPlan> plan_trial(const Options& options, const Console& console);

} // namespace svc::cli
