#include "os/files.h"

#include "os/clock.h"

#include "support.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <grp.h>
#include <pwd.h>

using namespace svc;
using namespace svc::test;

namespace {

void write_file(const std::string& path, const std::string& content, mode_t mode = 0644) {
    std::ofstream(path, std::ios::binary) << content;
    REQUIRE(::chmod(path.c_str(), mode) == 0);
}

template <class T>
std::string error_of(const Result<T>& result) {
    REQUIRE_FALSE(result.ok());
    return result.error().message;
}

mode_t mode_of(const std::string& path) {
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

} // namespace

TEST_CASE("the monotonic clock does not go back, and the wall clock is in this century") {
    const Instant first = os::now();
    CHECK(os::now() >= first);
    CHECK(os::wall_now() > std::chrono::sys_days(std::chrono::year(2020) / 1 / 1));
}

TEST_CASE("a file is read whole, up to the limit and not a byte over it") {
    const OpenDirectory directory;
    const std::string content(100'000, 'x');
    write_file(directory / "f", content);
    CHECK(*os::read_file(directory / "f", 100'000) == content);
    CHECK(contains(error_of(os::read_file(directory / "f", 99'999)), "larger than 99999"));
    write_file(directory / "empty", "");
    CHECK(os::read_file(directory / "empty", 0)->empty());
}

TEST_CASE("a file of /proc, whose size reads 0, is read whole and bounded too") {
    const auto status = os::read_file("/proc/self/status", 65536);
    REQUIRE(status.ok());
    CHECK(status->find("Pid:") != std::string::npos);
    CHECK(contains(error_of(os::read_file("/proc/self/status", 10)), "larger than"));
}

TEST_CASE("what is no regular file is an error that says what it is, and never a hang") {
    const OpenDirectory directory;
    REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
    CHECK(contains(error_of(os::read_file(directory / "fifo", 10)), "a fifo"));
    CHECK(contains(error_of(os::read_file(directory.path(), 10)), "a directory"));
    CHECK(contains(error_of(os::read_file("/dev/zero", 10)), "a device"));
    const auto missing = os::read_file(directory / "missing", 10);
    CHECK(contains(error_of(missing), "cannot open " + (directory / "missing")));
    CHECK(missing.error().code == ENOENT);
}

TEST_CASE("directories are made with their parents, with the modes asked for in spite of umask") {
    const OpenDirectory directory;
    const mode_t before = ::umask(077);
    const auto made = os::make_directories(directory / "a//b/c/", 0750);
    ::umask(before);
    REQUIRE(made.ok());
    CHECK(mode_of(directory / "a") == 0755);
    CHECK(mode_of(directory / "a/b") == 0755);
    CHECK(mode_of(directory / "a/b/c") == 0750);
    // There already: success, and untouched.
    CHECK(os::make_directories(directory / "a/b", 0700).ok());
    CHECK(mode_of(directory / "a/b") == 0755);
    CHECK(os::make_directories("/", 0700).ok());
}

TEST_CASE("a file in the place of a directory is named") {
    const OpenDirectory directory;
    write_file(directory / "f", "");
    CHECK(
        contains(error_of(os::make_directories(directory / "f", 0755)), "a file is in its place"));
    CHECK(contains(error_of(os::make_directories(directory / "f/below", 0755)), directory / "f"));
    CHECK_FALSE(os::make_directories("", 0755).ok());
}

TEST_CASE("a symlink is resolved to the end, and a loop is an error") {
    const OpenDirectory directory;
    std::filesystem::create_directory(directory / "v2");
    std::filesystem::create_symlink("v2", directory / "current");
    std::filesystem::create_symlink("current", directory / "alias");
    CHECK(*os::resolve_path(directory / "alias") ==
          std::filesystem::canonical(directory / "v2").string());
    std::filesystem::create_symlink("loop", directory / "loop");
    CHECK(contains(error_of(os::resolve_path(directory / "loop")), directory / "loop"));
}

TEST_CASE("an executable is looked for in the search path, in its order") {
    const OpenDirectory directory;
    for (const std::string name : {"one", "two"}) {
        std::filesystem::create_directory(directory / name);
        write_file(directory / (name + "/web"), "#!/bin/sh\n", 0755);
    }
    write_file(directory / "one/plain", "", 0644);
    write_file(directory / "two/plain", "", 0755);
    const std::string path =
        (directory / "missing") + ":" + (directory / "one") + ":" + (directory / "two");
    CHECK(*os::find_executable("web", path, "/") == directory / "one/web");
    // What cannot be executed is passed over, as execvp(3) does.
    CHECK(*os::find_executable("plain", path, "/") == directory / "two/plain");
    CHECK(contains(error_of(os::find_executable("plain", directory / "one", "/")), "chmod +x"));
    CHECK(
        contains(error_of(os::find_executable("absent", path, "/")), "cannot find absent in PATH"));
    CHECK(contains(error_of(os::find_executable("", path, "/")), "without a name"));
}

TEST_CASE("a name with a slash is taken from the working directory, not from the search path") {
    const OpenDirectory directory;
    std::filesystem::create_directory(directory / "bin");
    write_file(directory / "bin/web", "#!/bin/sh\n", 0755);
    CHECK(*os::find_executable("bin/web", "/nowhere", directory.path()) == directory / "bin/web");
    CHECK(*os::find_executable(directory / "bin/web", "", "/") == directory / "bin/web");
    // A relative and an empty element of the search path mean the working directory too.
    CHECK(*os::find_executable("web", "bin", directory.path()) == directory / "bin/web");
    CHECK(*os::find_executable("web", ":/nowhere", directory / "bin") == directory / "bin/./web");
    CHECK(contains(error_of(os::find_executable("./bin", "", directory.path())), "directory"));
}

TEST_CASE("a file's identity changes when it is replaced and when it is written to") {
    const OpenDirectory directory;
    write_file(directory / "f", "old");
    const auto before = os::stat_file(directory / "f");
    REQUIRE(before.ok());
    CHECK(before->size == 3);
    write_file(directory / "new", "new");
    std::filesystem::rename(directory / "new", directory / "f");
    const auto after = os::stat_file(directory / "f");
    CHECK(after->inode != before->inode);
    CHECK_FALSE(os::stat_file(directory / "missing").ok());
}

TEST_CASE("a user is found by name and by number, with all groups") {
    const auto by_name = os::find_user("root");
    REQUIRE(by_name.ok());
    CHECK(by_name->uid == 0);
    CHECK(by_name->gid == 0);
    CHECK(by_name->home == "/root");
    CHECK(std::count(by_name->groups.begin(), by_name->groups.end(), gid_t{0}) == 1);
    const auto by_number = os::find_user("0");
    REQUIRE(by_number.ok());
    CHECK(by_number->name == "root");
    CHECK(by_number->groups == by_name->groups);
}

TEST_CASE("a uid without an entry works, and gets no right of root's group") {
    const auto user = os::find_user("4242424");
    REQUIRE(user.ok());
    CHECK(user->uid == 4242424);
    CHECK(user->gid == 4242424);
    CHECK(user->groups == std::vector<gid_t>{4242424});
    CHECK(*os::find_group("4242424") == 4242424);
}

TEST_CASE("an unknown user or group is an error, and so is the number that means no change") {
    CHECK(contains(error_of(os::find_user("no-such-user")), "there is no user no-such-user"));
    CHECK(contains(error_of(os::find_group("no-such-group")), "there is no group no-such-group"));
    CHECK_FALSE(os::find_user("4294967295").ok());
    CHECK_FALSE(os::find_group("-1").ok());
    CHECK_FALSE(os::find_user("").ok());
    CHECK(*os::find_group("root") == 0);
}
