#include "svcd/front/loader.h"

#include "support.h"

#include <algorithm>
#include <unistd.h>

using namespace svc;
using namespace svc::daemon;
using svc::test::TemporaryDirectory;

namespace {

Settings settings_for(const std::string& file) {
    Settings settings;
    settings.name = "web";
    settings.service_file = file;
    return settings;
}

Loaded load(const std::string& file) {
    return load_revision(settings_for(file), {rollout::CauseKind::reload, "test", 0}, WallTime{});
}

bool mentions(const Loaded& loaded, const std::string& text) {
    return std::any_of(
        loaded.mistakes.begin(), loaded.mistakes.end(),
        [&](const std::string& mistake) { return mistake.find(text) != std::string::npos; });
}

std::string all(const Loaded& loaded) {
    std::string text;
    for (const auto& mistake : loaded.mistakes)
        text += mistake + "\n";
    return text;
}

} // namespace

TEST_CASE("a release symlink is resolved once and stands in command and directory") {
    TemporaryDirectory dir;
    dir.write("releases/5/bin/web", "#!/bin/sh\n", true);
    std::filesystem::create_directory_symlink(dir / "releases/5", dir / "current");
    const auto loaded = load(dir.write("web.toml", "[service]\ncommand = [\"${release}/bin/web\", "
                                                   "\"--root=${release}\", \"$$1\"]\nrelease = \"" +
                                                       (dir / "current") + "\"\n"));
    INFO(all(loaded));
    REQUIRE(loaded.ok());
    const std::string release = std::filesystem::canonical(dir / "releases/5").string();
    CHECK(loaded.revision.release == release);
    CHECK(loaded.revision.command ==
          std::vector<std::string>{release + "/bin/web", "--root=" + release, "$1"});
    CHECK(loaded.revision.executable == release + "/bin/web");
    CHECK(loaded.revision.executable_identity.inode != 0);
    CHECK(loaded.revision.cause.text == "test");
}

TEST_CASE("environment files are read in order, and only one with a '-' may be missing") {
    TemporaryDirectory dir;
    const auto first = dir.write("first.env", "A=1\nB=1\n");
    const auto second = dir.write("second.env", "B=2\n");
    const std::string head = "[service]\ncommand = [\"/bin/sh\"]\nenvironment_files = [";
    const auto good =
        load(dir.write("good.toml", head + "\"" + first + "\", \"-" + (dir / "none.env") +
                                        "\", \"" + second + "\"]\n"));
    INFO(all(good));
    REQUIRE(good.ok());
    CHECK(good.revision.file_environment ==
          std::map<std::string, std::string>{{"A", "1"}, {"B", "2"}});

    const auto missing = load(dir.write("bad.toml", head + "\"" + (dir / "none.env") + "\"]\n"));
    CHECK_FALSE(missing.ok());
    CHECK(missing.flaw == Loaded::Flaw::names_unusable);
    CHECK(mentions(missing, "none.env"));
}

TEST_CASE("everything that is missing is said at once, each with its key or place") {
    TemporaryDirectory dir;
    const auto wrong = dir.write("wrong.env", "fine=1\nnot fine\n");
    const auto loaded = load(dir.write("web.toml", "[service]\ncommand = [\"/no/such/program\"]\n"
                                                   "directory = \"/no/such/directory\"\n"
                                                   "user = \"no-such-user\"\n"
                                                   "environment_files = [\"" +
                                                       wrong + "\"]\n"));
    INFO(all(loaded));
    CHECK(mentions(loaded, "service.command"));
    CHECK(mentions(loaded, "/no/such/program"));
    CHECK(mentions(loaded, "service.directory"));
    CHECK(mentions(loaded, "service.user"));
    CHECK(mentions(loaded, wrong + ":2:"));
    CHECK(loaded.flaw == Loaded::Flaw::names_unusable);
}

