#include "svcd/front/places.h"

#include "os/files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::daemon {

namespace fs = std::filesystem;

namespace {

// sun_path holds 108 bytes (unix(7)); the longest name below the directory is a notify socket's.
constexpr std::size_t runtime_path_limit =
    107 - std::string_view("/notify/r999999-9999.99999").size();

std::string text_of(const Variable& variable, const char* name) {
    const char* value = variable(name);
    return value == nullptr ? std::string() : std::string(value);
}

/// One directory of the several that systemd may pass, separated by colons: the one for this
/// service if it is among them, else the first.
std::string of_systemd(const std::string& list, const std::string& name) {
    std::string first;
    std::size_t begin = 0;
    while (begin <= list.size()) {
        const auto end = std::min(list.find(':', begin), list.size());
        const std::string each = list.substr(begin, end - begin);
        if (fs::path(each).filename() == name)
            return each;
        if (first.empty())
            first = each;
        begin = end + 1;
    }
    return first.empty() ? first : first + "/" + name;
}

Result<std::string> runtime_base(uid_t uid, const Variable& variable) {
    if (uid == 0)
        return std::string("/run/svc");
    if (const std::string user = text_of(variable, "XDG_RUNTIME_DIR"); !user.empty())
        return user + "/svc";
    return Error{"there is no runtime directory for uid " + std::to_string(uid) +
                 ": XDG_RUNTIME_DIR is not set; log in with a session, or give --runtime-dir DIR"};
}

Result<std::string> state_base(uid_t uid, const Variable& variable) {
    if (uid == 0)
        return std::string("/var/lib/svc");
    if (const std::string state = text_of(variable, "XDG_STATE_HOME"); !state.empty())
        return state + "/svc";
    if (const std::string home = text_of(variable, "HOME"); !home.empty())
        return home + "/.local/state/svc";
    return Error{"there is no state directory for uid " + std::to_string(uid) +
                 ": neither XDG_STATE_HOME nor HOME is set; give --state-dir DIR"};
}

Result<std::string> one_directory(const std::string& name, const std::string& option,
                                  const std::string& from_systemd,
                                  const Result<std::string>& base) {
    if (!option.empty())
        return fs::absolute(option).lexically_normal().string() + "/" + name;
    if (!from_systemd.empty())
        return of_systemd(from_systemd, name);
    if (!base)
        return base.error();
    return *base + "/" + name;
}

Result<void> make_one(const std::string& path, mode_t mode, std::string_view option) {
    const std::string remedy =
        option.empty() ? std::string()
                       : "; run svcd as a user who may, or give " + std::string(option) + " DIR";
    if (auto made = os::make_directories(path, mode); !made)
        return Error{made.error().message + remedy, made.error().code};
    if (::access(path.c_str(), W_OK | X_OK) != 0) {
        auto error = system_error("cannot write to the directory " + path, errno);
        error.message += remedy;
        return error;
    }
    return {};
}

/// ", svcd with pid 4711", if that process lives: the lock may be somebody else's by now.
std::string holder_in(int fd) {
    std::array<char, 32> bytes{};
    const auto count = ::pread(fd, bytes.data(), bytes.size(), 0);
    pid_t pid = 0;
    std::from_chars(bytes.data(), bytes.data() + std::max<ssize_t>(count, 0), pid);
    if (pid <= 0 || (::kill(pid, 0) != 0 && errno != EPERM))
        return {};
    return ", svcd with pid " + std::to_string(pid);
}

} // namespace

Result<Directories> find_directories(const std::string& name, const std::string& runtime_option,
                                     const std::string& state_option, uid_t uid,
                                     const Variable& variable) {
    auto runtime = one_directory(name, runtime_option, text_of(variable, "RUNTIME_DIRECTORY"),
                                 runtime_base(uid, variable));
    if (!runtime)
        return runtime.error();
    auto state = one_directory(name, state_option, text_of(variable, "STATE_DIRECTORY"),
                               state_base(uid, variable));
    if (!state)
        return state.error();
    if (runtime->size() > runtime_path_limit)
        return Error{"the runtime directory " + *runtime +
                     " is too long for the sockets in it (at most " +
                     std::to_string(runtime_path_limit) +
                     " bytes); give a shorter one with --runtime-dir DIR"};
    return Directories{std::move(*runtime), std::move(*state)};
}

Result<void> make_places(const Directories& directories) {
    if (auto made = make_one(directories.runtime, 0755, "--runtime-dir"); !made)
        return made;
    return make_one(directories.state, 0700, "--state-dir");
}

Result<UniqueFd> lock_service(const std::string& name, const std::string& runtime) {
    const std::string path = runtime + "/lock";
    UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock)
        return system_error("cannot open the lock " + path, errno);
    // Who can open it can hold it, and keep the service down. An older svcd made it for all to read.
    if (::fchmod(lock.get(), 0600) != 0)
        return system_error("cannot make the lock " + path + " our own", errno);
    // flock(2), not fcntl(2): it belongs to the open file, and closing another fd does not lose it.
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return system_error("cannot lock " + path, errno);
        return Error{"the service " + name + " already has a supervisor" + holder_in(lock.get()) +
                         " (it holds " + path + "); use 'svc reload " + name +
                         "' for a new version, 'svc stop " + name + "' to end it, or give --name",
                     EWOULDBLOCK};
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(lock.get(), 0) != 0 ||
        ::pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
        return system_error("cannot write our pid to " + path, errno);
    return lock;
}

namespace {

/// One of our programs that nobody calls by name.
std::string find_helper(std::string given, const std::string& layer, const std::string& name) {
    if (!given.empty())
        return given;
    std::error_code error;
    const fs::path own = fs::read_symlink("/proc/self/exe", error);
    if (!error && own.parent_path() != fs::path(SVC_BINDIR)) {
        const fs::path built = own.parent_path().parent_path().parent_path() / layer / name;
        if (fs::exists(built, error))
            return built.string();
        const fs::path beside = own.parent_path() / name;
        if (fs::exists(beside, error))
            return beside.string();
    }
    return SVC_LIBEXECDIR "/" + name;
}

} // namespace

std::string find_launcher(const Variable& variable) {
    return find_helper(text_of(variable, "SVC_LAUNCH"), "launch", "svc-launch");
}

std::string find_keeper(const Variable& variable) {
    return find_helper(text_of(variable, "SVC_KEEPER"), "keeper", "svc-keeper");
}

std::uint64_t raise_descriptor_limit(const char* for_workers) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return RLIM_INFINITY;
    rlim_t original = limit.rlim_cur;
    const std::string_view given = for_workers == nullptr ? "" : for_workers;
    rlim_t number = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
    if (error == std::errc() && end == given.data() + given.size() && number > 0)
        original = std::min(number, limit.rlim_max);
    limit.rlim_cur = limit.rlim_max;
    // Refused only where a hard limit is above fs.nr_open, changed since: then the old one stays.
    [[maybe_unused]] const int raised = ::setrlimit(RLIMIT_NOFILE, &limit);
    return original;
}

} // namespace svc::daemon
