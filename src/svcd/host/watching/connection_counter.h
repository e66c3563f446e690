// ConnectionCounter: how many connections workers have, counted by a child (os/connections.h), one at a time.
#pragma once

#include "os/connections.h"
#include "svcd/host/children/file_job.h"
#include "svcd/host/children/loop.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace svc::daemon {

/// idle ─ count() → due ─ the loop's next turn → counting ─ answered, or no answer in time → idle, or due
///
/// Whoever asks while a child counts is answered by the next one, with everybody else who asked meanwhile: any
/// number of questions are one child at a time. No child lives longer than 2 s; then everything is unknown.
/// What can never happen: an answer for who has dropped its Question; a Question without an answer.
class ConnectionCounter {
public:
    using Counts = std::vector<std::optional<std::uint64_t>>;
    using Question = std::shared_ptr<std::function<void(const Counts&)>>;
    /// The addresses whose connections count; nullopt: some of them are not to be seen from here.
    using Listeners = std::function<std::optional<std::vector<Address>>()>;

    ConnectionCounter(boost::asio::io_context& io, Listeners listeners);
    /// One count for each set. It is called once, from the loop, if the Question is still held then.
    [[nodiscard]] Question count(std::vector<os::ProcessSet> sets,
                                 std::function<void(const Counts&)> then);

private:
    struct Asked {
        std::vector<os::ProcessSet> sets;
        std::weak_ptr<std::function<void(const Counts&)>> then;
    };
    void start();
    void finish(const Result<std::string>& answer);

    boost::asio::io_context& io_;
    Listeners listeners_;
    std::vector<Asked> due_;
    std::vector<Asked> counting_;
    std::unique_ptr<FileJob> job_;
    Alarm late_;
    Later start_;
};

} // namespace svc::daemon
