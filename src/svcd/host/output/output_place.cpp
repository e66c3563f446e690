#include "svcd/host/output/output_place.h"

#include "os/pipe.h"

#include <algorithm>
#include <array>

namespace svc::daemon {

namespace {

void take_out(int pipe, std::size_t count) {
    if (pipe >= 0 && count > 0)
        static_cast<void>(os::discard(pipe, count)); // they are there
}

} // namespace

std::size_t ErrorPlace::pass(std::string_view bytes, int pipe) {
    const std::size_t taken = sink_.write(this, bytes);
    take_out(pipe, taken);
    return taken;
}

std::size_t PrefixPlace::pass(std::string_view bytes, int pipe) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const std::string_view rest = bytes.substr(done);
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string line = prefix_;
        line += rest.substr(0, end);
        line += '\n';
        const std::string_view unwritten = std::string_view(line).substr(written_);
        const std::size_t taken = sink_.write(this, unwritten);
        if (taken < unwritten.size()) {
            written_ += taken;
            break;
        }
        written_ = 0;
        done += std::min(end + 1, rest.size());
    }
    take_out(pipe, done);
    return done;
}

std::string make_prefix(std::string_view service, std::uint32_t replica, std::uint64_t revision,
                        bool color) {
    constexpr std::array<std::string_view, 6> colors = {"36", "33", "32", "35", "34", "31"};
    const std::string text = std::string(service) + "." + std::to_string(replica) + " | ";
    if (!color)
        return text;
    return "\x1b[" + std::string(colors[(replica + revision) % colors.size()]) + "m" + text +
           "\x1b[0m";
}

} // namespace svc::daemon
