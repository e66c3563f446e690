// LogSink: the supervisor's own lines to its stderr, without ever waiting for who reads them.
#pragma once

#include "os/error_output.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <cstddef>
#include <string_view>

namespace svc::daemon {

/// A full pipe or a stopped terminal must not stop the supervisor: nobody would restart a worker or
/// answer svc until somebody reads. A line that stderr does not take at once is lost and counted,
/// not kept: a log that nobody reads has no end. The next line that gets through comes after one
/// that tells how many were lost.
class LogSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    explicit LogSink(int fd) : output_(fd) {}

protected:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}

private:
    bool write_line(const spdlog::details::log_msg& message);
    std::size_t write(std::string_view bytes) const;

    os::ErrorOutput output_;
    std::size_t lost_ = 0;
    bool cut_ = false; // the last thing taken was the beginning of a line
};

} // namespace svc::daemon
