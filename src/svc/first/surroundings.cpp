#include "svc/first/surroundings.h"

#include "base/text.h"
#include "os/executable.h"
#include "os/files.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace svc::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t largest_file = 1u << 20;
constexpr std::size_t most_names = 10000;

std::vector<std::string> list(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
        names.push_back(at->path().filename().string());
        if (names.size() == most_names)
            break;
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::optional<std::string> read(const std::string& path) {
    auto text = os::read_file(path, largest_file);
    return text ? std::optional(std::move(*text)) : std::nullopt;
}

bool is_executable(const std::string& path) {
    if (::access(path.c_str(), X_OK) != 0)
        return false;
    const auto opened = os::open_executable(path);
    return opened && opened->kind == os::FileKind::elf;
}

/// What is executed as a script, too.
bool is_program(const std::string& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) &&
           ::access(path.c_str(), X_OK) == 0;
}

std::vector<std::string> search_path() {
    const char* const path = std::getenv("PATH");
    // Servers are where a user's PATH does not look: /usr/sbin.
    const std::string all =
        (path ? std::string(path) + ":" : "") + std::string(os::default_search_path);
    std::vector<std::string> directories;
    for (std::size_t at = 0; at <= all.size();) {
        const auto end = std::min(all.find(':', at), all.size());
        auto directory = all.substr(at, end - at);
        if (std::find(directories.begin(), directories.end(), directory) == directories.end())
            directories.push_back(std::move(directory));
        at = end + 1;
    }
    return directories;
}

std::string obstacle(const std::string& name, const std::vector<os::Use>& uses) {
    const auto user = os::user_in_files(name);
    const auto found = user ? os::find_obstacles(*user, uses)
                            : Result<std::vector<std::string>>(std::vector<std::string>());
    if (!found)
        return {};
    for (std::size_t i = 0; i < found->size(); ++i)
        if (const std::string& one = (*found)[i]; !one.empty())
            return one + " keeps it out: " + os::permission_remedy(one, *user, uses[i].mode);
    return {};
}

bool is_free(std::uint16_t port) {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); // as the supervisor's
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
           ::listen(socket.get(), 1) == 0;
}

} // namespace

Surroundings look_around() {
    Surroundings here{};
    std::error_code unknown;
    here.directory = fs::current_path(unknown).string();
    here.root = ::geteuid() == 0;
    cpu_set_t processors;
    CPU_ZERO(&processors);
    if (::sched_getaffinity(0, sizeof processors, &processors) == 0)
        here.processors = static_cast<std::uint32_t>(std::max(CPU_COUNT(&processors), 1));
    struct stat found {};
    if (::stat(here.directory.c_str(), &found) == 0 && found.st_uid != 0)
        here.owner = os::user_name_in_files(found.st_uid);
    here.search = search_path();
    const auto absolute = [directory = here.directory](const std::string& path) {
        return path.starts_with('/') ? path : directory + "/" + path;
    };
    here.list = [absolute](const std::string& path) { return list(absolute(path)); };
    here.read = [absolute](const std::string& path) { return read(absolute(path)); };
    here.is_executable = [absolute](const std::string& path) {
        return is_executable(absolute(path));
    };
    here.is_program = [absolute](const std::string& path) { return is_program(absolute(path)); };
    here.find_program = [path = join(here.search, ":")](const std::string& name) {
        auto program = os::find_executable(name, path, "/");
        return program ? std::move(*program) : std::string();
    };
    here.has_user = [](const std::string& wanted) { return os::user_in_files(wanted).has_value(); };
    here.obstacle = obstacle;
    here.is_free = is_free;
    return here;
}

} // namespace svc::cli
