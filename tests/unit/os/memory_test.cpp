#include "os/memory.h"
#include "os/peer.h"
#include "support.h"

#include <array>
#include <cstring>
#include <fstream>
#include <memory>
#include <sys/mman.h>

using namespace svc;
using namespace svc::test;

namespace {

constexpr std::size_t mebibyte = 1 << 20;

/// Takes memory that only this process has.
void take_memory(std::size_t bytes) {
    void* taken =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (taken == MAP_FAILED)
        ::_exit(9);
    std::memset(taken, 1, bytes);
}

/// A child that did `first`, said so, and waits until this object goes.
class Child {
public:
    explicit Child(const std::function<void()>& first) {
        std::array<int, 2> said{};
        std::array<int, 2> go{};
        REQUIRE(::pipe2(said.data(), O_CLOEXEC) == 0);
        REQUIRE(::pipe2(go.data(), O_CLOEXEC) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            ::close(go[1]);
            first();
            char byte = 0;
            [[maybe_unused]] auto done = ::write(said[1], &byte, 1);
            done = ::read(go[0], &byte, 1);
            ::_exit(0);
        }
        ::close(said[1]);
        ::close(go[0]);
        go_.reset(go[1]);
        const UniqueFd told(said[0]);
        REQUIRE(wait_readable(told.get()));
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        go_.reset();
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_ = 0;
    UniqueFd go_;
};

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
}

} // namespace

TEST_CASE("what a process and its descendants took is theirs") {
    const Child idle([] {});
    const std::array roots{idle.pid()};
    const std::uint64_t before = os::memory_of_trees(roots);
    const Child family([] {
        take_memory(32 * mebibyte);
        if (::fork() == 0) { // gets the same pages, and as much again
            take_memory(16 * mebibyte);
            ::pause();
        }
        // The child is asked for by its parent's list, so it need not have taken anything yet.
    });
    const std::array parent{family.pid()};
    CHECK(os::memory_of_trees(parent) >= before + 31 * mebibyte);
    std::uint64_t both = 0;
    const auto end = std::chrono::steady_clock::now() + patience;
    for (; both < 76 * mebibyte && std::chrono::steady_clock::now() < end; ::usleep(10000))
        both = os::memory_of_trees(parent);
    CHECK(both >= 76 * mebibyte); // 32, 32 and 16, less what a page or two makes
    const std::array twice{family.pid(), family.pid()};
    CHECK(os::memory_of_trees(twice) < both + 31 * mebibyte); // a process counts once
    // The grandchild, which has nobody to end it, is found the same way.
    std::ifstream children("/proc/" + std::to_string(family.pid()) + "/task/" +
                           std::to_string(family.pid()) + "/children");
    pid_t grandchild = 0;
    children >> grandchild;
    REQUIRE(grandchild > 1);
    ::kill(grandchild, SIGKILL);
}

TEST_CASE("a process that is gone uses nothing") {
    pid_t gone = 0;
    {
        const Child child([] {});
        gone = child.pid();
    }
    const std::array roots{gone, 0, -1};
    CHECK(os::memory_of_trees(roots) == 0);
}

TEST_CASE("there is memory to be had, and not more than the machine has") {
    const auto available = os::available_memory();
    REQUIRE(available);
    CHECK(*available > 0);
    CHECK(*available <= static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                            static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

TEST_CASE("the tightest cgroup on the way up decides, and inactive page cache counts as free") {
    const OpenDirectory directory;
    const std::string& mount = directory.path();
    std::filesystem::create_directories(mount + "/a/b/c");
    CHECK_FALSE(os::cgroup_headroom(mount, "/a/b/c"));
    write_file(mount + "/a/b/c/memory.max", "max\n");
    write_file(mount + "/a/b/c/memory.current", "100\n");
    CHECK_FALSE(os::cgroup_headroom(mount, "/a/b/c"));
    write_file(mount + "/a/b/memory.max", "1000\n");
    write_file(mount + "/a/b/memory.current", "900\n");
    CHECK(os::cgroup_headroom(mount, "/a/b/c") == 100);
    write_file(mount + "/a/b/memory.stat", "anon 1\ninactive_file 250\n");
    CHECK(os::cgroup_headroom(mount, "/a/b/c") == 350);
    write_file(mount + "/a/memory.max", "5000\n");
    write_file(mount + "/a/memory.current", "4990\n");
    CHECK(os::cgroup_headroom(mount, "/a/b/c") == 10);
    CHECK(os::cgroup_headroom(mount, "/a") == 10);
    write_file(mount + "/a/memory.current", "6000\n"); // over its limit, as after it was lowered
    CHECK(os::cgroup_headroom(mount, "/a/b/c") == 0);
    CHECK_FALSE(os::cgroup_headroom(mount, "/"));
}

TEST_CASE("a connection over a unix socket says who called listen") {
    const OpenDirectory directory;
    const auto address = address_of("unix:" + directory.path() + "/s");
    const UniqueFd listener = open_or_fail("unix:" + directory.path() + "/s");
    CHECK(os::listening_process(connect_to(address).get()) == ::getpid());
    const Child other([&] { ::listen(listener.get(), 7); });
    CHECK(os::listening_process(connect_to(address).get()) == other.pid());
    const UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_FALSE(os::listening_process(tcp.get()));
    const UniqueFd alone(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_FALSE(os::listening_process(alone.get()));
}
