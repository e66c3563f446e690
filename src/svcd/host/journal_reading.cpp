#include "svcd/host/journal_reading.h"

#include "base/text.h"
#include "os/program.h"
#include "svcd/host/output_tail.h"

#include <boost/json/parse.hpp>

#include <utility>

namespace svc::daemon {

namespace {

namespace json = boost::json;

constexpr Duration bound = std::chrono::seconds(2);
constexpr Duration first_pause = std::chrono::milliseconds(10);
constexpr std::size_t reason_limit = 200;

std::vector<std::string> question(const std::string& identifier) {
    // A line more than is kept, for our own.
    return {"journalctl",
            "--quiet",
            "--no-pager",
            "--all", // without it a field of more than 4 KiB is null
            "--boot",
            "--output=json",
            "--output-fields=MESSAGE,_STREAM_ID",
            "--lines=" + std::to_string(OutputTail::line_limit + 1),
            "_TRANSPORT=stdout",
            "SYSLOG_IDENTIFIER=" + identifier};
}

/// A string, or an array of bytes if it is not UTF-8.
std::string text_of(const json::value* value) {
    if (value == nullptr)
        return {};
    if (const auto* text = value->if_string())
        return std::string(*text);
    std::string bytes;
    if (const auto* array = value->if_array())
        for (const json::value& byte : *array)
            if (const auto* number = byte.if_int64())
                bytes.push_back(static_cast<char>(*number));
    return bytes;
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
            entries.push_back({text_of(object->if_contains("_STREAM_ID")),
                               text_of(object->if_contains("MESSAGE"))});
    }
    return entries;
}

} // namespace

std::optional<std::vector<std::string>> find_last_lines(std::string_view answer,
                                                        const std::string& last) {
    const std::vector<Entry> entries = read_entries(answer);
    if (entries.empty() || entries.back().message != last)
        return std::nullopt;
    OutputTail tail;
    // An earlier worker of the same revision and replica wrote to another stream.
    for (const Entry& entry : entries)
        if (entry.stream == entries.back().stream && &entry != &entries.back())
            tail.feed(entry.message + "\n");
    return tail.lines();
}

JournalReading::JournalReading(boost::asio::io_context& io, std::string identifier,
                               std::string last, Done done)
    : io_(io), identifier_(std::move(identifier)), last_(std::move(last)), done_(std::move(done)),
      pause_(first_pause), bound_(io), again_(io) {
    bound_.after(bound,
                 [this] { give_up("it does not show them after " + format_duration(bound)); });
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
