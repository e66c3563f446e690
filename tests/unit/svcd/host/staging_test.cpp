#include "svcd/host/history/staging.h"

#include "../../temporary_directory.h"

#include "os/executable.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <fcntl.h>
#include <optional>
#include <sys/wait.h>

using namespace svc;
using namespace svc::daemon;
namespace asio = boost::asio;
using svc::test::TemporaryDirectory;

namespace {

struct Desk {
    TemporaryDirectory directory;
    asio::io_context io{1};
    History history{directory.path()};
    FdStore store{io, nullptr};
    Executables executables{history, store};
    rollout::Revision revision;

    Desk() {
        REQUIRE(history.open());
        revision.number = 1;
        revision.command = {"web"};
        revision.spec.process.command = {"web"};
    }
    ~Desk() {
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
    }
    /// A script and its identity, as the loader takes it.
    void is_now(const std::string& text) {
        directory.write("web", text);
        revision.executable = directory / "web";
        revision.executable_kind = rollout::ExecutableKind::script;
        revision.executable_identity = identity_of(revision.executable, stat());
    }
    [[nodiscard]] os::FileStat stat() const { return *os::stat_file(directory / "web"); }
    template <class T>
    T finish(asio::awaitable<T> work) {
        std::optional<T> result;
        auto running = [&]() -> asio::awaitable<void> { result.emplace(co_await std::move(work)); };
        asio::co_spawn(io, running, asio::detached);
        io.restart();
        io.run();
        REQUIRE(result);
        return std::move(*result);
    }
    void finish(asio::awaitable<void> work) {
        asio::co_spawn(io, std::move(work), asio::detached);
        io.restart();
        io.run();
    }
};

} // namespace

TEST_CASE("a digest is that of the file that the revision was made from, and of no other") {
    Desk desk;
    desk.is_now("old");
    desk.finish(take_digests(desk.io, desk.executables, desk.revision));
    const std::string first = desk.revision.sha256;
    CHECK(first.size() == 64);
    desk.revision.sha256.clear();
    desk.directory.write("web", "other");
    desk.finish(take_digests(desk.io, desk.executables, desk.revision));
    CHECK(desk.revision.sha256.empty());
}

TEST_CASE("a file that was replaced is read before it is decided whether it is the old one") {
    Desk desk;
    desk.is_now("old");
    desk.finish(take_digests(desk.io, desk.executables, desk.revision));
    CHECK_FALSE(desk.executables.find_unread(desk.revision));
    for (const bool same : {true, false}) {
        desk.directory.write("new", same ? "old" : "new");
        REQUIRE(::rename((desk.directory / "new").c_str(), (desk.directory / "web").c_str()) == 0);
        CHECK(desk.executables.find_unread(desk.revision));
        CHECK_FALSE(desk.executables.find(desk.revision).ok());
        desk.finish(read_contents(desk.io, desk.executables, desk.revision));
        CHECK_FALSE(desk.executables.find_unread(desk.revision));
        CHECK(desk.executables.find(desk.revision).ok() == same);
    }
}

TEST_CASE("a staged revision has its name once it has begun, with the copy of its executable") {
    Desk desk;
    desk.is_now("old");
    const UniqueFd opened(::open(desk.revision.executable.c_str(), O_RDONLY | O_CLOEXEC));
    auto staged = desk.finish(stage_revision(desk.io, desk.history, desk.revision, opened.get()));
    CHECK_FALSE(staged.problem);
    CHECK(desk.history.numbers().empty());
    REQUIRE(desk.history.begin(std::move(staged)));
    CHECK(desk.history.numbers() == std::vector<rollout::RevisionNumber>{1});
    CHECK(desk.history.read(1).copied);
    CHECK(desk.history.read(1).revision);
}

TEST_CASE("a revision without its copy is kept, and it is said what is missing") {
    Desk desk;
    desk.is_now("old");
    const UniqueFd not_readable(::open(desk.revision.executable.c_str(), O_PATH | O_CLOEXEC));
    auto staged =
        desk.finish(stage_revision(desk.io, desk.history, desk.revision, not_readable.get()));
    REQUIRE(staged.problem);
    CHECK(staged.problem->message.find("cannot copy") != std::string::npos);
    CHECK_FALSE(desk.history.begin(std::move(staged)));
    CHECK(desk.history.read(1).revision);
    CHECK_FALSE(desk.history.read(1).copied);
}

TEST_CASE(
    "what a child answers is a digest, an error with its errno, or nothing if it was killed") {
    Desk desk;
    desk.is_now("old");
    const UniqueFd opened(::open(desk.revision.executable.c_str(), O_RDONLY | O_CLOEXEC));
    const auto digest = desk.finish(finish_job(desk.io, os::start_digest(opened.get())));
    REQUIRE(digest.ok());
    CHECK(*digest == os::read_digest(opened.get()));
    CHECK_FALSE(os::parse_file_answer("").ok());
    CHECK(os::parse_file_answer("!28 no room").error() == Error{"no room", 28});
}
