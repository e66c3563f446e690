// The paths of unix listeners: access, stale ones, other people's, and what cannot be.
#include "os/listener_socket.h"

#include "support.h"

#include <atomic>
#include <cerrno>
#include <thread>

using namespace svc;
using namespace svc::test;

namespace {

struct stat stat_of(const std::string& path) {
    struct stat found {};
    REQUIRE(::lstat(path.c_str(), &found) == 0);
    return found;
}

} // namespace

TEST_CASE("a unix path has the mode asked for, whatever the umask") {
    const OpenDirectory directory;
    const mode_t before = ::umask(077);
    const UniqueFd open = open_or_fail("unix:" + (directory / "open"));
    const UniqueFd tight = open_or_fail("unix:" + (directory / "tight"), {.mode = 0620});
    ::umask(before);
    CHECK((stat_of(directory / "open").st_mode & 07777) == 0666);
    CHECK((stat_of(directory / "tight").st_mode & 07777) == 0620);
}

TEST_CASE("a unix path is at no moment more open than asked") {
    const OpenDirectory directory;
    const std::string path = directory / "s";
    std::atomic<bool> stop = false;
    std::atomic<mode_t> seen = 0;
    std::thread watcher([&] {
        while (!stop) {
            struct stat found {};
            if (::lstat(path.c_str(), &found) == 0)
                seen = seen | (found.st_mode & 07777);
        }
    });
    const mode_t before = ::umask(0);
    for (int i = 0; i < 2000; ++i) {
        UniqueFd fd = open_or_fail("unix:" + path, {.mode = 0600});
        ::unlink(path.c_str());
    }
    ::umask(before);
    stop = true;
    watcher.join();
    CHECK((seen & ~mode_t{0600}) == 0);
}

TEST_CASE("a unix path gets its owner and group, by name or number") {
    const OpenDirectory directory;
    if (!is_root()) {
        MESSAGE("skipped: needs root");
        return;
    }
    const UniqueFd fd = open_or_fail("unix:" + (directory / "s"),
                                     {.mode = 0660, .owner = "nobody", .group = "4711"});
    CHECK(stat_of(directory / "s").st_uid == nobody);
    CHECK(stat_of(directory / "s").st_gid == 4711);
    CHECK((stat_of(directory / "s").st_mode & 07777) == 0660);
    CHECK(contains(refused("unix:" + (directory / "t"), {.owner = "no-such-user"}),
                   "there is no user no-such-user"));
}

TEST_CASE("an owner that we may not give leaves no path behind") {
    const OpenDirectory directory;
    CHECK(in_unprivileged_child([&] {
              const auto fd =
                  os::open_listener(*parse_address("unix:" + (directory / "s")), {.owner = "root"});
              return expect(!fd.ok() && fd.error().message.find("CAP_CHOWN") != std::string::npos,
                            fd.ok() ? "refused" : fd.error().message);
          }) == 0);
    CHECK_FALSE(std::filesystem::exists(directory / "s"));
}

TEST_CASE("a stale unix path is replaced") {
    const OpenDirectory directory;
    for (const std::string type : {"unix:", "unix-dgram:", "unix-seqpacket:"}) {
        const std::string text = type + (directory / ("s" + type));
        // What a kill -9 leaves.
        open_or_fail(text).reset();
        REQUIRE(std::filesystem::exists(directory / ("s" + type)));
        const UniqueFd fd = open_or_fail(text);
        CHECK(serves(fd.get(), address_of(text)));
    }
}

TEST_CASE("a unix path where somebody listens is left to him, of whatever type he is") {
    const OpenDirectory directory;
    const std::string path = directory / "s";
    for (const std::string type : {"unix:", "unix-dgram:", "unix-seqpacket:"}) {
        const UniqueFd fd = open_or_fail(type + path);
        for (const std::string other : {"unix:", "unix-dgram:", "unix-seqpacket:"})
            CHECK(contains(refused(other + path), "Address already in use; find its owner with: ss "
                                                  "-lxp src " +
                                                      path));
        CHECK(serves(fd.get(), address_of(type + path)));
        ::unlink(path.c_str());
    }
}

TEST_CASE("a unix listener whose queue is full is not taken for stale") {
    const OpenDirectory directory;
    const std::string text = "unix:" + (directory / "s");
    const UniqueFd fd = open_or_fail(text, {.backlog = 0});
    const UniqueFd first = connect_to(address_of(text));
    CHECK(contains(refused(text), "already in use"));
}

TEST_CASE("a file that is no socket is never removed from a unix path") {
    const OpenDirectory directory;
    const std::string path = directory / "precious";
    REQUIRE(UniqueFd(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
    CHECK(contains(refused("unix:" + path), "is not a socket, so it is left alone"));
    CHECK(std::filesystem::is_regular_file(path));
    const std::string link = directory / "link";
    std::filesystem::create_symlink(path, link);
    CHECK(contains(refused("unix:" + link), "is not a socket"));
    CHECK(std::filesystem::is_symlink(link));
}

TEST_CASE("a missing directory of a unix path is named") {
    const OpenDirectory directory;
    CHECK(contains(refused("unix:" + (directory / "missing/s")),
                   "the directory " + (directory / "missing") + " does not exist"));
}

TEST_CASE("a directory that we may not write to is named") {
    const OpenDirectory directory;
    REQUIRE(::chmod(directory.path().c_str(), 0555) == 0);
    CHECK(in_unprivileged_child([&] {
              const auto fd = os::open_listener(*parse_address("unix:" + (directory / "s")), {});
              return expect(!fd.ok() && fd.error().code == EACCES &&
                                fd.error().message.find(directory.path()) != std::string::npos,
                            "refused for the directory");
          }) == 0);
    REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
}

TEST_CASE("a unix path of the greatest length works, one byte more is an error") {
    const OpenDirectory directory;
    const std::size_t room = 107 - directory.path().size() - 1;
    Address address = address_of("unix:" + (directory / std::string(room, 'x')));
    const auto fd = os::open_listener(address, {});
    REQUIRE(fd.ok());
    CHECK(os::bound_address(fd->get())->host == address.host);
    address.host += "x";
    const auto longer = os::open_listener(address, {});
    REQUIRE_FALSE(longer.ok());
    CHECK(contains(longer.error().message, "choose a shorter one"));
}
