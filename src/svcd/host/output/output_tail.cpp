#include "svcd/host/output/output_tail.h"

#include "base/text.h"

#include <algorithm>
#include <utility>

namespace svc::daemon {

void OutputTail::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = std::min(bytes.find('\n'), bytes.size());
        const std::size_t room = line_bytes_limit - unfinished_.size();
        unfinished_ += bytes.substr(0, std::min(end, room));
        if (end == bytes.size())
            return;
        keep_line();
        bytes.remove_prefix(end + 1);
    }
}

void OutputTail::keep_line() {
    std::string line = std::exchange(unfinished_, {});
    if (!line.empty() && line.back() == '\r')
        line.pop_back();
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    while (lines_.size() > line_limit || bytes_ > bytes_limit) {
        bytes_ -= lines_.front().size();
        lines_.pop_front();
    }
}

std::vector<std::string> OutputTail::lines() const {
    OutputTail whole = *this;
    if (!whole.unfinished_.empty())
        whole.keep_line();
    std::vector<std::string> result;
    for (const auto& line : whole.lines_)
        result.push_back(printable(line, line_bytes_limit));
    return result;
}

} // namespace svc::daemon
