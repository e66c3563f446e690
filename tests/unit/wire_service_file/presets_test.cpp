// What a service file has from its preset, and that every preset that is built in is right.
#include "helpers.h"
#include "wire/service_file/presets.h"

#include <cerrno>
#include <map>

using namespace svc;
using namespace svc::wire;
using namespace svc::wire::test;

namespace {

/// A directory /p with these files.
PresetPlace directory_with(std::map<std::string, std::string> files) {
    return {"/p", [files = std::move(files)](const std::string& path) -> Result<std::string> {
                const auto file = files.find(path);
                if (file == files.end())
                    return Error{path + ": No such file or directory", ENOENT};
                return file->second;
            }};
}

const std::string preset = R"(
[service]
command = ["/usr/sbin/server", "-f"]
check = ["{command}", "-t"]
protocol = ["nginx"]
environment = { A = "1", B = "2" }
[listener]
nonblock = true
[stop]
signal = "SIGQUIT"
grace = "5m"
)";
const PresetPlace place = directory_with({{"/p/own.toml", preset}});

rollout::Spec with_preset(const std::string& text) {
    auto parsed = parse_service_file(text, place);
    for (const Mistake& mistake : parsed.mistakes)
        FAIL_CHECK(format_mistake("", mistake));
    return std::move(parsed.spec);
}

std::string refused(const std::string& text, const PresetPlace& presets = place) {
    const auto parsed = parse_service_file(text, presets);
    REQUIRE(parsed.mistakes.size() == 1);
    return format_mistake("", parsed.mistakes.front());
}

bool has(const std::string& text, std::string_view part) {
    CAPTURE(text);
    return text.find(part) != std::string::npos;
}

const std::string own = "[service]\npreset = \"own\"\n";

} // namespace

TEST_CASE("a file has its preset's keys where it says nothing") {
    const auto spec =
        with_preset(own + "[[listener]]\nname = \"http\"\naddress = \"127.0.0.1:80\"\n");
    CHECK(spec.process.command == std::vector<std::string>{"/usr/sbin/server", "-f"});
    CHECK(spec.process.protocols == std::vector{rollout::SocketProtocol::nginx});
    CHECK(spec.stop.signal == 3);
    CHECK(spec.stop.grace == std::chrono::minutes(5));
    REQUIRE(spec.listeners.size() == 1);
    CHECK(spec.listeners[0].options.nonblock == true);
}

TEST_CASE("what the file says itself stands: a list as a whole, a table key by key") {
    const auto spec =
        with_preset(own + "command = [\"/opt/server\"]\nenvironment = { B = \"3\" }\n"
                          "[[listener]]\naddress = \"127.0.0.1:80\"\nnonblock = false\n"
                          "[[listener]]\naddress = \"127.0.0.1:81\"\n"
                          "[stop]\ngrace = \"9s\"\n");
    CHECK(spec.process.command == std::vector<std::string>{"/opt/server"});
    CHECK(spec.process.environment == std::map<std::string, std::string>{{"A", "1"}, {"B", "3"}});
    CHECK(spec.stop.signal == 3);
    CHECK(spec.stop.grace == std::chrono::seconds(9));
    REQUIRE(spec.listeners.size() == 2);
    CHECK(spec.listeners[0].options.nonblock == false);
    CHECK(spec.listeners[1].options.nonblock == true);
}

TEST_CASE("{command} in a check stands for the words of the command") {
    CHECK(with_preset(own).process.check ==
          std::vector<std::string>{"/usr/sbin/server", "-f", "-t"});
    CHECK(with_preset(own + "command = [\"/a\", \"b\"]\n").process.check ==
          std::vector<std::string>{"/a", "b", "-t"});
    CHECK(spec_of(minimal + "check = [\"/bin/env\", \"{command}\"]\n").process.check ==
          std::vector<std::string>{"/bin/env", "/usr/bin/web"});
}

TEST_CASE("a file in the directory stands in place of the built-in preset of its name") {
    const std::string text = "[service]\npreset = \"nginx\"\n";
    CHECK(parse_service_file(text).spec.process.command.front() == "/usr/sbin/nginx");
    const auto other =
        directory_with({{"/p/nginx.toml", "[service]\ncommand = [\"/opt/nginx\"]\n"}});
    const auto parsed = parse_service_file(text, other);
    CHECK(parsed.mistakes.empty());
    CHECK(parsed.spec.process.command.front() == "/opt/nginx");
    CHECK(parsed.spec.stop.signal == 15);
}

