#include "svc/verbs/trial_plan.h"

#include "base/text.h"
#include "os/files.h"
#include "svc/talk/conversation.h"
#include "svc/verbs/service_text.h"
#include "svc/verbs/trial_process.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::cli {
namespace fs = std::filesystem;
namespace {

/// Of the files here those that look like a service's, and not like Cargo.toml or pyproject.toml.
std::vector<std::string> service_files_here() {
    std::vector<std::string> found;
    std::error_code unknown;
    for (const auto& entry : fs::directory_iterator(".", unknown)) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with(".toml"))
            continue;
        const auto text = os::read_file(name, wire::service_file_limit);
        if (text && ("\n" + *text).find("\n[service]") != std::string::npos)
            found.push_back(name);
    }
    std::sort(found.begin(), found.end());
    return found;
}

Result<std::string> find_file(const std::string& given) {
    std::error_code unknown;
    if (given.find('/') != std::string::npos || given.ends_with(".toml") ||
        fs::exists(given, unknown))
        return given;
    if (!given.empty())
        return usual_service_file(given);
    auto here = service_files_here();
    if (here.size() == 1)
        return here.front();
    if (here.empty())
        return Error{"no service file here: `svc try FILE` tries another one, and "
                     "`svc try --listen 8080 -- COMMAND` needs none",
                     EINVAL};
    return Error{"several service files are here, name one of them: " + join(here, ", "), ENOTUNIQ};
}

/// What a file says and a trial does not do.
std::vector<std::string> differences(const rollout::Spec& spec) {
    std::vector<std::string> notes;
    const auto& process = spec.process;
    const bool other =
        !process.user.empty() || !process.group.empty() || !process.supplementary_groups.empty();
    if (other && ::geteuid() != 0)
        notes.push_back(
            "Not in this trial: user and group. The workers run as you, because only root can "
            "become somebody else.");
    if (spec.limits)
        notes.push_back(
            "Not in this trial: [limits]. They need a cgroup, which svcd@.service has.");
    if (spec.log.output == rollout::LogOutput::file)
        notes.push_back("Not in this trial: " + spec.log.file +
                        ". What the workers write comes here.");
    return notes;
}

Result<TrialPlan> plan_file(const Options& options, const Console& console) {
    auto file = find_file(options.name);
    if (!file)
        return file.error();
    auto parsed = read_service_file(*file);
    if (!parsed)
        return Error{parsed.error().message, EINVAL};
    for (const auto& mistake : parsed->mistakes)
        console.err(safe(wire::format_mistake(*file, mistake)) + '\n');
    if (!parsed->mistakes.empty())
        return Error{"", EINVAL};
    auto directory = TrialDirectory::make();
    if (!directory)
        return directory.error();
    TrialPlan plan{.directory = std::move(*directory)};
    plan.file = *file;
    plan.name = fs::path(*file).stem().string();
    if (!is_plain_name(plan.name, 64))
        plan.name = "trial";
    plan.notes = differences(parsed->spec);
    plan.listeners = std::move(parsed->spec.listeners);
    return plan;
}

/// A port alone is one of this machine's own: what is tried is nobody else's business.
std::string address_of_trial(const std::string& given) {
    const auto equals = given.find('=');
    const auto begin = equals == std::string::npos ? 0 : equals + 1;
    const bool only_port = begin < given.size() &&
                           std::all_of(given.begin() + static_cast<std::ptrdiff_t>(begin),
                                       given.end(), [](char c) { return c >= '0' && c <= '9'; });
    return only_port ? given.substr(0, begin) + "127.0.0.1:" + given.substr(begin) : given;
}

Result<TrialPlan> plan_command(const Options& options) {
    auto directory = TrialDirectory::make();
    if (!directory)
        return directory.error();
    TrialPlan plan{.directory = std::move(*directory)};
    plan.name = fs::path(options.command.front()).stem().string();
    if (!is_plain_name(plan.name, 64))
        plan.name = "trial";
    if (options.listen.empty())
        plan.notes.push_back(
            "It listens on nothing: --listen 8080 gives it a socket (LISTEN_FDS).");
    return plan;
}

} // namespace

Result<TrialDirectory> TrialDirectory::make() {
    const char* const chosen = std::getenv("TMPDIR");
    // Sockets are in it, whose names must be short (unix(7)).
    const bool good = chosen != nullptr && *chosen == '/' && std::string_view(chosen).size() < 40;
    std::string path = std::string(good ? chosen : "/tmp") + "/svc-try-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
        return system_error("cannot make a directory " + path, errno);
    // Another user's workers find their notify sockets in it.
    if (::geteuid() == 0 && ::chmod(path.c_str(), 0711) != 0)
        return system_error("cannot change the mode of " + path, errno);
    return TrialDirectory(std::move(path));
}

TrialDirectory::~TrialDirectory() {
    std::error_code unknown; // it is gone, mostly
    if (!path_.empty())
        fs::remove_all(path_, unknown);
}

std::string TrialPlan::remedy(const std::string& error) const {
    for (const auto& listener : listeners) {
        if (error.find("listener " + listener.name + ":") == std::string::npos)
            continue;
        Address other = listener.address;
        const bool ip = other.family == AddressFamily::ipv4 || other.family == AddressFamily::ipv6;
        if (ip)
            other.port = 0;
        return "For a trial it can listen elsewhere (a port of 0 is a free one): svc try "
               "--listen " +
               shell_word((listeners.size() == 1 ? "" : listener.name + "=") +
                          (ip ? format_address(other) : "127.0.0.1:0")) +
               " " + shell_word(file) + '\n';
    }
    return {};
}

Result<TrialPlan> plan_trial(const Options& options, const Console& console) {
    auto plan = options.command.empty() ? plan_file(options, console) : plan_command(options);
    if (!plan)
        return plan;
    auto svcd = TrialProcess::find();
    if (!svcd)
        return svcd.error();
    plan->svcd = std::move(*svcd);
    plan->arguments = {"svcd", "--name", plan->name, "--try", plan->directory.path()};
    for (const auto& address : options.listen) {
        plan->arguments.emplace_back("--listen");
        plan->arguments.push_back(address_of_trial(address));
    }
    if (options.command.empty()) {
        plan->arguments.push_back(plan->file);
    } else {
        plan->arguments.emplace_back("--");
        plan->arguments.insert(plan->arguments.end(), options.command.begin(),
                               options.command.end());
    }
    return plan;
}

} // namespace svc::cli
