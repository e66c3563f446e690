#include "svc/progress.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::cli;
using namespace svc::wire;
using namespace std::chrono_literals;

namespace {

constexpr Instant began{100s};

Progress step(std::uint64_t revision, std::string text, std::uint32_t updated) {
    return {.state = "progressing",
            .revision = revision,
            .text = std::move(text),
            .updated = updated,
            .available = 4,
            .replicas = 4,
            .workers = "4 available, 1 starting"};
}

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
    CHECK(view.clear().empty());
}

TEST_CASE("on a terminal one line is drawn again, within its width") {
    const Terminal terminal{.interactive = true, .color = false, .width = 60};
    ProgressView view("reload web", began, terminal);
    CHECK(view.show(step(7, "r7-0 is ready", 1), began + 1s) ==
          "\r\x1b[Kreload web 1.0s: 1/4 updated (4 available, 1 starting): r7…");
    CHECK(view.redraw(began + 62s).starts_with("\r\x1b[Kreload web 1m2s: "));
    CHECK(view.clear() == "\r\x1b[K");
    CHECK_FALSE(has(view.show(step(7, "\x1b[2J\n", 1), began + 1s), "\x1b[2J"));
}

TEST_CASE("that another reload took over stays on the screen") {
    const Terminal terminal{.interactive = true, .color = false, .width = 200};
    ProgressView view("reload web", began, terminal);
    view.show(step(7, "revision 7 is accepted", 0), began);
    CHECK(view.superseded() == 0);
    CHECK(has(view.show(step(8, "revision 7 was superseded by revision 8", 0), began),
              "\r\x1b[Krevision 7 was superseded by revision 8\n"));
    CHECK(view.superseded() == 7);
}

TEST_CASE("a good verdict is one sentence and status 0") {
    Progress last = step(7, "revision 7 is complete", 4);
    last.verdict = "complete";
    last.changed = {"executable", "/etc/web.env"};
    const auto verdict = verdict_of(last, "web", 0, 3240ms);
    CHECK(verdict.exit_status == 0);
    CHECK(verdict.text ==
          "web: revision 7 is complete (3.2s)\nchanged: executable, /etc/web.env\n");
    for (const auto* good : {"unchanged", "scaled", "stopped", "accepted", ""}) {
        last.verdict = good;
        CHECK(verdict_of(last, "web", 0, 1s).exit_status == 0);
    }
    for (const auto* bad : {"rolled back", "failed", "aborted", "exploded"}) {
        last.verdict = bad;
        CHECK(verdict_of(last, "web", 0, 1s).exit_status == 1);
    }
}

TEST_CASE("a bad verdict says why, what the worker said, and what to do") {
    Progress last = step(8, "revision 8 failed and was rolled back", 0);
    last.verdict = "rolled back";
    last.reason = "r8-0: exit status 1";
    last.last_output = {"KeyError: 'PORT'", "\x1b[2J"};
    const auto verdict = verdict_of(last, "web", 7, 2s);
    CHECK(verdict.exit_status == 1);
    CHECK(verdict.text ==
          "svc: web: revision 8 failed and was rolled back: r8-0: exit status 1\n"
          "Your revision 7 was superseded by 8, and this is the verdict on that one.\n"
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
    last.verdict = "aborted";
    CHECK(
        has(verdict_of(last, "web", 0, 2s).text, "It had not begun: the old revision serves on."));
}
