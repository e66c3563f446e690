#include "svc/completion/answer.h"
#include "svc/completion/complete.h"

#include <doctest/doctest.h>

#include <chrono>

using namespace svc;
using namespace svc::cli;
using namespace std::chrono_literals;

namespace {

const WallTime now{std::chrono::seconds(1'795'000'000)};

std::int64_t before(Duration age) {
    return (now - age).time_since_epoch().count();
}

/// Two services, or one; it counts what it is asked for.
class Fake final : public Knowledge {
public:
    std::vector<Seen> services(const std::string& runtime_dir) override {
        ++asked;
        directory = runtime_dir;
        return all;
    }
    std::vector<wire::RevisionSummary> revisions(const std::string& runtime_dir,
                                                 const std::string& service) override {
        ++asked;
        directory = runtime_dir;
        if (service != "web")
            return {};
        return {{.revision = 6, .cause = "boot", .made_at_us = before(49h), .result = "complete"},
                {.revision = 7,
                 .cause = "reload: CVE fix",
                 .made_at_us = before(2h),
                 .result = "complete",
                 .serving = true},
                {.revision = 8, .made_at_us = before(1min), .result = "rolled back"},
                {.revision = 9, .unreadable = "cut"}};
    }
    std::vector<std::string> service_files() override { return {"api", "mail"}; }
    std::vector<Candidate> presets() override {
        return {{"nginx", "takes over its sockets"}, {"node", ""}};
    }
    WallTime now() override { return ::now; }

    void leave_one() { all.erase(all.begin()); }

    int asked = 0;
    std::string directory;
    std::vector<Seen> all = {{"api", std::nullopt, "does not answer"}, {"web", web(), ""}};

private:
    static wire::ServiceStatus web() {
        wire::ServiceStatus status;
        status.summary = "revision 7, 2/2 available";
        status.replicas = 2;
        status.workers = {
            {.name = "r7-0", .replica = 0, .state = "available", .age_us = 7'200'000'000}};
        status.replica_list = {{.index = 0},
                               {.index = 1, .waits_for = "restart in 12s (exit status 1)"}};
        return status;
    }
};

TypedLine typed(const std::string& text, Shell shell = Shell::bash) {
    const auto cursor = text.find('|');
    REQUIRE(cursor != std::string::npos);
    return read_line(text.substr(0, cursor), text.substr(cursor + 1), shell);
}

/// What the shell is to do, if anything, and the candidates that the word at the cursor is the beginning of.
std::string shown(const std::string& text, Fake& fake) {
    const TypedLine line = typed(text);
    const Candidates found = complete(line, fake);
    std::string all;
    switch (found.by_shell) {
    case ByShell::nothing:
        break;
    case ByShell::files:
        all = " FILES";
        break;
    case ByShell::service_files:
        all = " SERVICE FILES";
        break;
    case ByShell::directories:
        all = " DIRECTORIES";
        break;
    case ByShell::command:
        all = " COMMAND";
        break;
    }
    for (const auto& [word, description] : found.list)
        if (word.starts_with(line.current))
            all += ' ' + word;
    return all.empty() ? all : all.substr(1);
}

std::string shown(const std::string& text) {
    Fake fake;
    return shown(text, fake);
}

std::string with_one_service(const std::string& text) {
    Fake fake;
    fake.leave_one();
    return shown(text, fake);
}

std::string described(const std::string& text, const std::string& word) {
    Fake fake;
    for (const auto& each : complete(typed(text), fake).list)
        if (each.word == word)
            return each.description;
    return "no candidate";
}

bool has(const std::string& text, std::string_view part) {
    return (' ' + text + ' ').find(' ' + std::string(part) + ' ') != std::string::npos;
}

} // namespace

TEST_CASE("a verb is completed, whatever is typed before it") {
    CHECK(shown("svc rel|") == "reload");
    CHECK(shown("svc re|") == "reload resume replace");
    CHECK(shown("/opt/bin/svc --json st|") == "stop status");
    CHECK(shown("svc --runtime-dir /tmp/x unf|") == "unfreeze");
    CHECK(shown("svc --runtime-dir=/tmp/x --json unf|") == "unfreeze");
    CHECK(has(shown("svc |"), "list"));
    CHECK_FALSE(has(shown("svc |"), "complete"));
    CHECK(shown("svc re| web") == "reload resume replace");
    CHECK(described("svc |", "undo") == "Go back to an older revision");
}

TEST_CASE("after a word that is no verb nothing is known") {
    CHECK(shown("svc deploy |").empty());
    CHECK(shown("svc deploy --|").empty());
}

TEST_CASE("options are those of the verb that are not given, before the cursor or after it") {
    CHECK(shown("svc undo --|") == "--cause --supersede --now --no-wait-drain --no-wait "
                                   "--timeout --to --force --help --json --runtime-dir");
    CHECK(shown("svc undo --no-w|") == "--no-wait-drain --no-wait");
    CHECK(shown("svc undo --no-wait web --no-w|") == "--no-wait-drain");
    CHECK(shown("svc undo --n| --no-wait --no-wait-drain") == "--now");
    CHECK(shown("svc undo --cause \"--now\" --n|") == "--now --no-wait-drain --no-wait");
    CHECK(shown("svc undo --cause=x --c|").empty());
    CHECK(shown("svc try --listen 8080 --li|") == "--listen"); // as often as one likes
    CHECK(shown("svc --v|") == "--version");
    CHECK(shown("svc status --v|").empty());
}

TEST_CASE("short options are for those who ask for them") {
    CHECK(shown("svc logs -|").starts_with("--follow -f --lines -n"));
    CHECK_FALSE(has(shown("svc logs --|"), "-f"));
    CHECK_FALSE(has(shown("svc logs -f --|"), "--follow"));
    CHECK_FALSE(has(shown("svc logs -n 5 --|"), "--lines"));
    CHECK_FALSE(has(shown("svc logs -n5 --|"), "--lines"));
}

TEST_CASE("where every word is there, what can still be added is shown") {
    CHECK(shown("svc unfreeze web |") == "--help --json --runtime-dir");
    CHECK(shown("svc unfreeze web x|").empty());
    CHECK(has(shown("svc init |"), "--preset")); // a new name is nobody's to know
    CHECK(shown("svc init we|").empty());
}

TEST_CASE("a value stands in a word of its own or behind an equals sign") {
    CHECK(shown("svc init --preset n|") == "nginx node");
    CHECK(shown("svc init --preset=ng|") == "--preset=nginx");
    CHECK(shown("svc init --preset | --force") == "nginx node");
    CHECK(shown("svc init '--preset=n|") == "--preset=nginx --preset=node");
    CHECK(shown("svc reload --cause |").empty());
    CHECK(shown("svc reload --cause=|").empty());
    CHECK(shown("svc reload --no-wait=|").empty());
    CHECK(shown("svc metrics --output |") == "FILES");
    CHECK(shown("svc metrics --output=/tmp/|") == "FILES");
    CHECK(shown("svc --runtime-dir |") == "DIRECTORIES");
    CHECK(shown("svc status --runtime-dir=|") == "DIRECTORIES");
    CHECK(shown("svcd --log-level |") == "debug info warning error");
    CHECK(shown("svcd --ready=no|") == "--ready=notify");
}

TEST_CASE("a service is named once, by those that there are") {
    CHECK(shown("svc reload |") == "api web");
    CHECK(shown("svc reload w|") == "web");
    CHECK(shown("svc reload \"w|") == "web");
    CHECK(shown("svc reload w\\e|") == "web");
    CHECK(shown("svc reload --cause 'a b' w|") == "web");
    CHECK(shown("svc reload -- w|") == "web");
    CHECK_FALSE(has(shown("svc reload web |"), "api"));
    CHECK(shown("svc top web |") == "api");
    CHECK(shown("svc top | web") == "api");
    CHECK(shown("svc upgrade |") == "api web");
    CHECK_FALSE(has(shown("svc upgrade --all |"), "web"));
    CHECK_FALSE(has(shown("svc upgrade web --|"), "--all"));
    CHECK(described("svc status |", "web") == "revision 7, 2/2 available");
    CHECK(described("svc status |", "api") == "does not answer");
    CHECK(shown("svcd --reap w|") == "web");
}

TEST_CASE("services are asked for where the line says they are, and only if they are needed") {
    Fake fake;
    shown("svc --runtime-dir /a status --runtime-dir=/b |", fake);
    CHECK(fake.directory == "/b");
    shown("svc --runtime-dir /a undo --to |", fake);
    CHECK(fake.directory == "/a");
    fake.asked = 0;
    for (const auto* line : {"svc re|", "svc status --|", "svc init --preset |", "svc check |",
                             "svc init -- |", "svc reload --cause |"})
        shown(line, fake);
    CHECK(fake.asked == 0);
}

TEST_CASE("revisions are of the service that is named, or of the only one, the newest first") {
    CHECK(shown("svc undo web --to |") == "9 8 6"); // 7 serves
    CHECK(shown("svc undo --to | web") == "9 8 6");
    CHECK(shown("svc undo --to=|").empty()); // of which one?
    CHECK(with_one_service("svc undo --to=|") == "--to=9 --to=8 --to=6");
    CHECK(shown("svc logs web --revision |") == "9 8 7 6");
    CHECK(shown("svc history web |") == "9 8 7 6");
    CHECK(shown("svc history |") == "api web");
    CHECK(shown("svc history 7 |") == "api web");
    CHECK(with_one_service("svc history |") == "9 8 7 6 web");
    CHECK(shown("svc diff 7 | web") == "9 8 6");
    CHECK(shown("svc diff 7 9 |") == "api web");
    CHECK(shown("svc timeline web 7 |") == "--help --json --runtime-dir");
    CHECK(described("svc logs web --revision |", "7") ==
          "complete, serves, 2h ago: reload: CVE fix");
    CHECK(described("svc logs web --revision |", "8") == "rolled back, 1m ago");
    CHECK(described("svc logs web --revision |", "9") == "unreadable");
}

TEST_CASE("replicas are shown with their workers, of all services where none is named") {
    CHECK(shown("svc replace |") == "0 1");
    CHECK(shown("svc replace 1 |") == "api web");
    CHECK(shown("svc logs web --replica |") == "0 1");
    CHECK(shown("svc logs api --replica |").empty());
    CHECK(described("svc logs web --replica |", "0") == "r7-0 available for 2h");
    CHECK(described("svc replace | web", "1") == "restart in 12s (exit status 1)");
    CHECK(described("svc replace |", "1") == "web: restart in 12s (exit status 1)");
    CHECK(shown("svc scale | web") == "3 2 1");
    CHECK(with_one_service("svc scale |") == "3 2 1");
}

TEST_CASE("paths and commands are left to the shell") {
    CHECK(shown("svc check |") == "SERVICE FILES api mail");
    CHECK(shown("svc check ./|") == "SERVICE FILES");
    CHECK(shown("svc try m|") == "SERVICE FILES mail");
    CHECK(shown("svc try -- |") == "COMMAND");
    CHECK(shown("svc init web --preset nginx -- nginx -c |") == "COMMAND");
    CHECK(shown("svcd --listen 8080 -- ./app |") == "COMMAND");
    CHECK(shown("svcd |") == "SERVICE FILES api mail");
    CHECK(shown("svc status >|") == "FILES");
    CHECK(shown("svc status 2> er|") == "FILES");
    CHECK(shown("svc status 2>err w|") == "web");
    CHECK(shown("svc status >&2 w|") == "web");
}

TEST_CASE("only the command at the cursor counts") {
    CHECK(shown("cd /tmp; svc reload w|") == "web");
    CHECK(shown("echo 'a;b' && A='x y' B=2 svc reload w|") == "web");
    CHECK(shown("svc top w| | grep api") == "web");
    CHECK(shown("svc top | ; svc top web") == "api web");
    CHECK(shown("svc top w|eb api") == "web"); // the word that the cursor is in counts as not there
    CHECK(shown("sv|").empty());
    CHECK(shown("|").empty());
}

TEST_CASE("each shell's quotes are read as it would") {
    using Words = std::vector<std::string>;
    CHECK(typed("svc a\\ b 'c\\' \"d\\\"e\\f\" ''|").before ==
          Words{"svc", "a b", "c\\", "d\"e\\f"});
    CHECK(typed("svc a\\ b 'c\\' \"d\\\"e\\f\" '' |").before ==
          Words{"svc", "a b", "c\\", "d\"e\\f", ""});
    CHECK(typed("svc 'it\\'s' |", Shell::fish).before == Words{"svc", "it's"});
    CHECK(typed("svc \"open end|").current == "open end");
    CHECK(typed("svc mid|dle 'a b' ; x").after == Words{"a b"});
}

TEST_CASE("bash is told what to put in place of the part of the word that it replaces") {
    Fake fake;
    const auto told = [&](const std::string& text, Asker asker) {
        const auto line = typed(text);
        return write_answer(complete(line, fake), line, asker);
    };
    const Asker plain{.replaced = "ng"};
    CHECK(told("svc init --preset=ng|", plain) == "words preset\nnginx\n");
    CHECK(told("svc init --preset=ng|", {.replaced = "--preset=ng"}) ==
          "words preset\n--preset=nginx\n");
    CHECK(told("svc reload w\\e|", {.replaced = "w\\e"}) == "words service\nw\\eb\n");
    CHECK(told("svc deploy |", {}) == "words \n");
    CHECK(told("svc check m|", {.replaced = "m", .columns = 80, .lines = 24}) ==
          "service-files service or service file\nmail\n");
}

TEST_CASE("bash shows several with their descriptions, one in a row, and puts in none of them") {
    Fake fake;
    const auto told = [&](const std::string& text, Asker asker) {
        const auto line = typed(text);
        return write_answer(complete(line, fake), line, asker);
    };
    CHECK(told("svc reload |", {.columns = 30, .lines = 24}) ==
          "words service\napi  does not answer\nweb  revision 7, 2/2 availab…\n");
    CHECK(told("svc reload |", {.columns = 60, .lines = 24}) ==
          "words service\napi  does not answer          \nweb  revision 7, 2/2 available\n");
    CHECK(told("svc reload w|", {.replaced = "w", .columns = 60, .lines = 24}) ==
          "words service\nweb\n");
    CHECK(told("svc reload |", {.lists = false, .columns = 60, .lines = 24}) ==
          "words service\napi\nweb\n");
    CHECK(told("svc reload |", {.columns = 60, .lines = 4}) == "words service\napi\nweb\n");
    CHECK(told("svc reload |", {.columns = 0, .lines = 0}) == "words service\napi\nweb\n");
}

TEST_CASE("what others wrote is one line without control characters") {
    Fake fake;
    fake.all[0].problem = "a\x1b[31m\tb\nc\x07";
    const auto line = typed("svc reload |", Shell::zsh);
    CHECK(write_answer(complete(line, fake), line, {.shell = Shell::zsh}) ==
          "words service\napi\ta?[31m b?c?\nweb\trevision 7, 2/2 available\n");
}
