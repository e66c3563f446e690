#include "os/durable.h"

#include "os/files.h"
#include "support.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace svc;
using namespace svc::test;

namespace {

std::vector<std::string> names_in(const std::string& path) {
    auto names = os::list_directory(path, 100);
    REQUIRE(names);
    std::sort(names->begin(), names->end());
    return *names;
}

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("a new directory has its name only once it is whole") {
    const TemporaryDirectory directory;
    {
        auto made = os::NewDirectory::make(directory.path(), "7");
        REQUIRE(made);
        REQUIRE(made->write("revision.json", "{}", 0600));
        CHECK(names_in(directory.path()) == Names{".new-7"});
        REQUIRE(made->commit());
    }
    CHECK(names_in(directory.path()) == Names{"7"});
    CHECK(*os::read_file(directory.path() + "/7/revision.json", 100) == "{}");
}

TEST_CASE("a new directory that is not finished leaves nothing") {
    const TemporaryDirectory directory;
    {
        auto made = os::NewDirectory::make(directory.path(), "7");
        REQUIRE(made);
        REQUIRE(made->write("revision.json", "{}", 0600));
    }
    CHECK(names_in(directory.path()).empty());
}

TEST_CASE("a directory that is there is not replaced") {
    const TemporaryDirectory directory;
    std::filesystem::create_directory(directory.path() + "/7");
    std::ofstream(directory.path() + "/7/kept") << "kept";
    auto made = os::NewDirectory::make(directory.path(), "7");
    REQUIRE(made);
    CHECK_FALSE(made->commit());
    CHECK(names_in(directory.path() + "/7") == Names{"kept"});
}

TEST_CASE("what a killed process left is removed, and nothing else") {
    const TemporaryDirectory directory;
    for (const char* name : {".new-7", ".old-3", "6", ".other"}) {
        std::filesystem::create_directory(directory.path() + "/" + name);
        std::ofstream(directory.path() + "/" + name + "/revision.json") << "{}";
    }
    os::remove_leftovers(directory.path());
    CHECK(names_in(directory.path()) == Names{".other", "6"});
}

TEST_CASE("a copy of an open file is the file that was opened, whatever its name is by then") {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/web";
    std::ofstream(path) << "old";
    const UniqueFd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::filesystem::remove(path);
    auto made = os::NewDirectory::make(directory.path(), "7");
    REQUIRE(made);
    {
        const auto copy = made->create("executable", 0755);
        REQUIRE(copy);
        REQUIRE(os::copy_whole(opened.get(), copy->get()));
    }
    REQUIRE(os::sync_files(made->fd()));
    REQUIRE(made->commit());
    CHECK(*os::read_file(directory.path() + "/7/executable", 100) == "old");
    CHECK(::access((directory.path() + "/7/executable").c_str(), X_OK) == 0);
}

TEST_CASE("a copy goes to a file system of another type as well") {
    const TemporaryDirectory directory;
    const UniqueFd memory(::memfd_create("web", MFD_CLOEXEC)); // tmpfs: mostly not what holds /tmp
    const std::string content(3'000'000, 'x');
    REQUIRE(::write(memory.get(), content.data(), content.size()) == std::ssize(content));
    auto made = os::NewDirectory::make(directory.path(), "7");
    REQUIRE(made);
    {
        const auto copy = made->create("executable", 0755);
        REQUIRE(copy);
        REQUIRE(os::copy_whole(memory.get(), copy->get()));
    }
    REQUIRE(made->commit());
    CHECK(*os::read_file(directory.path() + "/7/executable", 4'000'000) == content);
}

TEST_CASE("a file is replaced in one step") {
    const TemporaryDirectory directory;
    REQUIRE(os::write_in_one_step(directory.path(), "outcome.json", "1", 0600, os::Reaches::disk));
    REQUIRE(
        os::write_in_one_step(directory.path(), "outcome.json", "2", 0600, os::Reaches::kernel));
    CHECK(names_in(directory.path()) == Names{"outcome.json"});
    CHECK(*os::read_file(directory.path() + "/outcome.json", 100) == "2");
}

TEST_CASE(
    "while a file is replaced, the new one has no name that a reader would choose by its end") {
    const TemporaryDirectory directory;
    const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    REQUIRE(::inotify_add_watch(watch.get(), directory.path().c_str(), IN_CREATE) >= 0);
    REQUIRE(os::write_in_one_step(directory.path(), "svc.prom", "1", 0600, os::Reaches::kernel));
    alignas(inotify_event) std::array<char, 4096> events{};
    REQUIRE(::read(watch.get(), events.data(), events.size()) > 0);
    const std::string made = reinterpret_cast<const inotify_event*>(events.data())->name;
    CHECK(made.starts_with(".new-"));
    CHECK_FALSE(made.ends_with(".prom"));
}

TEST_CASE("removing a directory that is not there is done, and a list has its bound") {
    const TemporaryDirectory directory;
    CHECK(os::remove_directory(directory.path(), "7"));
    std::filesystem::create_directory(directory.path() + "/7");
    std::filesystem::create_directory(directory.path() + "/8");
    CHECK_FALSE(os::list_directory(directory.path(), 1));
    CHECK(os::remove_directory(directory.path(), "7"));
    CHECK(names_in(directory.path()) == Names{"8"});
}
