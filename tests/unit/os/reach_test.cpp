// What a user can reach, and what is in the way. Only root can ask for another user.
#include "os/reach.h"

#include "../temporary_directory.h"

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace svc;
using namespace svc::os;

namespace {

constexpr uid_t somebody = 64321; ///< no user of this machine

/// A directory that everybody may pass, but for what a test closes in it.
class Place {
public:
    Place() { REQUIRE(::chmod(root_.path().c_str(), 0755) == 0); }
    std::string directory(const std::string& name, mode_t mode) {
        const std::string path = root_.path() + '/' + name;
        REQUIRE(::mkdir(path.c_str(), 0755) == 0);
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        return path;
    }
    std::string file(const std::string& name, mode_t mode) {
        const std::string path = root_.path() + '/' + name;
        std::ofstream(path) << "#!/bin/sh\n";
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        return path;
    }
    std::string link(const std::string& name, const std::string& to) {
        const std::string path = root_.path() + '/' + name;
        REQUIRE(::symlink(to.c_str(), path.c_str()) == 0);
        return path;
    }

private:
    test::TemporaryDirectory root_;
};

bool is_root() {
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can look with another user's rights");
        return false;
    }
    const auto tried = find_obstacles({.uid = somebody, .gid = somebody, .name = "somebody"}, {});
    if (!tried) // root of a namespace without that user
        MESSAGE("skipped: ", tried.error().message);
    return tried.ok();
}

User nobody_in(std::vector<gid_t> groups = {}) {
    return {.uid = somebody, .gid = somebody, .name = "somebody", .groups = std::move(groups)};
}

std::string obstacle(const User& user, const std::string& path, int mode) {
    const auto found = find_obstacles(user, {{path, mode}});
    REQUIRE(found.ok());
    REQUIRE(found->size() == 1);
    return found->front();
}

} // namespace

TEST_CASE("nothing is in the way of what everybody may do") {
    if (!is_root())
        return;
    Place place;
    place.directory("open", 0755);
    CHECK(obstacle(nobody_in(), place.file("open/web", 0755), X_OK).empty());
    CHECK(obstacle(nobody_in(), "/etc/passwd", R_OK).empty());
}

TEST_CASE("the first closed directory is named, and not what lies behind it") {
    if (!is_root())
        return;
    Place place;
    const auto closed = place.directory("closed", 0700);
    place.directory("closed/inner", 0700);
    const auto web = place.file("closed/inner/web", 0755);
    CHECK(obstacle(nobody_in(), web, X_OK) == closed);
    CHECK(permission_remedy(closed, nobody_in(), X_OK).starts_with("chmod o+x " + closed + " "));
    CHECK(permission_remedy(closed, nobody_in(), X_OK).find("u:somebody:x") != std::string::npos);
}

TEST_CASE("the file itself is named where the way is open, with what it lacks") {
    if (!is_root())
        return;
    Place place;
    const auto script = place.file("script", 0751); // may be executed, and not read
    CHECK(obstacle(nobody_in(), script, X_OK).empty());
    CHECK(obstacle(nobody_in(), script, R_OK | X_OK) == script);
    CHECK(permission_remedy(script, nobody_in(), R_OK | X_OK).starts_with("chmod o+r " + script));
}

TEST_CASE("a group opens what is closed to others, and a remedy says who lacks it") {
    if (!is_root())
        return;
    Place place;
    const auto web = place.file("web", 0750);
    REQUIRE(::chown(web.c_str(), 0, 54321) == 0);
    CHECK(obstacle(nobody_in(), web, X_OK) == web);
    CHECK(obstacle(nobody_in({somebody, 54321}), web, X_OK).empty());
    REQUIRE(::chmod(web.c_str(), 0740) == 0);
    CHECK(permission_remedy(web, nobody_in({54321}), X_OK) == "chmod g+x " + web);
    REQUIRE(::chown(web.c_str(), somebody, 0) == 0);
    REQUIRE(::chmod(web.c_str(), 0640) == 0);
    CHECK(permission_remedy(web, nobody_in(), X_OK) == "chmod u+x " + web);
}

TEST_CASE("a symbolic link leads through directories that may be closed") {
    if (!is_root())
        return;
    Place place;
    const auto closed = place.directory("closed", 0700);
    place.directory("closed/7", 0755);
    place.file("closed/7/web", 0755);
    CHECK(obstacle(nobody_in(), place.link("current", closed + "/7") + "/web", X_OK) == closed);
    CHECK(obstacle(nobody_in(), place.link("web", closed + "/7/web"), X_OK) == closed);
}

TEST_CASE("what is not there is in nobody's way") {
    if (is_root())
        CHECK(obstacle(nobody_in(), "/nowhere/at/all", R_OK).empty());
}

TEST_CASE("an access control list counts as the kernel counts it") {
    if (!is_root())
        return;
    Place place;
    const auto web = place.file("web", 0700);
    // acl(5) as the kernel takes it (linux/posix_acl_xattr.h): version 2, then tag, permissions, id.
    struct Entry {
        std::uint16_t tag, permissions;
        std::uint32_t id;
    };
    constexpr std::uint32_t none = 0xFFFFFFFF;
    struct {
        std::uint32_t version = 2;
        std::array<Entry, 5> entries = {{{0x01, 7, none},
                                         {0x02, 5, somebody},
                                         {0x04, 0, none},
                                         {0x10, 5, none},
                                         {0x20, 0, none}}};
    } list;
    if (::setxattr(web.c_str(), "system.posix_acl_access", &list, sizeof list, 0) != 0) {
        MESSAGE("skipped: no access control lists here: ", std::strerror(errno));
        return;
    }
    CHECK(obstacle(nobody_in(), web, X_OK).empty());
    auto another = nobody_in();
    another.uid = somebody + 1;
    CHECK(obstacle(another, web, X_OK) == web);
}

TEST_CASE("users and groups are found by name and by number") {
    const auto root = user_in_files("root");
    REQUIRE(root);
    CHECK(root->uid == 0);
    CHECK(root->name == "root");
    CHECK(user_in_files("0")->name == "root");
    CHECK(user_in_files("64321")->uid == somebody);
    CHECK(user_in_files("64321")->gid == somebody);
    CHECK_FALSE(user_in_files("no-such-user"));
    CHECK_FALSE(user_in_files(""));
    CHECK_FALSE(user_in_files("4294967295"));
    CHECK(group_in_files("root") == 0);
    CHECK(group_in_files("54321") == 54321);
    CHECK_FALSE(group_in_files("no-such-group"));
    CHECK(user_name_in_files(0) == "root");
    CHECK(user_name_in_files(64321).empty());
}
