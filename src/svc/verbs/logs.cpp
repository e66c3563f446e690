// logs: what a service's workers wrote and what its supervisor said, in one stream.
#include "os/clock.h"
#include "svc/lines/file_lines.h"
#include "svc/lines/journal_lines.h"
#include "svc/lines/log_entries.h"
#include "svc/screen/interrupts.h"
#include "svc/talk/conversation.h"
#include "svc/verbs/service_text.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace svc::cli {
namespace {

constexpr std::uint32_t usual_lines = 100;

using Lines = std::vector<std::string>;

/// From the journal, with the caller's permissions; no supervisor is asked, and none need be there.
///
///   what is there (backwards, until so many are found) → printed ─ --follow → what comes after it → SIGINT
class JournalLog {
public:
    JournalLog(const Options& options, std::string service, const Console& console)
        : options_(options), service_(std::move(service)),
          console_(console), filter_{options.revision, options.only_replica},
          most_(options.lines || !options.since_time.empty() ? options.lines
                                                             : std::optional(usual_lines)) {}

    int run() {
        const auto interrupts = Interrupts::make();
        if (!interrupts)
            return fail(interrupts.error(), console_);
        interrupts_ = &*interrupts;
        if (const auto status = find_matches())
            return *status;
        if (const auto status = print_what_is_there())
            return *status;
        if (!printed_)
            tell_nothing();
        return options_.follow ? follow() : exit_done;
    }

private:
    [[nodiscard]] static Lines command(Lines more) {
        Lines all = {"--no-pager", "--all", "--output=json"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    /// Each line that `arguments` give, until `take` says that it is enough. The status: it ends here.
    template <class Take>
    std::optional<int> read(Lines arguments, Take take) {
        auto lines = JournalLines::start(std::move(arguments));
        if (!lines)
            return fail(lines.error(), console_);
        for (;;) {
            auto line = lines->next(interrupts_->fd());
            if (!line && line.error().code == EINTR) {
                if (const int signal = interrupts_->take(); Interrupts::ends(signal))
                    return Interrupts::exit_status(signal);
                continue;
            }
            if (!line)
                return fail(line.error(), console_);
            if (!*line)
                return lines->exit_status() == 0 ? std::nullopt : std::optional(tell_failure());
            if (!take(std::move(**line)))
                return std::nullopt;
        }
    }

    /// journalctl has said why on stderr.
    [[nodiscard]] int tell_failure() const {
        if (may_be_read_) { // so it is what was new in this call
            console_.err(
                "svc: --since " + safe(options_.since_time) +
                " is not a time that journalctl takes: \"2026-11-25 21:30\", \"1 hour ago\", "
                "\"today\" are\n");
            return exit_usage;
        }
        console_.err("svc: the journal cannot be read; journalctl says why\n");
        if (::geteuid() == 0)
            return exit_failed;
        console_.err("svc: members of the groups systemd-journal and adm see all of it\n");
        return exit_not_allowed;
    }

    std::optional<int> find_matches() {
        Lines identifiers;
        const auto status = read({"--quiet", "--field=SYSLOG_IDENTIFIER"}, [&](std::string line) {
            if (parse_stream_name(line, service_))
                identifiers.push_back(std::move(line));
            return true;
        });
        if (status)
            return status;
        may_be_read_ = !options_.since_time.empty();
        std::string unit;
        Lines last = command({"--quiet", "--lines=1", "SVC_SERVICE=" + service_});
        const auto asked = read(std::move(last), [&](const std::string& line) {
            if (const auto entry = read_log_entry(line, service_))
                unit = entry->unit;
            return false;
        });
        matches_ = journal_matches(service_, identifiers, unit, filter_.revision);
        // Identifiers that come to be while it is followed are found by the unit. A supervisor that is in none of
        // that name is found by nothing: is_wanted() has to choose from everybody's streams.
        if (options_.follow && unit.empty()) {
            matches_.emplace_back("+");
            matches_.emplace_back("_TRANSPORT=stdout");
        }
        return asked;
    }

    /// What of the journal is asked for besides the matches.
    std::optional<int> print_what_is_there() {
        Lines arguments = command({"--quiet"});
        if (most_)
            arguments.emplace_back("--reverse");
        if (!options_.since_time.empty())
            arguments.push_back("--since=" + options_.since_time);
        arguments.insert(arguments.end(), matches_.begin(), matches_.end());
        std::vector<std::pair<LogEntry, std::string>> found;
        const auto take = [&](std::string line) {
            auto entry = read_log_entry(line, service_);
            if (!entry)
                return true;
            if (cursor_.empty() || !most_)
                cursor_ = entry->cursor; // the newest
            if (!is_wanted(*entry, filter_))
                return true;
            if (!most_)
                print(*entry, line);
            else if (found.size() < *most_)
                found.emplace_back(std::move(*entry), std::move(line));
            return !most_ || found.size() < *most_;
        };
        if (const auto status = read(std::move(arguments), take))
            return status;
        std::for_each(found.rbegin(), found.rend(),
                      [this](const auto& one) { print(one.first, one.second); });
        return std::nullopt;
    }

    int follow() {
        may_be_read_ = false; // --since is not asked again
        Lines arguments = command({"--quiet", "--follow"});
        arguments.emplace_back("--lines=all");
        // Where nothing was there, what was written since we looked is new.
        arguments.push_back(cursor_.empty() ? "--since=@" + std::to_string(began_)
                                            : "--after-cursor=" + cursor_);
        arguments.insert(arguments.end(), matches_.begin(), matches_.end());
        const auto status = read(std::move(arguments), [&](const std::string& line) {
            const auto entry = read_log_entry(line, service_);
            if (entry && is_wanted(*entry, filter_))
                print(*entry, line);
            return true;
        });
        return status.value_or(exit_done);
    }

    void print(const LogEntry& entry, const std::string& line) {
        printed_ = true;
        console_.out(options_.json ? line + "\n"
                                   : render_log_entry(entry, console_.terminal.color));
    }

    void tell_nothing() const {
        console_.err("svc: the journal shows nothing of " + service_ +
                     (filter_.revision != 0 || filter_.replica ? " that was asked for" : "") +
                     "\n");
        if (::geteuid() != 0)
            console_.err("svc: members of the groups systemd-journal and adm see all of it\n");
        console_.err(
            "svc: where the supervisor does not run under systemd, output goes to its stderr "
            "unless [log] says otherwise\n");
    }

    const Options& options_;
    std::string service_;
    const Console& console_;
    LogFilter filter_;
    std::optional<std::uint32_t> most_;
    const Interrupts* interrupts_ = nullptr;
    Lines matches_;
    std::string cursor_;
    std::int64_t began_ =
        std::chrono::duration_cast<std::chrono::seconds>(os::wall_now().time_since_epoch()).count();
    bool may_be_read_ = false; ///< it was, and what follows may only fail for --since
    bool printed_ = false;
};

/// Where the workers' output goes, as far as it can be known: from the supervisor, which knows its file, or from
/// where the file of that name usually is. Nothing: the journal is the place to look.
std::optional<rollout::LogSpec> find_place(const Service& service) {
    std::string file;
    if (const auto answer = ask_status(service, Patience{Duration::zero(), Duration::zero()}))
        file = answer->status.service_file;
    else
        file = usual_service_file(service.name);
    if (file.empty())
        return std::nullopt;
    const auto parsed = read_service_file(file);
    if (!parsed || !parsed->mistakes.empty())
        return std::nullopt;
    return parsed->spec.log;
}

} // namespace

int show_logs(const Options& options, const Console& console) {
    const auto service = choose_service(options, console);
    if (!service)
        return fail(service.error(), console);
    const auto place = find_place(*service);
    if (place && place->output == rollout::LogOutput::file) {
        if (options.revision != 0 || options.only_replica || !options.since_time.empty() ||
            options.json)
            return fail(Error{"the workers of " + service->name + " write to " + place->file +
                              ", which does not say when, which revision or which replica; "
                              "leave --revision, --replica, --since and --json out"},
                        console);
        return show_file(place->file, options.lines.value_or(usual_lines), options.follow, console);
    }
    if (place && (place->output == rollout::LogOutput::inherit ||
                  place->output == rollout::LogOutput::capture ||
                  place->output == rollout::LogOutput::prefix))
        console.err("svc: the workers of " + service->name +
                    " write to where the supervisor's stderr goes (output in [log]); this is what "
                    "the journal has of it\n");
    return JournalLog(options, service->name, console).run();
}

} // namespace svc::cli
