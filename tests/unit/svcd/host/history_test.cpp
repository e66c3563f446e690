#include "svcd/host/history/history.h"

#include "../../temporary_directory.h"

#include <cerrno>
#include <sys/stat.h>

using namespace svc;
using namespace svc::daemon;
using rollout::Verdict;
using svc::test::TemporaryDirectory;

namespace {

using Numbers = std::vector<rollout::RevisionNumber>;

rollout::Revision revision(rollout::RevisionNumber number, std::uint32_t bound = 10) {
    rollout::Revision made;
    made.number = number;
    made.executable = "/usr/bin/web";
    made.command = {"web"};
    made.spec.process.command = {"web"};
    made.spec.rollout.history = bound;
    made.file_environment["TOKEN"] = "secret";
    made.service_file = "[service]\n";
    return made;
}

struct Shelf {
    TemporaryDirectory directory;
    History history{directory.path()};
    Shelf() { REQUIRE(history.open()); }
    void begin(const rollout::Revision& made) {
        auto staged = history.stage(made);
        REQUIRE(staged);
        StagedRevision whole;
        whole.directory.emplace(std::move(*staged));
        REQUIRE(history.begin(std::move(whole)));
    }
    void keep(rollout::RevisionNumber number, std::uint32_t bound = 10,
              Verdict verdict = Verdict::complete) {
        begin(revision(number, bound));
        REQUIRE(history.end(number, {.verdict = verdict, .reason = "why"}));
        REQUIRE(history.trim(bound, {number}));
    }
    [[nodiscard]] mode_t mode_of(const std::string& path) const {
        struct stat found {};
        REQUIRE(::stat((directory / path).c_str(), &found) == 0);
        return found.st_mode & 07777;
    }
};

} // namespace

TEST_CASE("a revision and its outcome are read as they were written, by nobody else") {
    Shelf shelf;
    shelf.keep(7);
    const auto entry = shelf.history.read(7);
    REQUIRE(entry.revision);
    CHECK(*entry.revision == revision(7));
    REQUIRE(entry.outcome);
    CHECK(entry.outcome->reason == "why");
    CHECK(entry.completed());
    CHECK(shelf.mode_of("revisions") == 0700);
    CHECK(shelf.mode_of("revisions/7") == 0700);
    for (const char* file : {"revision.json", "outcome.json", "service.toml"})
        CHECK(shelf.mode_of(std::string("revisions/7/") + file) == 0600);
}

TEST_CASE("only plain numbers are revisions") {
    CHECK(revision_of_name("7") == 7);
    CHECK(revision_of_name("120") == 120);
    for (const char* name : {"", "0", "07", "-1", "+1", "7a", ".new-7", "1e3", "1234567890123456",
                             "99999999999999999999"})
        CHECK_FALSE(revision_of_name(name));
}

TEST_CASE("the oldest go first, and none that is kept") {
    CHECK(surplus({1, 2, 3, 4}, 2, {}) == Numbers{1, 2});
    CHECK(surplus({1, 2, 3, 4}, 2, {1}) == Numbers{2, 3});
    CHECK(surplus({1, 2}, 10, {}).empty());
    CHECK(surplus({1, 2, 3}, 1, {1, 2, 3}).empty());
}

TEST_CASE("the history has a bound, and the two that completed last are within it") {
    Shelf shelf;
    for (rollout::RevisionNumber number = 1; number <= 5; ++number)
        shelf.keep(number, 3);
    CHECK(shelf.history.numbers() == Numbers{3, 4, 5});
    for (rollout::RevisionNumber number = 6; number <= 9; ++number)
        shelf.keep(number, 1, Verdict::rolled_back);
    CHECK(shelf.history.numbers() == Numbers{4, 5, 9});
    CHECK(shelf.history.last_completed(100)->number == 5);
    CHECK(shelf.history.last_completed(5)->number == 4);
}

TEST_CASE("a broken directory is listed as unreadable and taken for nothing") {
    Shelf shelf;
    shelf.keep(1);
    const std::string good = [&] {
        std::ifstream file(shelf.directory / "revisions/1/revision.json");
        return std::string(std::istreambuf_iterator<char>(file), {});
    }();
    const std::vector<std::string> broken = {"",
                                             "{",
                                             "[]",
                                             "null",
                                             R"({"version":1})",
                                             R"({"version":99,"revision":{}})",
                                             good.substr(0, good.size() / 2),
                                             good, // whole, but of another number
                                             R"({"version":1,"revision":{"number":2,"unknown":1}})",
                                             R"({"version":1,"revision":{"number":2}})"};
    for (const std::string& text : broken) {
        shelf.directory.write("revisions/2/revision.json", text);
        shelf.directory.write("revisions/2/outcome.json",
                              R"({"version":1,"outcome":{"verdict":"complete"}})");
        const auto entry = shelf.history.read(2);
        INFO(text);
        CHECK_FALSE(entry.completed());
        CHECK_FALSE(entry.unreadable.empty());
    }
    std::filesystem::create_directories(shelf.directory / "revisions/3/revision.json");
    CHECK_FALSE(shelf.history.read(3).unreadable.empty());
    CHECK_FALSE(shelf.history.read(4).unreadable.empty());
    CHECK(shelf.history.last_completed(100)->number == 1);
    CHECK(shelf.history.numbers() == Numbers{1, 2, 3});
}

TEST_CASE("an outcome that cannot be read leaves the revision readable") {
    Shelf shelf;
    shelf.keep(1);
    shelf.directory.write("revisions/1/outcome.json", "{");
    const auto entry = shelf.history.read(1);
    CHECK(entry.revision);
    CHECK_FALSE(entry.outcome);
    CHECK_FALSE(entry.completed());
}

TEST_CASE("a directory that cannot be written to is an error with its path") {
    TemporaryDirectory directory;
    directory.write("revisions", "a file");
    History history(directory.path());
    CHECK_FALSE(history.open());
    const auto written = history.stage(revision(1));
    REQUIRE_FALSE(written);
    CHECK(written.error().message.find(directory / "revisions") != std::string::npos);
    CHECK(history.numbers().empty());
}

TEST_CASE("a timeline stands beside its revision, once it is written") {
    Shelf shelf;
    shelf.keep(7);
    const auto none = shelf.history.read_timeline(7);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == ENOENT);
    wire::Timeline timeline;
    timeline.revision = 7;
    timeline.workers = {{.name = "r7-0", .revision = 7, .ready_us = 12}};
    REQUIRE(shelf.history.write_timeline(timeline));
    timeline.workers[0].ended_us = 40;
    REQUIRE(shelf.history.write_timeline(timeline));
    CHECK(*shelf.history.read_timeline(7) == timeline);
    CHECK(shelf.mode_of("revisions/7/timeline.json") == 0600);
    timeline.revision = 8;
    CHECK_FALSE(shelf.history.write_timeline(timeline)); // there is no such revision
    for (const char* broken :
         {"", "{", R"({"version":9})", R"({"version":1,"timeline":{"revision":8}})"}) {
        shelf.directory.write("revisions/7/timeline.json", broken);
        const auto read = shelf.history.read_timeline(7);
        REQUIRE_FALSE(read);
        CHECK(read.error().code != ENOENT);
    }
}
