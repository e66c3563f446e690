#include "svcd/front/trial.h"

#include "base/text.h"
#include "wire/service_file.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::daemon {

namespace {

std::vector<std::string> names_of(const std::vector<rollout::ListenerSpec>& listeners) {
    std::vector<std::string> names;
    for (const auto& listener : listeners)
        names.push_back(listener.name);
    return names;
}

void move_listeners(rollout::Spec& spec, const Trial& trial, std::vector<std::string>& mistakes) {
    const auto names = names_of(spec.listeners);
    for (const auto& [name, address] : trial.listen) {
        if (name.empty() && names.size() != 1) {
            mistakes.push_back("--listen " + format_address(address) +
                               ": which listener? write NAME=" + format_address(address) +
                               "; there are: " + join(names, ", "));
            continue;
        }
        const auto found = name.empty()
                               ? spec.listeners.begin()
                               : std::find_if(spec.listeners.begin(), spec.listeners.end(),
                                              [&](const auto& each) { return each.name == name; });
        if (found == spec.listeners.end())
            mistakes.push_back("--listen " + name + "=" + format_address(address) +
                               ": there is no such listener; there are: " + join(names, ", "));
        else
            found->address = address;
    }
    for (const auto& wrong : wire::check_spec(spec))
        if (!trial.listen.empty())
            mistakes.push_back("--listen: " + wrong.key + ": " + wrong.message);
}

} // namespace

std::vector<std::string> adapt_to_trial(rollout::Spec& spec, const Trial& trial) {
    std::vector<std::string> mistakes;
    // Their address is the real service's: it would be taken from that one, or every reload be refused.
    spec.metrics.reset();
    move_listeners(spec, trial, mistakes);
    spec.log = {};
    spec.log.output = rollout::LogOutput::prefix;
    if (::geteuid() != 0) {
        spec.process.user.clear();
        spec.process.group.clear();
        spec.process.supplementary_groups.clear();
    }
    return mistakes;
}

Result<void> check_trial_directory(const std::string& directory) {
    struct stat found {};
    if (::lstat(directory.c_str(), &found) != 0)
        return system_error("--try: cannot look at " + directory, errno);
    const bool ours =
        S_ISDIR(found.st_mode) && found.st_uid == ::geteuid() && (found.st_mode & 022) == 0;
    if (!ours || !std::filesystem::path(directory).filename().string().starts_with("svc-try-"))
        return Error{
            "--try " + directory +
            ": it is removed at the end, and this is no directory that was made for it; use "
            "`svc try`"};
    return {};
}

void remove_trial_directory(const Trial& trial) {
    std::error_code unknown; // nobody is left to hear of it
    if (check_trial_directory(trial.directory))
        std::filesystem::remove_all(trial.directory, unknown);
}

} // namespace svc::daemon
