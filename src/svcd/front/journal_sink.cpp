#include "svcd/front/journal_sink.h"

namespace svc::daemon {

char priority_of(spdlog::level::level_enum level) {
    if (level >= spdlog::level::err)
        return '3';
    if (level == spdlog::level::warn)
        return '4';
    return level <= spdlog::level::debug ? '7' : '6';
}

void JournalSink::sink_it_(const spdlog::details::log_msg& message) {
    os::JournalFields fields = about_;
    fields.emplace_back("MESSAGE", std::string(message.payload.data(), message.payload.size()));
    fields.emplace_back("PRIORITY", std::string(1, priority_of(message.level)));
    fields.emplace_back("SYSLOG_IDENTIFIER", "svcd");
    fields.emplace_back("SVC_SERVICE", service_);
    if (!journal_.send(fields))
        fallback_->log(message);
}

} // namespace svc::daemon
