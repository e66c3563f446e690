#include "svcd/host/children/file_job.h"

#include "os/fd.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <utility>

namespace svc::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t piece_size = 1024;

} // namespace

FileJob::FileJob(asio::io_context& io, Result<os::FileWork> work, Done done, std::size_t limit)
    : limit_(limit), answer_(std::string()), done_(std::move(done)), tell_(io, [this] { tell(); }) {
    if (!work) {
        finish(work.error());
        return;
    }
    work_ = std::move(*work);
    auto watch = Watch::make(io, std::move(work_->answer));
    if (!watch) {
        finish(watch.error());
        return;
    }
    watch_ = std::move(*watch);
    await_more();
}

FileJob::~FileJob() {
    if (work_)
        os::end_file_work(*work_);
}

void FileJob::tell() {
    const auto then = std::exchange(done_, nullptr);
    then(std::move(answer_));
}

void FileJob::finish_now() {
    while (!ended_) {
        os::wait_readable(watch_->fd());
        read();
    }
    tell();
}

void FileJob::await_more() {
    watch_->when_readable([this] { read(); });
}

void FileJob::read() {
    for (;;) {
        std::array<char, piece_size> buffer; // NOLINT: filled by read_some()
        const auto count = os::read_some(watch_->fd(), buffer);
        if (!count) {
            finish(count.error());
            return;
        }
        if (!count->has_value()) {
            await_more();
            return;
        }
        if (**count == 0 || received_.size() > limit_) {
            work_.reset();
            finish(os::parse_file_answer(received_));
            return;
        }
        received_.append(buffer.data(), **count);
    }
}

void FileJob::finish(Result<std::string> answer) {
    answer_ = std::move(answer);
    ended_ = true;
    tell_.wake();
}

asio::awaitable<Result<std::string>> finish_job(asio::io_context& io, Result<os::FileWork> work) {
    Result<std::string> answer = Error{"cancelled", 0};
    asio::steady_timer wakeup(io, asio::steady_timer::time_point::max());
    const FileJob job(io, std::move(work), [&](Result<std::string> result) {
        answer = std::move(result);
        wakeup.cancel();
    });
    boost::system::error_code ignored;
    // The answer comes from the loop, so it cannot come before this wait.
    co_await wakeup.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return answer;
}

} // namespace svc::daemon
