// Launching: the conversation with one svc-launch, from its spawn to the exec.
#pragma once

#include "svcd/host/children/loop.h"
#include "wire/launch_order.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace svc::daemon {

/// What is sent: the encoded order, then the fds. `owned` holds those of `fds` that are not needed
/// here once they are on their way (a pipe's write end, say).
struct LaunchParcel {
    std::string order;
    std::vector<int> fds;
    std::vector<UniqueFd> owned;
};

/// sending (order, fds in batches) → sent → GO sent, once release() was called → answered.
///
/// The answer is one of three: the exec happened (end-of-file after GO: the launcher's end is
/// close-on-exec), it failed (a LaunchFailure frame, which may come before GO too, or an error of our
/// own in sending), or silence: the launcher ended without a word, and its exit status has to tell.
/// An answer never changes.
/// End-of-file alone does not prove an exec: a launcher that was killed after GO closes its socket
/// as well. The owner looks whether the process still lives.
class Launching {
public:
    /// Sends what the socket takes at once; never blocks. `answered` is called once, from the loop, when
    /// answer() is `executed` or `failed`, and may destroy the object.
    static Result<std::unique_ptr<Launching>> make(boost::asio::io_context& io, UniqueFd socket,
                                                   LaunchParcel parcel,
                                                   std::function<void()> answered);
    Launching(const Launching&) = delete;
    Launching& operator=(const Launching&) = delete;

    void release(); ///< GO, as soon as everything else is sent
    /// Reads what has come, without waiting for the loop.
    void read_answer();

    enum class Answer { awaited, executed, failed, silence };
    [[nodiscard]] Answer answer() const { return answer_; }
    [[nodiscard]] const wire::LaunchFailure& failure() const { return failure_; }

private:
    enum class Go { held, wanted, sent };
    Launching(boost::asio::io_context& io, Watch watch, LaunchParcel parcel,
              std::function<void()> answered);
    void send_on();
    Result<std::size_t> send_next();
    void handle_send_error(const Error& error);
    void await_answer();
    void tell_answer();
    void fail(wire::LaunchStep step, std::int32_t error, std::string sentence);

    Watch watch_;
    Alarm retry_;
    Later tell_;
    std::function<void()> answered_;
    LaunchParcel parcel_;
    std::size_t order_sent_ = 0;
    std::size_t fds_sent_ = 0;
    Go go_ = Go::held;
    std::string received_;
    Answer answer_ = Answer::awaited;
    wire::LaunchFailure failure_;
};

} // namespace svc::daemon
