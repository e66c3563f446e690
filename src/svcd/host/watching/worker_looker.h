// WorkerLooker: how many connections workers have and what they use, looked for by a child (os/usage.h), one at a
// time.
#pragma once

#include "os/usage.h"
#include "svcd/host/children/file_job.h"
#include "svcd/host/children/loop.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace svc::daemon {

/// idle ─ look() → due ─ the loop's next turn → looking ─ answered, or no answer in time → idle, or due
///
/// Whoever asks while a child looks is answered by the next one, with everybody else who asked meanwhile: any
/// number of questions are one child at a time. No child lives longer than 2 s; then everything is unknown.
/// What can never happen: an answer for who has dropped its Question; a Question without an answer.
class WorkerLooker {
public:
    using Answer = std::vector<os::Seen>;
    using Question = std::shared_ptr<std::function<void(const Answer&)>>;
    enum class What { connections, usage, both };
    /// The addresses whose connections count; nullopt: some of them are not to be seen from here.
    using Listeners = std::function<std::optional<std::vector<Address>>()>;

    WorkerLooker(boost::asio::io_context& io, Listeners listeners);
    /// One answer for each set. It is called once, from the loop, if the Question is still held then.
    [[nodiscard]] Question look(std::vector<os::ProcessSet> sets, What what,
                                std::function<void(const Answer&)> then);

private:
    struct Asked {
        std::vector<os::ProcessSet> sets;
        What what;
        std::weak_ptr<std::function<void(const Answer&)>> then;
    };
    void start();
    void finish(const Result<std::string>& answer);

    boost::asio::io_context& io_;
    Listeners listeners_;
    std::vector<Asked> due_;
    std::vector<Asked> looking_;
    std::unique_ptr<FileJob> job_;
    Alarm late_;
    Later start_;
};

} // namespace svc::daemon
