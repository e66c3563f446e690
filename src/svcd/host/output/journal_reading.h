// JournalReading: the last lines of one worker's stream, asked of the journal.
#pragma once

#include "svcd/host/children/file_job.h"
#include "svcd/host/children/loop.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace svc::daemon {

/// What `journalctl --output=json` answered: the messages that stand before `last` in the stream in which it is,
/// in their order, printable and bounded as OutputTail does it; nullopt: `last` is not there (yet). Pure.
std::optional<std::vector<std::string>> find_last_lines(std::string_view answer,
                                                        const std::string& last);

/// asking ─ it has the last line → told
///    │ ▲ └ it has not → waiting ─ a little longer each time ─┐
///    │ └──────────────────────────────────────────────────────┘
///    └ 2 s are over, or journalctl fails → told: where to look instead. A journal that showed nothing once is
///      given 100 ms the next times, until it shows something: a version that fails is not to be taken back slowly
///      because nobody may read why.
///
/// A line that was written to a stream is in the journal a moment later; which moment, only journald could say, and only
/// to root. So we write a line of our own, and what stands before it is complete.
/// journalctl reads, and not libsystemd in here: an open journal is files mapped by the dozen, which a supervisor
/// that runs for months and reads them twice a year need not carry, and which may be on a slow disk.
class JournalReading {
public:
    using Done = std::function<void(std::vector<std::string>)>;
    /// `done` is called once, from the loop, and may destroy the object. `shows_nothing` outlives it: of all
    /// readings together.
    JournalReading(boost::asio::io_context& io, bool& shows_nothing, std::string identifier,
                   std::string last, Done done);

private:
    void ask();
    void handle(const Result<std::string>& answer);
    void give_up(const std::string& why);
    void tell(std::vector<std::string> lines);

    boost::asio::io_context& io_;
    bool& shows_nothing_;
    std::string identifier_;
    std::string last_;
    Done done_;
    Duration pause_;
    Alarm bound_;
    Alarm again_;
    std::unique_ptr<FileJob> job_;
};

} // namespace svc::daemon
