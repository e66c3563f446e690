#include "svcd/front/logging.h"

#include "base/result.h"
#include "svcd/front/journal_sink.h"
#include "svcd/front/log_fields.h"
#include "wire/control.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <unistd.h>

namespace svc::daemon {

namespace {

/// %* in a pattern: syslog(3)'s priority of the level.
class PriorityFlag final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&,
                spdlog::memory_buf_t& out) override {
        out.push_back(priority_of(message.level));
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<PriorityFlag>();
    }
};

spdlog::level::level_enum level_of(const rollout::Event& event) {
    using rollout::EventKind;
    using rollout::Verdict;
    switch (event.kind) {
    case EventKind::worker_status:
    case EventKind::worker_launched:
    case EventKind::worker_ready:
    case EventKind::worker_stopping:
        return spdlog::level::debug;
    case EventKind::rollout_requested:
    case EventKind::rollout_pending:
    case EventKind::rollout_started:
    case EventKind::rollout_resumed:
    case EventKind::rollout_stage:
    case EventKind::keeping_ended:
    case EventKind::frozen:
    case EventKind::scaled:
    case EventKind::worker_available:
    case EventKind::worker_retired:
    case EventKind::worker_exited:
    case EventKind::worker_recycled:
    case EventKind::worker_reloaded:
    case EventKind::stopping:
    case EventKind::listener:
    case EventKind::supervisor:
        return spdlog::level::info;
    case EventKind::listener_damaged:
    case EventKind::rollout_paused:
    case EventKind::worker_killed:
    case EventKind::worker_restarting:
    case EventKind::hook_failed:
    case EventKind::warning:
    case EventKind::probe_failed:
        return spdlog::level::warn;
    case EventKind::rollout_rolling_back:
    case EventKind::kill_failed:
    case EventKind::refused:
    case EventKind::history:
        return spdlog::level::err;
    case EventKind::rollout_ended:
        if (event.verdict == Verdict::complete)
            return spdlog::level::info;
        return event.verdict == Verdict::superseded || event.verdict == Verdict::aborted
                   ? spdlog::level::warn
                   : spdlog::level::err;
    }
    fatal("an unknown kind of event");
}

/// The default logger's sink, if that is one.
std::shared_ptr<JournalSink> journal;

} // namespace

void set_up_logging(const std::string& level, const std::string& service, bool plain) {
    const bool to_journal = os::is_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM"));
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<PriorityFlag>('*');
    formatter->set_pattern(to_journal || plain ? "<%*>%v" : "%H:%M:%S.%e svcd[%P] %l: %v");
    auto to_stderr = std::make_shared<LogSink>(STDERR_FILENO);
    to_stderr->set_formatter(std::move(formatter));
    journal = nullptr;
    std::shared_ptr<spdlog::sinks::sink> sink = to_stderr;
    if (to_journal)
        sink = journal =
            std::make_shared<JournalSink>(service, os::JournalSocket(), std::move(to_stderr));
    auto logger = std::make_shared<spdlog::logger>("svcd", std::move(sink));
    logger->set_level(spdlog::level::from_str(level));
    spdlog::set_default_logger(std::move(logger));
}

void log_event(const rollout::Event& event, rollout::RevisionNumber rollout) {
    if (journal)
        journal->say_about(fields_of(event, rollout));
    spdlog::log(level_of(event), "{}", wire::sentence_of(event));
    if (journal)
        journal->say_about({});
}

} // namespace svc::daemon
