// ReadyFd: our end of the channel on which a worker says that it is ready: a pipe on which a newline comes (s6's
// way), or the socket of Node's IPC, on which the line `"ready"` comes.
#pragma once

#include "rollout/spec.h"
#include "svcd/host/children/loop.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace svc::daemon {

/// The lines of process.send() (NODE_CHANNEL_SERIALIZATION_MODE=json: a JSON value each), of which one is looked for.
/// Stores nothing of them, however long they are.
class ReadyLine {
public:
    /// True: `bytes`, which follow those of the call before, complete it.
    bool feed(std::string_view bytes);

private:
    std::size_t matched_ = 0; ///< of the line that is under way; npos: it is another one
};

/// silent ─ the worker said it → heard        listen(): what is known is told at once, or else when it comes to pass,
///    └──── the end, before that → failed                  once for each listen(), unless stop() comes before
///
/// The channel is read from the first moment to its end, so that no worker ever waits for room in it, a batch at each
/// wakeup. Our end stays open as long as the worker has one: without it the worker's next word would be SIGPIPE, or
/// ERR_IPC_CHANNEL_CLOSED. What was heard outlives us: keep() comes before it is told, and, where the
/// channel can be looked into (a socket), before it is taken out of it.
class ReadyFd {
public:
    struct Handlers {
        std::function<void()> keep;                    ///< heard() is to be where it survives us
        std::function<void(std::string failure)> told; ///< empty: it is ready
    };
    /// `on`: fd or ipc. `heard`: by an earlier supervisor.
    static Result<std::unique_ptr<ReadyFd>> make(boost::asio::io_context& io, UniqueFd our_end,
                                                 rollout::ReadyOn on, bool heard,
                                                 Handlers handlers);
    ReadyFd(const ReadyFd&) = delete;
    ReadyFd& operator=(const ReadyFd&) = delete;

    void listen();
    void stop() { listening_ = false; }
    [[nodiscard]] int fd() const { return watch_.fd(); }
    [[nodiscard]] bool heard() const { return heard_; }

private:
    ReadyFd(boost::asio::io_context& io, Watch watch, rollout::ReadyOn on, bool heard,
            Handlers handlers);
    void go_on();
    /// False: there is nothing to read now, or never again.
    bool read_some();
    Result<std::optional<std::size_t>> take(std::span<char> buffer);
    bool says_ready(std::string_view bytes);
    void hear();
    void end(std::string failure);
    void tell_soon();
    void tell();

    Watch watch_;
    Later again_;
    Alarm telling_;
    const rollout::ReadyOn on_;
    Handlers handlers_;
    ReadyLine line_;
    bool listening_ = false;
    bool heard_;
    bool ended_ = false;
    std::string failure_; ///< of one that was not heard
};

} // namespace svc::daemon