TEST_CASE("mistakes of the service file itself carry file and line and are told apart") {
    TemporaryDirectory dir;
    const auto file = dir.write("web.toml", "[service]\ncommand = 7\nno_such_key = 1\n");
    const auto loaded = load(file);
    INFO(all(loaded));
    CHECK(loaded.flaw == Loaded::Flaw::file_wrong);
    CHECK(loaded.mistakes.size() >= 2);
    CHECK(mentions(loaded, file + ":2:"));
    CHECK(mentions(loaded, file + ":3:"));
}

TEST_CASE("a service file that is not there is named, and is not said to be wrong") {
    const auto loaded = load("/no/such/web.toml");
    REQUIRE(loaded.mistakes.size() == 1);
    CHECK(mentions(loaded, "/no/such/web.toml"));
    CHECK(loaded.flaw == Loaded::Flaw::file_unreadable);
}

TEST_CASE("a program without a slash is looked up in the worker's own PATH") {
    TemporaryDirectory dir;
    dir.write("bin/only-here", "#!/bin/sh\n", true);
    const auto loaded = load(
        dir.write("web.toml", "[service]\ncommand = [\"only-here\"]\nenvironment = { PATH = \"" +
                                  (dir / "bin") + "\" }\n"));
    INFO(all(loaded));
    REQUIRE(loaded.ok());
    CHECK(loaded.revision.executable == dir / "bin/only-here");
}

TEST_CASE("a release that is no directory is refused with its path") {
    TemporaryDirectory dir;
    const auto file = dir.write("file", "");
    const auto loaded = load(dir.write(
        "web.toml", "[service]\ncommand = [\"${release}/web\"]\nrelease = \"" + file + "\"\n"));
    CHECK(mentions(loaded, "not a directory"));
}

TEST_CASE("an input that does not exist has an empty identity, and gets one when it appears") {
    TemporaryDirectory dir;
    const auto file = dir.write("web.toml", "[service]\ncommand = [\"/bin/sh\"]\ninputs = [\"" +
                                                (dir / "conf") + "\"]\n");
    const auto before = load(file);
    REQUIRE(before.ok());
    REQUIRE(before.revision.input_identities.size() == 1);
    CHECK(before.revision.input_identities[0].inode == 0);
    dir.write("conf", "x");
    CHECK(load(file).revision.input_identities[0].inode != 0);
}

TEST_CASE("a user is resolved to numbers, groups and home") {
    TemporaryDirectory dir;
    const auto loaded =
        load(dir.write("web.toml", "[service]\ncommand = [\"/bin/sh\"]\nuser = \"daemon\"\n"
                                   "supplementary_groups = [\"sys\"]\n"));
    INFO(all(loaded));
    REQUIRE(loaded.ok());
    const auto& credentials = loaded.revision.credentials;
    CHECK(credentials.set);
    CHECK(credentials.uid == 1);
    CHECK(credentials.user == "daemon");
    CHECK(std::count(credentials.groups.begin(), credentials.groups.end(), 3U) == 1);
}

TEST_CASE("without a user nothing is set: the worker stays who the supervisor is") {
    TemporaryDirectory dir;
    const auto loaded = load(dir.write("web.toml", "[service]\ncommand = [\"/bin/sh\"]\n"));
    REQUIRE(loaded.ok());
    CHECK_FALSE(loaded.revision.credentials.set);
}

TEST_CASE("a command line is taken as it was typed: its dollars are its own") {
    Settings settings;
    settings.name = "sh";
    settings.inline_spec.emplace();
    settings.inline_spec->process.command = {"/bin/sh", "-c", "echo ${HOME} $$"};
    const auto loaded = load_revision(settings, {}, WallTime{});
    INFO(all(loaded));
    REQUIRE(loaded.ok());
    CHECK(loaded.revision.command[2] == "echo ${HOME} $$");
}

