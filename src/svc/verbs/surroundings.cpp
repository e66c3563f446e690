#include "svc/verbs/surroundings.h"

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
constexpr std::size_t most_names = 2000;

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

std::string find_program(const std::string& name) {
    const char* const path = std::getenv("PATH");
    // Servers are where a user's PATH does not look: /usr/sbin.
    const std::string all =
        (path ? std::string(path) + ":" : "") + std::string(os::default_search_path);
    auto found = os::find_executable(name, all, "/");
    return found ? std::move(*found) : std::string();
}

/// This program is static and knows no NSS: what a machine's own services run as is in the file.
std::string
user_with(const std::function<bool(std::string_view name, std::string_view uid)>& wanted) {
    const std::string users = read("/etc/passwd").value_or("");
    std::string_view rest = users;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const auto name = line.substr(0, line.find(':'));
        const auto password = std::min(name.size() + 1, line.size());
        const auto uid_at = line.find(':', password);
        if (uid_at == std::string_view::npos)
            continue;
        const auto uid = line.substr(uid_at + 1, line.find(':', uid_at + 1) - uid_at - 1);
        if (wanted(name, uid))
            return std::string(name);
    }
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

bool all_may_enter(fs::path directory) {
    for (;; directory = directory.parent_path()) {
        struct stat found {};
        if (::stat(directory.c_str(), &found) != 0 || (found.st_mode & S_IXOTH) == 0)
            return false;
        if (directory == directory.parent_path())
            return true;
    }
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
        here.owner = user_with(
            [&](auto, std::string_view uid) { return uid == std::to_string(found.st_uid); });
    here.others_may_enter = all_may_enter(here.directory);
    const auto absolute = [directory = here.directory](const std::string& path) {
        return path.starts_with('/') ? path : directory + "/" + path;
    };
    here.list = [absolute](const std::string& path) { return list(absolute(path)); };
    here.read = [absolute](const std::string& path) { return read(absolute(path)); };
    here.is_executable = [absolute](const std::string& path) {
        return is_executable(absolute(path));
    };
    here.find_program = find_program;
    here.has_user = [](const std::string& wanted) {
        return !user_with([&](std::string_view name, auto) { return name == wanted; }).empty();
    };
    here.is_free = is_free;
    return here;
}

} // namespace svc::cli