TEST_CASE("a preset that is not there is told with those that are") {
    const std::string found = refused("[service]\npreset = \"ngnix\"\n");
    CHECK(has(
        found,
        "2:10: [service] preset: there is no preset \"ngnix\"; did you mean nginx? (built in: "));
    CHECK(has(found, "; others: NAME.toml in /p)"));
    CHECK(has(refused("[service]\npreset = \"../own\"\n"), "there is no preset \"../own\""));
    CHECK(has(refused("[service]\npreset = \"\"\n"), "there is no preset"));
    CHECK(has(refused("[service]\npreset = 3\n"), "an integer stands here; write preset = "));
}

TEST_CASE("a preset that cannot be read is not one that is not there") {
    const PresetPlace unreadable{
        "/p", [](const std::string& path) -> Result<std::string> {
            return Error{"cannot read " + path + ": Permission denied", EACCES};
        }};
    CHECK(has(refused("[service]\npreset = \"nginx\"\n", unreadable), "cannot read /p/nginx.toml"));
}

TEST_CASE("a mistake of a preset's is told with its own place, and once") {
    const auto wrong = [](const std::string& text) {
        return refused(own, directory_with({{"/p/own.toml", text}}));
    };
    CHECK(has(wrong("[service]\n"),
              "what to run is missing")); // the file's, as the preset has none either
    CHECK(has(wrong("\n[service]\nusr = \"x\"\n"),
              "2:10: [service] preset: /p/own.toml:3:1: [service] usr: there is no such key"));
    CHECK(has(wrong("[service]\npreset = \"nginx\"\n"), "does not begin with another one"));
    CHECK(has(wrong("[[listener]]\nname = \"x\"\n"), "here it is the table [listener]"));
    CHECK(has(wrong("[listener]\nnonblok = true\n"), "did you mean nonblock?"));
    CHECK(has(wrong("[[["), "this is not TOML"));
    CHECK(has(wrong("[service]\ncommand = [\"/x\"]\n[ready]\non = \"probe\"\n"),
              "[ready] on: there is no probe; write probe = { http = \"/healthz\", listener = "
              "\"NAME\" } (the preset says so"));
}

TEST_CASE("what is impossible beside a preset is told where the file says it") {
    CHECK(has(refused(own + "[ready]\ndelay = \"1s\"\n"), "4:9: [ready] delay: a delay needs"));
}

TEST_CASE("a preset may say what only its file makes possible") {
    const std::string file = own + "[[listener]]\nname = \"http\"\naddress = \"unix:/run/web\"\n";
    const auto presets = directory_with(
        {{"/p/own.toml", "[service]\ncommand = [\"/bin/server\", \"{fd:http}\"]\nprotocol = []\n"
                         "[listener]\nmode = \"0660\"\n"}});
    const auto parsed = parse_service_file(file, presets);
    for (const Mistake& mistake : parsed.mistakes)
        FAIL_CHECK(format_mistake("", mistake));
    CHECK(has(refused(own + "[[listener]]\nname = \"web\"\naddress = \"unix:/run/web\"\n", presets),
              "{fd:http} names no listener"));
    CHECK(has(refused(own + "[[listener]]\nname = \"http\"\naddress = \"127.0.0.1:80\"\n", presets),
              "(the preset says so, not this file)"));
}

TEST_CASE("without a preset there is none") {
    CHECK(parse_service_file(minimal, place).spec == parse_service_file(minimal).spec);
}

TEST_CASE("every preset that is built in is right, and says what it is for") {
    REQUIRE(built_in_presets().size() > 10);
    std::string_view before;
    for (const Preset& each : built_in_presets()) {
        INFO(std::string(each.name));
        CHECK(before < each.name);
        before = each.name;
        CHECK(each.text.starts_with("# " + std::string(each.name) + ": "));
        const auto mistake = service_file::check_preset(each.text);
        CHECK_MESSAGE(!mistake, (mistake ? format_mistake("", *mistake) : ""));
        const auto whole = parse_service_file("[service]\npreset = \"" + std::string(each.name) +
                                              "\"\ncommand = [\"/bin/server\"]\n"
                                              "[[listener]]\naddress = \"127.0.0.1:80\"\n");
        for (const Mistake& wrong : whole.mistakes)
            FAIL_CHECK(format_mistake("", wrong));
    }
}
