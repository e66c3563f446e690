#include "os/reach.h"

#include "base/text.h"
#include "os/file_work.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::os {

namespace fs = std::filesystem;

namespace {

/// A file system that hangs (NFS) would hold the asker up for ever.
constexpr Duration patience = std::chrono::seconds(10);

/// Every directory that the kernel goes through on the way to `path`, in its order: those that a symbolic link leads
/// through as well. Looked for before the child becomes somebody else, who might not be able to see them.
std::vector<std::string> way_to(const std::string& path) {
    std::vector<std::string> way = {"/"};
    const auto pass = [&](const fs::path& directory) {
        if (std::find(way.begin(), way.end(), directory.string()) == way.end())
            way.push_back(directory.string());
    };
    fs::path here = "/";
    const fs::path parent = fs::path(path).parent_path();
    for (const auto& part : parent.relative_path()) {
        here /= part;
        std::error_code error;
        const fs::path real = fs::canonical(here, error);
        if (error)
            break;
        fs::path passed = "/";
        for (const auto& name : real.relative_path())
            pass(passed /= name);
    }
    // A link at the end leads through directories of its own.
    std::error_code error;
    if (fs::is_symlink(path, error)) {
        const fs::path real = fs::canonical(path, error);
        if (!error && real.has_parent_path())
            for (auto& directory : way_to(real.string()))
                pass(directory);
    }
    return way;
}

/// Done by who has the rights that are asked about: access(2) goes by the real ids.
std::string obstacle_to(const Use& use, const std::vector<std::string>& way) {
    if (::access(use.path.c_str(), use.mode) == 0 || errno == ENOENT)
        return {};
    for (const auto& directory : way)
        if (::access(directory.c_str(), X_OK) != 0)
            return directory;
    return use.path;
}

Result<void> become(const User& user) {
    if (::setgroups(user.groups.size(), user.groups.data()) != 0 ||
        ::setresgid(user.gid, user.gid, user.gid) != 0 ||
        ::setresuid(user.uid, user.uid, user.uid) != 0)
        return svc::system_error("cannot look with the rights of " + user.name, errno);
    return {};
}

} // namespace

Result<std::vector<std::string>> find_obstacles(const User& user, const std::vector<Use>& uses) {
    std::vector<std::vector<std::string>> ways;
    ways.reserve(uses.size());
    for (const Use& use : uses)
        ways.push_back(way_to(use.path));
    auto work = start_work(-1, -1, [&]() -> Result<std::string> {
        if (const auto became = become(user); !became)
            return became.error();
        std::string answer;
        for (std::size_t i = 0; i < uses.size(); ++i)
            answer += obstacle_to(uses[i], ways[i]) + '\0';
        return answer;
    });
    if (!work)
        return work.error();
    const auto answer = await_answer(std::move(*work), patience);
    if (!answer)
        return answer.error();
    std::vector<std::string> obstacles;
    for (std::size_t at = 0; at < answer->size();) {
        const auto end = answer->find('\0', at);
        obstacles.push_back(answer->substr(at, end - at));
        at = end == std::string::npos ? answer->size() : end + 1;
    }
    obstacles.resize(uses.size());
    return obstacles;
}

std::string permission_remedy(const std::string& obstacle, const User& user, int mode) {
    struct stat found {};
    if (::stat(obstacle.c_str(), &found) != 0)
        return "look at it with namei -l " + shell_word(obstacle);
    const bool directory = S_ISDIR(found.st_mode);
    const mode_t wanted =
        directory ? 1U : ((mode & X_OK) != 0 ? 1U : 0U) | ((mode & R_OK) != 0 ? 4U : 0U);
    const bool in_group =
        found.st_gid == user.gid ||
        std::find(user.groups.begin(), user.groups.end(), found.st_gid) != user.groups.end();
    const char who = found.st_uid == user.uid ? 'u' : in_group ? 'g' : 'o';
    const unsigned shift = who == 'u' ? 6 : who == 'g' ? 3 : 0;
    const mode_t missing = wanted & ~((found.st_mode >> shift) & 7U);
    if (missing == 0)
        return "its mode permits that, so an access control list (getfacl), a mount option or a "
               "security module "
               "forbids it";
    const std::string bits =
        std::string((missing & 4U) != 0 ? "r" : "") + ((missing & 1U) != 0 ? "x" : "");
    const std::string path = shell_word(obstacle);
    std::string permit = std::string("chmod ") + who + '+' + bits + ' ' + path;
    if (who != 'o')
        return permit;
    const std::string name = user.name.empty() ? std::to_string(user.uid) : user.name;
    return permit + " permits it to everybody, setfacl -m u:" + name + ':' + bits + ' ' + path +
           " to " + name + " alone";
}

} // namespace svc::os
