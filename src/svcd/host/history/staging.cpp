#include "svcd/host/history/staging.h"

#include "os/executable.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace svc::daemon {

namespace asio = boost::asio;
using rollout::Revision;

namespace {

constexpr mode_t executable_mode = 0755;

/// The digest of the file that `identity` names, if it is that file still.
asio::awaitable<std::string> digest_of(asio::io_context& io, Executables& executables,
                                       const rollout::FileIdentity& identity) {
    if (identity.inode == 0)
        co_return std::string();
    auto opened = os::open_executable(identity.path);
    if (!opened || !is_same_file(identity, opened->stat))
        co_return std::string();
    if (auto known = executables.known_content(identity.path, opened->stat))
        co_return std::move(*known);
    UnreadFile file{identity.path, opened->stat, std::move(opened->fd)};
    auto digest = co_await finish_job(io, os::start_digest(file.fd.get()));
    co_return executables.learn(file, digest ? std::move(*digest) : std::string());
}

} // namespace

std::unique_ptr<ContentReader> ContentReader::start(asio::io_context& io, Executables& executables,
                                                    const Revision& revision,
                                                    std::function<void()> done) {
    auto unread = executables.find_unread(revision);
    if (!unread)
        return nullptr;
    auto reader = std::unique_ptr<ContentReader>(
        new ContentReader(io, executables, revision, std::move(done)));
    reader->read(std::move(*unread));
    return reader;
}

void ContentReader::read(UnreadFile file) {
    file_ = std::move(file);
    --files_left_;
    job_ = std::make_unique<FileJob>(
        io_, os::start_digest(file_->fd.get()), [this](Result<std::string> digest) {
            executables_.learn(*file_, digest ? std::move(*digest) : std::string());
            auto next = files_left_ > 0 ? executables_.find_unread(revision_) : std::nullopt;
            if (next) {
                read(std::move(*next));
                return;
            }
            // The owner may destroy us in it: nothing here is touched after the call.
            const auto then = std::move(done_);
            then();
        });
}

asio::awaitable<void> read_contents(asio::io_context& io, Executables& executables,
                                    const Revision& revision) {
    asio::steady_timer wakeup(io, asio::steady_timer::time_point::max());
    const auto reader = ContentReader::start(io, executables, revision, [&] { wakeup.cancel(); });
    if (!reader)
        co_return;
    boost::system::error_code ignored;
    co_await wakeup.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> take_digests(asio::io_context& io, Executables& executables,
                                   Revision& revision) {
    if (revision.sha256.empty())
        revision.sha256 = co_await digest_of(io, executables, revision.executable_identity);
    if (revision.program_sha256.empty())
        revision.program_sha256 = co_await digest_of(io, executables, revision.program_identity);
}

asio::awaitable<StagedRevision> stage_revision(asio::io_context& io, const History& history,
                                               const Revision& revision, int executable) {
    StagedRevision staged;
    auto made = history.stage(revision);
    if (!made) {
        staged.problem = made.error();
        co_return staged;
    }
    staged.directory.emplace(std::move(*made));
    if (executable >= 0) {
        Result<std::string> copied{std::string()};
        if (const auto copy = staged.directory->create(History::copy_file, executable_mode))
            copied = co_await finish_job(io, os::start_copy(executable, copy->get()));
        else
            copied = copy.error();
        // Without the copy the revision is worth keeping all the same.
        if (!copied) {
            staged.directory->remove(History::copy_file);
            staged.problem = copied.error();
        }
    }
    const auto synced = co_await finish_job(io, os::start_sync(staged.directory->fd()));
    if (!synced) {
        staged.directory.reset();
        staged.problem = synced.error();
    }
    co_return staged;
}

} // namespace svc::daemon
