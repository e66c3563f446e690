// What `svc check` says of a service file, whole: explained/NAME.txt of explained/NAME.toml. What the machine would
// add stands in lines that begin with "#!": the executable and its kind, the program of an interpreter, the release
// directory. To write all texts anew, and then look at the difference:
//
//   SVC_WRITE_EXPLAINED=1 meson test -C build cli
#include "svc/draw/explanation.h"
#include "wire/guarantee.h"
#include "wire/preset.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace svc;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t width = 80;

std::string content_of(const fs::path& path) {
    const std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

rollout::ExecutableKind kind_of(const std::string& word) {
    return word == "elf"      ? rollout::ExecutableKind::elf
           : word == "script" ? rollout::ExecutableKind::script
                              : rollout::ExecutableKind::unknown;
}

/// As svc check makes it of the machine.
rollout::Revision revision_of(const std::string& text, const std::string& name) {
    auto parsed = wire::parse_service_file(text);
    for (const auto& mistake : parsed.mistakes)
        FAIL_CHECK(wire::format_mistake(name, mistake));
    rollout::Revision revision;
    revision.spec = std::move(parsed.spec);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string mark, what, path, kind;
        words >> mark >> what >> path >> kind;
        if (mark != "#!")
            continue;
        if (what == "release")
            revision.release = path;
        else if (what == "program")
            revision.program_identity.path = path;
        else if (what == "executable")
            revision.executable = path;
        if (!kind.empty())
            revision.executable_kind = kind_of(kind);
    }
    return revision;
}

std::string explained(const fs::path& path) {
    const auto revision = revision_of(content_of(path), path.filename().string());
    auto paragraphs = wire::explain_spec(revision.spec, path.stem().string());
    for (auto& kept : wire::explain_kept(revision))
        paragraphs.push_back(std::move(kept));
    return cli::draw_explanation(paragraphs, width);
}

} // namespace

TEST_CASE("each service file is explained in the words that stand beside it") {
    const char* const directory = std::getenv("SVC_EXPLAINED");
    if (directory == nullptr) {
        MESSAGE("skipped: SVC_EXPLAINED does not say where they are");
        return;
    }
    for (const auto& entry : fs::directory_iterator(directory)) {
        if (entry.path().extension() != ".toml")
            continue;
        CAPTURE(entry.path().filename().string());
        const auto said = explained(entry.path());
        auto beside = entry.path();
        beside.replace_extension(".txt");
        if (std::getenv("SVC_WRITE_EXPLAINED") != nullptr)
            std::ofstream(beside) << said;
        CHECK(said == content_of(beside));
    }
    for (const auto& preset : wire::built_in_presets())
        CHECK(fs::exists(fs::path(directory) / ("preset-" + std::string(preset.name) + ".toml")));
}

TEST_CASE("an explanation is broken at spaces, and what is longer than a line stands alone") {
    const std::vector<wire::Paragraph> said = {
        {"runs",
         {"one two three four five six seven eight", "- an item of that list that goes on"}},
        {"stop", {std::string(50, 'x') + " y"}}};
    CHECK(cli::draw_explanation(said, 40) == "Runs     one two three four five six\n"
                                             "         seven eight\n"
                                             "         - an item of that list that\n"
                                             "           goes on\n"
                                             "\n"
                                             "Stop     " +
                                                 std::string(50, 'x') +
                                                 "\n"
                                                 "         y\n");
}

TEST_CASE("what a file says reaches a terminal as what can be printed") {
    CHECK(cli::draw_explanation({{"runs", {"a\x1b[31mb"}}}, 80) == "Runs     a?[31mb\n");
}
