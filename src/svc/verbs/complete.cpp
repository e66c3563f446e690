// complete: what the shells' scripts in completions/ ask, of what is here and what runs.
#include "os/clock.h"
#include "svc/completion/answer.h"
#include "svc/talk/looks.h"
#include "svc/verbs/service_text.h"
#include "svc/verbs/verbs.h"
#include "wire/preset.h"

#include "base/text.h"

#include <boost/json/value.hpp>

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <memory>

namespace svc::cli {
namespace {

constexpr std::size_t name_limit = 64;

/// The names of files DIRECTORY/NAME.toml.
std::vector<std::string> toml_files(const std::string& directory) {
    constexpr std::string_view ending = ".toml";
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
        std::string name = entry->d_name;
        if (!name.ends_with(ending))
            continue;
        name.resize(name.size() - ending.size());
        if (is_plain_name(name, name_limit))
            names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// As a shell would have it.
std::string without_tilde(const std::string& path) {
    const char* const home = std::getenv("HOME");
    return home != nullptr && (path == "~" || path.starts_with("~/")) ? home + path.substr(1)
                                                                      : path;
}

/// Who answers until `until` is over.
class Machine final : public Knowledge {
public:
    explicit Machine(Instant until) : until_(until) {}

    std::vector<Seen> services(const std::string& runtime_dir) override {
        Looks looks(runtime_directories(without_tilde(runtime_dir)), {}, Looks::How::quickly);
        looks.look_once(left());
        std::vector<Seen> all;
        for (const auto& sight : looks.sights())
            all.push_back({sight.service.name,
                           sight.answer && sight.problem.empty()
                               ? std::optional(sight.answer->status)
                               : std::nullopt,
                           sight.problem});
        return all;
    }

    std::vector<wire::RevisionSummary> revisions(const std::string& runtime_dir,
                                                 const std::string& name) override {
        const auto service =
            choose_service(name, runtime_directories(without_tilde(runtime_dir)), Duration::zero());
        if (!service)
            return {};
        auto client = Client::connect_at_once(service->control, service->name);
        if (!client || !client->send(make_call("History", {}, false), until_))
            return {};
        const auto reply = client->receive(until_);
        if (!reply || !reply->error.empty())
            return {};
        auto history = wire::from_json<wire::HistoryReply>(reply->parameters);
        return history ? std::move(history->revisions) : std::vector<wire::RevisionSummary>{};
    }

    std::vector<std::string> service_files() override {
        std::vector<std::string> all;
        for (const auto& directory : configuration_directories())
            for (auto& name : toml_files(directory))
                if (std::find(all.begin(), all.end(), name) == all.end())
                    all.push_back(std::move(name));
        return all;
    }

    std::vector<Candidate> presets() override {
        std::vector<Candidate> all;
        for (const auto& preset : wire::built_in_presets())
            all.push_back({std::string(preset.name), preset_summary(preset)});
        for (const auto& directory : configuration_directories())
            for (auto& name : toml_files(directory + "/presets"))
                if (std::none_of(all.begin(), all.end(),
                                 [&](const Candidate& each) { return each.word == name; }))
                    all.push_back({name, directory + "/presets/" + name + ".toml"});
        return all;
    }

    WallTime now() override { return os::wall_now(); }

private:
    [[nodiscard]] Duration left() const { return std::max(Duration::zero(), until_ - os::now()); }
    /// "# nginx: takes over its sockets …" without the name.
    static std::string preset_summary(const wire::Preset& preset) {
        std::string_view line = preset.text.substr(0, preset.text.find('\n'));
        if (const auto colon = line.find(": "); colon != std::string_view::npos)
            line.remove_prefix(colon + 2);
        return std::string(line);
    }

    Instant until_;
};

/// Of what a variable of the shell says: nobody's terminal is larger.
std::size_t number(const std::string& text) {
    constexpr std::uint64_t largest = 1000;
    std::string_view rest = text;
    return std::min(take_number(rest).value_or(0), largest);
}

} // namespace

int complete_line(const Options& options, const Console& console) {
    const auto& words = options.command;
    // readline(3), rl_completion_type: of these two every candidate is put in whole.
    constexpr std::size_t menu = '%';
    constexpr std::size_t insert = '*';
    Asker asker;
    asker.shell = *shell_called(words[0]);
    if (asker.shell == Shell::bash) {
        const auto type = number(words[4]);
        asker = {asker.shell, words[3], type != menu && type != insert, number(words[5]),
                 number(words[6])};
    }
    const TypedLine line = read_line(words[1], words[2], asker.shell);
    Machine machine(os::now() + console.at_a_key);
    console.out(write_answer(complete(line, machine), line, asker));
    return exit_done;
}

} // namespace svc::cli