TEST_CASE("a command line is tried with what --listen says, and a mistake in that is told") {
    Settings settings;
    settings.name = "sh";
    settings.inline_spec.emplace();
    settings.inline_spec->process.command = {"/bin/sh"};
    settings.trial.emplace();
    settings.trial->listen.emplace("admin", *parse_address("127.0.0.1:0"));
    const auto loaded = load_revision(settings, {}, WallTime{});
    REQUIRE(loaded.mistakes.size() == 1);
    CHECK(loaded.mistakes.front().find("--listen admin=127.0.0.1:0: there is no such listener") !=
          std::string::npos);
    settings.trial->listen.clear();
    CHECK(load_revision(settings, {}, WallTime{}).ok());
}

TEST_CASE("a trial leaves the address of the metrics to the real service") {
    TemporaryDirectory dir;
    Settings settings =
        settings_for(dir.write("a.toml", "[service]\ncommand = [\"/bin/sh\"]\n"
                                         "[metrics]\nlisten = \"127.0.0.1:9464\"\n"));
    CHECK(load_revision(settings, {}, WallTime{}).revision.spec.metrics.has_value());
    settings.trial.emplace();
    const auto loaded = load_revision(settings, {}, WallTime{});
    REQUIRE(loaded.ok());
    CHECK_FALSE(loaded.revision.spec.metrics.has_value());
}

TEST_CASE("workers get the descriptor limit from before ours was raised, or their file's own") {
    TemporaryDirectory dir;
    Settings settings = settings_for(dir.write("a.toml", "[service]\ncommand = [\"/bin/sh\"]\n"));
    settings.original_nofile_soft = 77;
    auto loaded = load_revision(settings, {}, WallTime{});
    REQUIRE(loaded.ok());
    CHECK(loaded.revision.spec.process.limits.at("nofile").soft == 77);
    settings.service_file =
        dir.write("b.toml", "[service]\ncommand = [\"/bin/sh\"]\nlimits = { nofile = 99 }\n");
    loaded = load_revision(settings, {}, WallTime{});
    INFO(all(loaded));
    REQUIRE(loaded.ok());
    CHECK(loaded.revision.spec.process.limits.at("nofile").soft == 99);
}

TEST_CASE("what is executed is opened, and known by its kind") {
    TemporaryDirectory dir;
    const auto self = std::filesystem::canonical("/proc/self/exe").string();
    const auto elf = load(dir.write("elf.toml", "[service]\ncommand = [\"" + self + "\"]\n"));
    INFO(all(elf));
    REQUIRE(elf.ok());
    CHECK(elf.revision.executable_kind == rollout::ExecutableKind::elf);
    CHECK(elf.executable);
    CHECK(elf.revision.program_identity.path.empty());
    CHECK(elf.revision.service_file.starts_with("[service]"));
    const auto app = dir.write("app", "#!/bin/sh\n", true);
    const auto script = load(dir.write("app.toml", "[service]\ncommand = [\"" + app + "\"]\n"));
    CHECK(script.revision.executable_kind == rollout::ExecutableKind::script);
    CHECK_FALSE(script.executable);
}

TEST_CASE("what an interpreter runs is part of the revision") {
    TemporaryDirectory dir;
    const auto app = dir.write("app.sh", "exit\n");
    const auto loaded =
        load(dir.write("web.toml", "[service]\ncommand = [\"/bin/sh\", \"" + app + "\"]\n"));
    REQUIRE(loaded.ok());
    CHECK(loaded.revision.program_identity.path == app);
    CHECK(loaded.revision.program_identity.inode != 0);
}

TEST_CASE("a copy of what cannot be executed alone is refused with the remedy") {
    TemporaryDirectory dir;
    const auto app = dir.write("app.sh", "#!/bin/sh\n", true);
    for (const std::string& command : {"\"" + app + "\"", "\"/bin/sh\", \"" + app + "\""}) {
        const auto loaded = load(dir.write("web.toml", "[service]\nkeep_executable = \"copy\"\n"
                                                       "command = [" +
                                                           command + "]\n"));
        INFO(all(loaded));
        CHECK(loaded.flaw == Loaded::Flaw::names_unusable);
        CHECK(mentions(loaded, "release directory"));
    }
}
