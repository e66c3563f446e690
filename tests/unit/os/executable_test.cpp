#include "os/executable.h"

#include "support.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace svc;
using namespace svc::test;

namespace {

using Words = std::vector<std::string>;

std::string write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
    return path;
}

} // namespace

TEST_CASE("an ELF file, a script and anything else are told apart by their first bytes") {
    const TemporaryDirectory directory;
    const auto self = os::open_executable("/proc/self/exe");
    REQUIRE(self);
    CHECK(self->kind == os::FileKind::elf);
    const auto script = os::open_executable(write(directory.path() + "/script", "#!/bin/sh\n"));
    REQUIRE(script);
    CHECK(script->kind == os::FileKind::script);
    const auto other = os::open_executable(write(directory.path() + "/other", "MZ"));
    REQUIRE(other);
    CHECK(other->kind == os::FileKind::other);
    CHECK_FALSE(os::open_executable(directory.path()));
    CHECK_FALSE(os::open_executable(directory.path() + "/none"));
}

TEST_CASE("an open executable shows its old content's identity after a rename over its name") {
    const TemporaryDirectory directory;
    const std::string path = write(directory.path() + "/web", "#!/bin/sh\n");
    const auto opened = os::open_executable(path);
    REQUIRE(opened);
    std::filesystem::rename(write(directory.path() + "/new", "#!/bin/sh\nexit\n"), path);
    const auto held = os::stat_fd(opened->fd.get());
    REQUIRE(held);
    CHECK(held->inode == opened->stat.inode);
    CHECK(held->size == opened->stat.size);
    CHECK(held->modified_ns == opened->stat.modified_ns);
    CHECK(os::stat_file(path)->inode != held->inode);
}

TEST_CASE("broken ELF headers give no build id and no harm") {
    const TemporaryDirectory directory;
    std::ifstream self("/proc/self/exe", std::ios::binary);
    std::string start(4096, '\0');
    self.read(start.data(), 4096);
    for (std::size_t byte = 16; byte < 700; ++byte) {
        std::string broken = start;
        broken[byte] = static_cast<char>(0xff);
        const auto opened = os::open_executable(write(directory.path() + "/broken", broken));
        REQUIRE(opened);
        CHECK(opened->build_id.size() < 200'000);
    }
}

TEST_CASE("what an interpreter runs is found among its arguments, and nothing else is") {
    CHECK(os::program_candidates({"/usr/bin/python3.11", "-u", "app.py"}) == Words{"app.py"});
    CHECK(os::program_candidates({"python3", "-W", "ignore", "app.py", "x"}) ==
          Words{"ignore", "app.py", "x"});
    CHECK(os::program_candidates({"java", "-Xmx1g", "-jar", "app.jar"}) == Words{"app.jar"});
    CHECK(os::program_candidates({"/usr/bin/env", "node", "app.js"}) == Words{"node", "app.js"});
    CHECK(os::program_candidates({"python3", "-m", "http.server"}).empty());
    CHECK(os::program_candidates({"sh", "-c", "exec web"}).empty());
    CHECK(os::program_candidates({"/usr/sbin/nginx", "-c", "/etc/nginx.conf"}).empty());
    CHECK(os::program_candidates({}).empty());
}

TEST_CASE("the program is the first argument that is a file, seen from the worker's directory") {
    const TemporaryDirectory directory;
    write(directory.path() + "/app.py", "");
    CHECK(os::find_program({"python3", "-W", "ignore", "app.py"}, directory.path()) ==
          directory.path() + "/app.py");
    CHECK_FALSE(os::find_program({"python3", "none.py"}, directory.path()));
}

TEST_CASE(
    "a profile that is the worker's own was found by its path, and one that we have too was not") {
    const std::string docker = "docker-default (enforce)\n";
    CHECK_FALSE(os::has_own_profile("unconfined\n", "unconfined\n"));
    CHECK_FALSE(os::has_own_profile("unconfined\n", docker));
    CHECK(os::has_own_profile("web (enforce)\n", "unconfined\n"));
    CHECK(os::has_own_profile("web (complain)\n", docker));
    CHECK_FALSE(os::has_own_profile(docker, docker));
    // What cannot be read is not known to be unconfined.
    CHECK(os::has_own_profile(std::nullopt, "unconfined\n"));
    CHECK(os::has_own_profile("web (enforce)\n", std::nullopt));
}
