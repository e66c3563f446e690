#include "svcd/host/history/outcome_writer.h"

#include "../../temporary_directory.h"

#include <optional>
#include <sys/wait.h>

using namespace svc;
using namespace svc::daemon;
using rollout::RevisionNumber;
using rollout::Verdict;
using svc::test::TemporaryDirectory;

namespace {

struct Desk {
    TemporaryDirectory directory;
    boost::asio::io_context io{1};
    History history{directory.path()};
    std::vector<RevisionNumber> written;
    std::vector<std::string> errors;
    OutcomeWriter writer{io, history, [this](RevisionNumber number, const Result<void>& result) {
                             CHECK_FALSE(writer.writes(number));
                             written.push_back(number);
                             if (!result)
                                 errors.push_back(result.error().message);
                         }};

    Desk() {
        REQUIRE(history.open());
        for (const RevisionNumber number : {6u, 7u})
            begin(number);
    }
    ~Desk() {
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
    }
    void begin(RevisionNumber number) {
        rollout::Revision made;
        made.number = number;
        auto staged = history.stage(made);
        REQUIRE(staged);
        StagedRevision whole;
        whole.directory.emplace(std::move(*staged));
        REQUIRE(history.begin(std::move(whole)));
    }
    void write(RevisionNumber number, Verdict verdict) {
        writer.write(number, {.verdict = verdict, .reason = "why"});
    }
    [[nodiscard]] std::optional<Verdict> on_disk(RevisionNumber number) const {
        const auto entry = history.read(number);
        return entry.outcome ? std::optional(entry.outcome->verdict) : std::nullopt;
    }
};

} // namespace

TEST_CASE("outcomes are written one after the other, and each is told when it is on disk") {
    Desk desk;
    desk.write(6, Verdict::superseded);
    desk.write(7, Verdict::complete);
    CHECK(desk.writer.writes(6));
    CHECK(desk.writer.writes(7));
    CHECK(desk.written.empty()); // by a child, and told from the loop
    desk.io.run();
    CHECK(desk.written == std::vector<RevisionNumber>{6, 7});
    CHECK(desk.on_disk(6) == Verdict::superseded);
    CHECK(desk.on_disk(7) == Verdict::complete);
    CHECK(desk.writer.is_idle());
}

TEST_CASE("who cannot wait for the loop has them written, and told, before it goes on") {
    Desk desk;
    desk.write(6, Verdict::superseded);
    desk.write(7, Verdict::complete);
    desk.writer.finish();
    CHECK(desk.written == std::vector<RevisionNumber>{6, 7});
    CHECK(desk.on_disk(7) == Verdict::complete);
    desk.writer.finish(); // nothing is left
    desk.io.run();
    CHECK(desk.written.size() == 2); // nor told twice
}

TEST_CASE(
    "an outcome that cannot be written is told with its reason, and the next one is written") {
    Desk desk;
    desk.write(5, Verdict::failed); // it has no directory
    desk.write(7, Verdict::complete);
    desk.io.run();
    CHECK(desk.written == std::vector<RevisionNumber>{5, 7});
    REQUIRE(desk.errors.size() == 1);
    CHECK(desk.errors.front().find("revisions/5") != std::string::npos);
    CHECK(desk.on_disk(7) == Verdict::complete);
}
