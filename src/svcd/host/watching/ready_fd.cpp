#include "svcd/host/watching/ready_fd.h"

#include "os/fd.h"

#include <array>
#include <string_view>

namespace svc::daemon {

namespace {

// A log that was connected to the wrong fd, say, ends here and not in a loop.
constexpr std::size_t ignored_limit = 65536;

} // namespace

void ReadyFd::listen() {
    listening_ = true;
    if (!watch_) {
        auto watch = Watch::make(io_, std::move(unwatched_));
        if (!watch) {
            tell(watch.error().message);
            return;
        }
        watch_ = std::move(*watch);
    }
    wait();
}

void ReadyFd::wait() {
    watch_->when_readable([this] { read(); });
}

void ReadyFd::read() {
    while (listening_) {
        std::array<char, 4096> buffer; // NOLINT: filled by read_some()
        const auto count = os::read_some(watch_->fd(), buffer);
        if (!count) {
            tell("its readiness fd cannot be read: " + count.error().message);
        } else if (!count->has_value()) {
            wait();
            return;
        } else if (**count == 0) {
            tell("closed its readiness fd without a newline");
        } else if (std::string_view(buffer.data(), **count).find('\n') != std::string_view::npos) {
            tell({});
        } else if ((ignored_ += **count) >= ignored_limit) {
            tell("wrote " + std::to_string(ignored_) +
                 " bytes to its readiness fd without a newline");
        }
    }
}

void ReadyFd::tell(std::string failure) {
    listening_ = false;
    told_(std::move(failure));
}

} // namespace svc::daemon
