#include "svcd/host/output/journal_reading.h"

#include "base/text.h"
#include "os/program.h"
#include "svcd/host/output/output_tail.h"
#include "wire/journal_entry.h"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <utility>

namespace svc::daemon {

namespace {

namespace json = boost::json;

constexpr Duration bound = std::chrono::seconds(2);
constexpr Duration first_pause = std::chrono::milliseconds(10);
constexpr Duration short_bound = std::chrono::milliseconds(100);
constexpr std::size_t reason_limit = 200;
/// What stands before our line and is kept, our line, and what others write behind it: descendants that nobody ended.
constexpr std::size_t asked_lines = 200;

std::vector<std::string> question(const std::string& identifier) {
    return {"journalctl",
            "--quiet",
            "--no-pager",
            "--all", // without it a field of more than 4 KiB is null
            "--boot",
            "--output=json",
            "--output-fields=MESSAGE,_STREAM_ID",
            "--lines=" + std::to_string(asked_lines),
            "_TRANSPORT=stdout",
            "SYSLOG_IDENTIFIER=" + identifier};
}

struct Entry {
    std::string stream;
    std::string message;
};

std::vector<Entry> read_entries(std::string_view answer) {
    std::vector<Entry> entries;
    while (!answer.empty()) {
        const std::string_view line = answer.substr(0, answer.find('\n'));
        answer.remove_prefix(std::min(line.size() + 1, answer.size()));
        boost::system::error_code error;
        const json::value parsed = json::parse(line, error);
        if (const auto* object = error ? nullptr : parsed.if_object())
            entries.push_back({wire::journal_field(*object, "_STREAM_ID"),
                               wire::journal_field(*object, "MESSAGE")});
    }
    return entries;
}

} // namespace

std::optional<std::vector<std::string>> find_last_lines(std::string_view answer,
                                                        const std::string& last) {
    const std::vector<Entry> entries = read_entries(answer);
    const auto mark = std::find_if(entries.rbegin(), entries.rend(),
                                   [&](const Entry& entry) { return entry.message == last; });
    if (mark == entries.rend())
        return std::nullopt;
    OutputTail tail;
    // An earlier worker of the same revision and replica wrote to another stream.
    for (auto entry = entries.begin(); entry != mark.base() - 1; ++entry)
        if (entry->stream == mark->stream)
            tail.feed(entry->message + "\n");
    return tail.lines();
}

JournalReading::JournalReading(boost::asio::io_context& io, bool& shows_nothing,
                               std::string identifier, std::string last, Done done)
    : io_(io), shows_nothing_(shows_nothing), identifier_(std::move(identifier)),
      last_(std::move(last)), done_(std::move(done)), pause_(first_pause), bound_(io), again_(io) {
    const Duration most = shows_nothing_ ? short_bound : bound;
    bound_.after(most, [this, most] {
        shows_nothing_ = true;
        give_up("it does not show them after " + format_duration(most));
    });
    ask();
}

void JournalReading::ask() {
    job_ = std::make_unique<FileJob>(io_, os::start_program(question(identifier_)),
                                     [this](const Result<std::string>& answer) { handle(answer); });
}

void JournalReading::handle(const Result<std::string>& answer) {
    if (!answer) {
        give_up(printable(answer.error().message, reason_limit));
        return;
    }
    if (auto found = find_last_lines(*answer, last_)) {
        shows_nothing_ = false;
        tell(std::move(*found));
        return;
    }
    again_.after(pause_, [this] { ask(); });
    pause_ *= 2;
}

void JournalReading::give_up(const std::string& why) {
    tell({"(its last lines are in the journal: " + why + "; journalctl -t " + identifier_ + ")"});
}

void JournalReading::tell(std::vector<std::string> lines) {
    bound_.cancel();
    again_.cancel();
    if (const auto done = std::exchange(done_, nullptr))
        done(std::move(lines)); // it may destroy us
}

} // namespace svc::daemon
