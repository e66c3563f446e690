#include "os/memory_file.h"
#include "support.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

using namespace svc;
using namespace svc::os;

namespace {

constexpr std::uint64_t far = std::uint64_t{1} << 32;

UniqueFd some_file() {
    auto made = make_memory_file("test");
    REQUIRE(made);
    return std::move(*made);
}

} // namespace

TEST_CASE("two places far apart are read back apart, and what was never written is empty") {
    const UniqueFd file = some_file();
    CHECK(read_at(file.get(), 0, far)->empty());
    REQUIRE(write_at(file.get(), far, "second"));
    CHECK(read_at(file.get(), 0, far)->empty());
    REQUIRE(write_at(file.get(), 0, "first"));
    // A page is the least that is there.
    CHECK(read_at(file.get(), 0, far)->starts_with(std::string("first\0", 6)));
    CHECK(read_at(file.get(), far, far)->starts_with("second"));
    CHECK(*read_at(file.get(), 0, 3) == "fir");
}

TEST_CASE("what was freed is empty, and its neighbour is untouched") {
    const UniqueFd file = some_file();
    REQUIRE(write_at(file.get(), 0, std::string(100'000, 'x')));
    REQUIRE(write_at(file.get(), far, "second"));
    free_range(file.get(), 0, far);
    CHECK(read_at(file.get(), 0, far)->empty());
    CHECK(read_at(file.get(), far, far)->starts_with("second"));
}

TEST_CASE("only a file without a name is taken for one") {
    CHECK(is_memory_file(some_file().get()));
    const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK_FALSE(is_memory_file(null.get()));
    const UniqueFd named(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    CHECK_FALSE(is_memory_file(named.get()));
    CHECK_FALSE(is_memory_file(-1));
    CHECK_FALSE(write_at(named.get(), 0, "x"));
}
