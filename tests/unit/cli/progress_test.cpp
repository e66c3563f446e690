#include "svc/draw/progress.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::cli;
using namespace svc::wire;
using namespace std::chrono_literals;

namespace {

constexpr Instant began{100s};

Progress step(std::uint64_t revision, std::string text, std::uint32_t updated) {
    return {.state = "progressing",
            .from = 6,
            .step = "rolling",
            .revision = revision,
            .text = std::move(text),
            .updated = updated,
            .available = 4,
            .replicas = 4,
            .workers = "4 available, 1 starting"};
}

constexpr Terminal terminal{.interactive = true, .width = 80, .height = 24};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("without a terminal every step is a line") {
    ProgressView view("reload web", began, Terminal{});
    CHECK(view.show(step(7, "revision 7 is accepted", 0), began + 40ms) ==
          "[0.0s] 0/4 revision 7 is accepted\n");
    CHECK(view.show(step(7, "r7-0 is ready", 1), began + 1250ms) == "[1.2s] 1/4 r7-0 is ready\n");
    CHECK(view.redraw(began + 2s).empty());
    CHECK(view.finish(began + 2s).empty());
}

TEST_CASE("a reply that only tells of workers is no line without a terminal") {
    ProgressView view("reload web", began, Terminal{});
    auto quiet = step(7, "", 1);
    quiet.worker_list = {{.name = "r7-0", .revision = 7, .state = "starting"}};
    CHECK(view.show(quiet, began).empty());
}

TEST_CASE(
    "that the supervisor was replaced is a line, and on a terminal the last thing that happened") {
    ProgressView plain("reload web", began, Terminal{});
    plain.show(step(7, "r7-0 is ready", 1), began);
    CHECK(plain.lose(began + 1s).empty());
    CHECK(plain.regain(began + 2s) == "[2.0s] (the supervisor was replaced; going on)\n");
    CHECK(plain.show(step(7, "", 1), began + 2s).empty());

    ProgressView view("reload web", began, terminal);
    auto first = step(7, "r7-0 is ready", 1);
    first.worker_list = {{.name = "r7-0", .revision = 7, .state = "ready"},
                         {.name = "r6-0", .revision = 6, .state = "draining"}};
    view.show(first, began + 1s);
    CHECK(has(view.lose(began + 2s), "(the supervisor has ended; waiting for the next one)"));
    CHECK(view.regain(began + 3s).empty());
    // It tells of all that there are: the old worker ended meanwhile.
    auto next = step(7, "", 1);
    next.worker_list = {{.name = "r7-0", .revision = 7, .state = "ready"}};
    view.show(next, began + 3s);
    const auto drawn = view.redraw(began + 3s);
    CHECK(has(drawn, "(the supervisor was replaced; going on)"));
    CHECK(has(drawn, "r7-0"));
    CHECK_FALSE(has(drawn, "r6-0"));
    CHECK(view.revision() == 7);
}

TEST_CASE("on a terminal the block is drawn over itself") {
    ProgressView view("reload web", began, terminal);
    CHECK(view.due() == began);
    CHECK(view.show(step(7, "r7-0 is ready", 1), began + 1s) ==
          "\rreload web 1.0s: revision 6 → 7 (rolling): 1 of 4 updated, 4 available\x1b[K\r\n"
          "r7-0 is ready\x1b[K\r\n\x1b[J");
    CHECK(view.redraw(began + 62s).starts_with("\r\x1b[2Areload web 1m2s: "));
    CHECK_FALSE(has(view.show(step(7, "\x1b[2J\n", 1), began + 90s), "\x1b[2J"));
    // It stays in the end, and the verdict follows it.
    CHECK(view.finish(began + 91s) == "\r\x1b[2Areload web 1m31s: revision 6 → 7 (rolling): 1 of 4 "
                                      "updated, 4 available\x1b[K\r\n\x1b[J");
    CHECK(view.finish(began + 92s).empty());
}

TEST_CASE("many replies in a moment are one drawing") {
    ProgressView view("reload web", began, terminal);
    view.redraw(began);
    CHECK(view.due() == began + 1s);
    CHECK(view.show(step(7, "one", 1), began + 10ms).empty());
    CHECK(view.show(step(7, "two", 1), began + 20ms).empty());
    CHECK(view.due() == began + 100ms);
    const std::string drawn = view.show(step(7, "three", 1), began + 100ms);
    CHECK(has(drawn, "three"));
    CHECK_FALSE(has(drawn, "two"));
}

TEST_CASE("a terminal of another size is drawn on within it") {
    ProgressView view("reload web", began, terminal);
    view.redraw(began);
    view.show(step(7, "a sentence that is much longer than thirty columns", 1), began + 1s);
    Terminal narrow = terminal;
    narrow.width = 30;
    // What was drawn took 72 and 50 columns: the terminal has broken them into five lines.
    const std::string drawn = view.resize(narrow, began + 1s);
    CHECK(drawn.starts_with("\r\x1b[5A"));
    CHECK(has(drawn, "\r\na sentence that is much long…\x1b[K\r\n"));
    // Others wrote to it: nothing of theirs is taken away.
    CHECK(view.start_over(began + 2s).starts_with("\rreload web"));
}

TEST_CASE("that another reload took over stays on the screen") {
    ProgressView view("reload web", began, terminal);
    view.show(step(7, "revision 7 is accepted", 0), began);
    CHECK(view.superseded() == 0);
    CHECK(view.show(step(8, "revision 7 was superseded by revision 8", 0), began)
              .starts_with("\r\x1b[2A\x1b[Jrevision 7 was superseded by revision 8\r\n"));
    CHECK(view.superseded() == 7);
}

TEST_CASE("a good verdict is one sentence and status 0") {
    Progress last = step(7, "revision 7 is complete", 4);
    last.verdict = "complete";
    last.changed = {"executable", "/etc/web.env"};
    const auto verdict = verdict_of(last, "web", 0, 3240ms);
    CHECK(verdict.exit_status == 0);
    CHECK(verdict.text == "changed: executable, /etc/web.env\n"
                          "web: revision 7 serves: 4 of 4 workers available, in 3.2s\n");
    CHECK(verdict_of(last, "web", 0, 3240ms, {.out = true})
              .text.ends_with(
                  "\x1b[32mweb: revision 7 serves: 4 of 4 workers available, in 3.2s\x1b[0m\n"));
    for (const auto* good : {"unchanged", "scaled", "stopped", "accepted", ""}) {
        last.verdict = good;
        CHECK(verdict_of(last, "web", 0, 1s).exit_status == 0);
    }
    for (const auto* bad : {"rolled back", "failed", "aborted", "exploded"}) {
        last.verdict = bad;
        CHECK(verdict_of(last, "web", 0, 1s).exit_status == 1);
    }
}

TEST_CASE("what took its time says how long") {
    Progress last = step(7, "scaled to 4", 4);
    last.verdict = "scaled";
    CHECK(verdict_of(last, "web", 0, 1100ms).text ==
          "web: scaled to 4: 4 of 4 workers available, in 1.1s\n");
    last.verdict = "stopped";
    last.text = "every worker is gone; the supervisor ends";
    CHECK(verdict_of(last, "web", 0, 500ms).text ==
          "web: every worker is gone; the supervisor ends (0.5s)\n");
}

TEST_CASE("a bad verdict says why, what the worker said, and what to do") {
    Progress last = step(8, "revision 8 failed and was rolled back", 0);
    last.verdict = "rolled back";
    last.reason = "r8-0: exit status 1";
    last.last_output = {"KeyError: 'PORT'", "\x1b[2J"};
    const auto verdict = verdict_of(last, "web", 7, 2s);
    CHECK(verdict.exit_status == 1);
    CHECK(verdict.text ==
          "Your revision 7 was superseded by 8, and this is the verdict on that one:\n"
          "svc: web: revision 8 failed and was rolled back: r8-0: exit status 1\n"
          "    | KeyError: 'PORT'\n"
          "    | ?[2J\n"
          "The old revision serves on. Mend the new one and reload again; `svc events web` tells "
          "the whole story.\n");
}

TEST_CASE("after a rollback it says how much of the old revision serves") {
    Progress last = step(8, "revision 8 failed and was rolled back", 0);
    last.verdict = "rolled back";
    const auto told = [&](std::uint32_t available) {
        last.available = available;
        return verdict_of(last, "web", 0, 2s).text;
    };
    CHECK(has(told(4), "\nThe old revision serves on. Mend"));
    CHECK(has(told(3), "\nThe old revision serves on with 3 of 4 workers. Mend"));
    CHECK(has(told(0), "\nNo worker of the old revision is available. Mend"));
}

TEST_CASE("a rollout that was paused because it failed says what can be done") {
    Progress last = step(7, "the rollout of revision 7 is paused", 1);
    last.verdict = "paused";
    last.reason = "r7-0: exit status 1 before it was ready";
    last.last_output = {"no database"};
    const auto verdict = verdict_of(last, "web", 0, 2s);
    CHECK(verdict.exit_status == 1);
    CHECK(verdict.text ==
          "svc: web: the rollout of revision 7 is paused: r7-0: exit status 1 before "
          "it was ready\n    | no database\n`svc resume web` tries again, `svc abort "
          "web` goes back; `svc status web` shows what runs meanwhile.\n");
}

TEST_CASE("who aborts has what was wanted; whose rollout was aborted has not") {
    Progress last = step(7, "revision 7 was taken back; revision 6 serves on", 0);
    last.verdict = "taken back";
    CHECK(verdict_of(last, "web", 0, 2s).exit_status == 0);
    last.text = "revision 7 was taken back";
    last.verdict = "rolled back";
    last.reason = "aborted by uid 0: wrong one";
    const auto verdict = verdict_of(last, "web", 0, 2s);
    CHECK(verdict.exit_status == 1);
    CHECK(verdict.text == "svc: web: revision 7 was taken back: aborted by uid 0: wrong one\n"
                          "The old revision serves on.\n");
    last.reason = "undone by uid 0";
    CHECK(verdict_of(last, "web", 0, 2s).text ==
          "svc: web: revision 7 was taken back: undone by uid 0\nThe old revision serves on.\n");
    last.verdict = "aborted";
    CHECK(
        has(verdict_of(last, "web", 0, 2s).text, "It had not begun: the old revision serves on."));
}
