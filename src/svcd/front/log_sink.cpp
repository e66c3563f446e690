#include "svcd/front/log_sink.h"

#include <cerrno>
#include <string>

namespace svc::daemon {

void LogSink::sink_it_(const spdlog::details::log_msg& message) {
    if (lost_ != 0) {
        const std::string text =
            std::to_string(lost_) + " log lines were lost: stderr did not take them";
        if (!write_line({message.time, {}, message.logger_name, spdlog::level::warn, text})) {
            ++lost_;
            return;
        }
        lost_ = 0;
    }
    if (!write_line(message))
        ++lost_;
}

bool LogSink::write_line(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    if (cut_)
        line.push_back('\n');
    formatter_->format(message, line);
    const std::size_t taken = write({line.data(), line.size()});
    if (taken != 0)
        cut_ = taken != line.size();
    return taken == line.size();
}

std::size_t LogSink::write(std::string_view bytes) const {
    std::size_t taken = 0;
    while (taken < bytes.size()) {
        const long count = output_.write_some(bytes.substr(taken));
        if (count > 0)
            taken += static_cast<std::size_t>(count);
        else if (count == 0 || errno != EINTR)
            break;
    }
    return taken;
}

} // namespace svc::daemon
