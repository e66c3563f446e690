// JournalSink: the supervisor's own lines to the journal, with fields.
#pragma once

#include "os/journal.h"
#include "svcd/front/log_sink.h"

#include <memory>
#include <string>

namespace svc::daemon {

/// syslog(3)'s priority of a level.
char priority_of(spdlog::level::level_enum level);

/// An entry that journald does not take at once (it is away, or stopped) goes to stderr like without it, which
/// is a stream to the same journald: a stream has room where its socket for entries has none, and what that does
/// not take either is counted there.
class JournalSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    JournalSink(std::string service, os::JournalSocket journal, std::shared_ptr<LogSink> fallback)
        : service_(std::move(service)), journal_(std::move(journal)),
          fallback_(std::move(fallback)) {}

    /// Of the lines until it is called again.
    void say_about(os::JournalFields fields) { about_ = std::move(fields); }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}

private:
    std::string service_;
    os::JournalSocket journal_;
    std::shared_ptr<LogSink> fallback_;
    os::JournalFields about_;
};

} // namespace svc::daemon
