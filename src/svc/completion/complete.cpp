#include "svc/completion/complete.h"

#include "svc/completion/place.h"
#include "svc/completion/svcd_syntax.h"

#include <algorithm>

namespace svc::cli {
namespace {

bool is_one_of(const std::vector<std::string>& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string age_of(WallTime now, std::int64_t since_us) {
    using std::chrono::seconds;
    return format_rough(std::max(seconds(0), std::chrono::duration_cast<seconds>(
                                                 now.time_since_epoch() - Duration(since_us))));
}

/// "complete, serves, 2h ago: reload: CVE fix": what tells revisions apart first, as a shell may cut the end.
std::string describe(const wire::RevisionSummary& revision, WallTime now) {
    if (!revision.unreadable.empty())
        return "unreadable";
    std::string text = revision.result;
    if (revision.serving)
        text += ", serves";
    text += ", " + age_of(now, revision.made_at_us) + " ago";
    return revision.cause.empty() ? text : text + ": " + revision.cause;
}

/// "r7-2 available for 3h", "restart in 12s (exit status 1)".
std::string describe(const wire::ServiceStatus& status, const wire::ReplicaStatus& replica) {
    using std::chrono::seconds;
    std::string text;
    for (const auto& worker : status.workers)
        if (worker.replica == replica.index)
            text += (text.empty() ? "" : ", ") + worker.name + ' ' + worker.state + " for " +
                    format_rough(std::chrono::duration_cast<seconds>(Duration(worker.age_us)));
    return text.empty() ? replica.waits_for : text;
}

class Completion {
public:
    Completion(const Place& place, const TypedLine& line, Knowledge& knowledge)
        : place_(place), line_(line), knowledge_(knowledge) {}

    Candidates all() {
        switch (place_.is) {
        case Place::Is::nowhere:
            break;
        case Place::Is::verb:
            found_.title = "command";
            for (const Syntax& verb : place_.syntax->verbs)
                add(verb.name, verb.summary);
            break;
        case Place::Is::option:
        case Place::Is::past:
            add_options();
            break;
        case Place::Is::value:
        case Place::Is::word:
            add_meant();
            break;
        case Place::Is::command:
            found_.by_shell = ByShell::command;
            break;
        }
        return std::move(found_);
    }

private:
    void add(const std::string& word, std::string description) {
        found_.list.push_back({place_.prefix + word, std::move(description)});
    }

    void add_options() {
        found_.title = "option";
        // A short one says less: only to who asks for it.
        const bool short_ones = line_.current.starts_with('-') && !line_.current.starts_with("--");
        for (const OptionSyntax& option : place_.syntax->options) {
            if (!option.repeats && place_.given.contains(option.names.front()))
                continue;
            if (option.names.front() == "--all" && !place_.service.empty())
                continue;
            for (const auto& name : option.names)
                if (name.starts_with("--") || short_ones)
                    add(name, option.summary);
        }
    }

    void add_meant() {
        switch (place_.means) {
        case Means::anything:
            break;
        case Means::service:
            add_services();
            break;
        case Means::service_file:
            found_.by_shell = ByShell::service_files;
            if (line_.current.find_first_of("/.~") == std::string::npos)
                add_service_files();
            break;
        case Means::revision:
            add_revisions();
            break;
        case Means::revision_or_service:
            if (revisions_given() < (place_.syntax->name == "diff" ? 2U : 1U))
                add_revisions();
            if (place_.service.empty())
                add_services();
            found_.title = "revision or service";
            break;
        case Means::replica:
            add_replicas();
            break;
        case Means::replicas:
            add_numbers();
            break;
        case Means::preset:
            found_.title = "preset";
            for (const auto& preset : knowledge_.presets())
                add(preset.word, preset.description);
            break;
        case Means::file:
            found_.by_shell = ByShell::files;
            break;
        case Means::directory:
            found_.by_shell = ByShell::directories;
            break;
        case Means::choice:
            found_.title = "value";
            for (const auto& choice : place_.option->choices)
                add(choice, "");
            break;
        }
        // Where nothing is known of the word, what else may stand there.
        if (place_.is == Place::Is::word && found_.list.empty() && line_.current.empty() &&
            found_.by_shell == ByShell::nothing)
            add_options();
    }

    void add_services() {
        found_.title = "service";
        if (place_.given.contains("--all"))
            return;
        for (const Seen& seen : services())
            if (!is_one_of(place_.words, seen.name))
                add(seen.name, seen.status ? seen.status->summary : seen.problem);
    }

    void add_service_files() {
        found_.title = "service or service file";
        for (const auto& name : knowledge_.service_files())
            add(name, "");
    }

    /// The service that is named, or the only one.
    std::string chosen_service() {
        if (!place_.service.empty())
            return place_.service;
        const auto all = services();
        return all.size() == 1 ? all.front().name : "";
    }

    std::size_t revisions_given() const {
        return place_.words.size() - (place_.service.empty() ? 0 : 1);
    }

    void add_revisions() {
        found_.title = "revision";
        const std::string service = chosen_service();
        if (service.empty())
            return;
        auto revisions = knowledge_.revisions(place_.runtime_dir, service);
        std::sort(revisions.begin(), revisions.end(),
                  [](auto& left, auto& right) { return left.revision > right.revision; });
        // Nobody goes back to what serves.
        const bool undo = place_.syntax->name == "undo";
        for (const auto& revision : revisions) {
            const auto number = std::to_string(revision.revision);
            if (!(undo && revision.serving) && !is_one_of(place_.words, number))
                add(number, describe(revision, knowledge_.now()));
        }
    }

    /// Of the service that is named, or of all: a replica may be named before its service.
    void add_replicas() {
        found_.title = "replica";
        std::map<std::uint32_t, std::string> found;
        const auto all = services();
        for (const Seen& seen : all) {
            if (!seen.status || (!place_.service.empty() && seen.name != place_.service))
                continue;
            for (const auto& replica : seen.status->replica_list) {
                auto& text = found[replica.index];
                text += text.empty() ? "" : "; ";
                text += (place_.service.empty() && all.size() > 1 ? seen.name + ": " : "") +
                        describe(*seen.status, replica);
            }
        }
        for (auto& [index, text] : found)
            add(std::to_string(index), std::move(text));
    }

    void add_numbers() {
        found_.title = "number of replicas";
        const std::string service = chosen_service();
        for (const Seen& seen : services()) {
            if (!seen.status || seen.name != service)
                continue;
            const std::uint32_t now = seen.status->replicas;
            add(std::to_string(now + 1), "one more");
            add(std::to_string(now), "as it is");
            if (now > 0)
                add(std::to_string(now - 1), "one fewer");
        }
    }

    const std::vector<Seen>& services() {
        if (!services_)
            services_ = knowledge_.services(place_.runtime_dir);
        return *services_;
    }

    const Place& place_;
    const TypedLine& line_;
    Knowledge& knowledge_;
    Candidates found_;
    std::optional<std::vector<Seen>> services_; ///< once they were asked for
};

} // namespace

Candidates complete(const TypedLine& line, Knowledge& knowledge) {
    Candidates by_shell;
    if (line.before.empty())
        return by_shell;
    if (line.redirects) {
        by_shell.by_shell = ByShell::files;
        return by_shell;
    }
    const std::string& program = line.before.front();
    const Syntax syntax =
        program.substr(program.rfind('/') + 1) == "svcd" ? syntax_of_svcd() : syntax_of_svc();
    return Completion(find_place(line, syntax), line, knowledge).all();
}

} // namespace svc::cli
