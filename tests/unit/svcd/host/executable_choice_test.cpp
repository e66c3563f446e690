#include "svcd/host/history/executable_choice.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;

namespace {

rollout::FileIdentity file() {
    return {.path = "/usr/bin/web",
            .device = 1,
            .inode = 2,
            .size = 3,
            .modified_ns = 4'000'000'000,
            .changed_ns = 5'000'000'000};
}

os::FileStat stat() {
    return {.device = 1,
            .inode = 2,
            .size = 3,
            .modified_ns = 4'000'000'000,
            .changed_ns = 5'000'000'000};
}

} // namespace

TEST_CASE("a file that did not change is executed by its path") {
    CHECK(choose_executable({.path_same = true, .elf = true, .held = HeldFile::same}) ==
          ExecutableSource::path);
    CHECK(choose_executable({.path_same = true}) == ExecutableSource::path);
    CHECK(choose_executable({.path_same = true, .elf = true, .confined = true}) ==
          ExecutableSource::path);
}

TEST_CASE("an ELF file that was replaced is executed by the fd that is held") {
    CHECK(choose_executable({.elf = true, .held = HeldFile::same}) == ExecutableSource::held);
    CHECK(choose_executable({.elf = true, .held = HeldFile::same, .copied = true}) ==
          ExecutableSource::held);
}

TEST_CASE("overwritten in place, or not held, the copy is executed, and without one nothing is") {
    CHECK(choose_executable({.elf = true, .held = HeldFile::overwritten, .copied = true}) ==
          ExecutableSource::copy);
    CHECK(choose_executable({.elf = true, .held = HeldFile::none, .copied = true}) ==
          ExecutableSource::copy);
    CHECK(choose_executable({.elf = true, .held = HeldFile::overwritten}) ==
          ExecutableSource::nothing);
    CHECK(choose_executable({.elf = true}) == ExecutableSource::nothing);
}

TEST_CASE("a changed script is not executed, nor anything whose interpreter's program changed") {
    CHECK(choose_executable({.held = HeldFile::same, .copied = true}) == ExecutableSource::nothing);
    CHECK(choose_executable({.path_same = true, .elf = true, .program_same = false}) ==
          ExecutableSource::nothing);
    CHECK(choose_executable({.elf = true, .held = HeldFile::same, .program_same = false}) ==
          ExecutableSource::nothing);
}

TEST_CASE("a file that would run without its AppArmor profile is not executed") {
    CHECK(choose_executable(
              {.elf = true, .held = HeldFile::same, .copied = true, .confined = true}) ==
          ExecutableSource::nothing);
}

TEST_CASE("a file is the same only if nothing of its identity changed") {
    CHECK(is_same_file(file(), stat()));
    for (const auto& other :
         {os::FileStat{9, 2, 3, 4'000'000'000, 5'000'000'000},
          os::FileStat{1, 9, 3, 4'000'000'000, 5'000'000'000},
          os::FileStat{1, 2, 9, 4'000'000'000, 5'000'000'000},
          os::FileStat{1, 2, 3, 9, 5'000'000'000}, os::FileStat{1, 2, 3, 4'000'000'000, 9}})
        CHECK_FALSE(is_same_file(file(), other));
}

TEST_CASE("a held file whose name was removed is the same, and one that was written to is not") {
    os::FileStat unlinked = stat();
    unlinked.changed_ns += 1;
    CHECK(is_same_content(stat(), unlinked, true));
    CHECK_FALSE(is_same_content(stat(), unlinked, false));
    os::FileStat written = unlinked;
    written.modified_ns += 1;
    CHECK_FALSE(is_same_content(stat(), written, true));
    written = unlinked;
    written.size += 1;
    CHECK_FALSE(is_same_content(stat(), written, true));
}

TEST_CASE("it is said what changed, and since which revision") {
    rollout::Revision revision;
    revision.number = 6;
    CHECK(describe_change(file(), std::nullopt) == "is gone");
    os::FileStat other = stat();
    other.inode = 9;
    CHECK(describe_change(file(), other).starts_with("was replaced at "));
    other = stat();
    other.modified_ns = 9;
    CHECK(describe_change(file(), other).starts_with("was overwritten at "));
    CHECK(explain_change(revision, "/srv/app.py", "is gone", {.program_same = false}) ==
          "/srv/app.py changed since revision 6 was made (it is gone)");
    const ExecutableFacts confined{.elf = true, .held = HeldFile::same, .confined = true};
    CHECK(explain_change(revision, "/x", "is gone", confined).find("AppArmor") !=
          std::string::npos);
}
