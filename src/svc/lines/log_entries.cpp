#include "svc/lines/log_entries.h"

#include "os/clock.h"
#include "wire/journal_entry.h"

#include <boost/json/parse.hpp>

#include <array>
#include <charconv>

namespace svc::cli {
namespace {

namespace json = boost::json;

template <class Number>
bool read_whole(std::string_view text, Number& number) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return !text.empty() && error == std::errc{} && stop == end;
}

std::string_view take_unit(std::string_view name) {
    return name.ends_with(".service") ? name : std::string_view();
}

} // namespace

std::optional<StreamName> parse_stream_name(std::string_view identifier, std::string_view service) {
    const std::string start = std::string(service) + ".r";
    if (!identifier.starts_with(start))
        return std::nullopt;
    const std::string_view rest = identifier.substr(start.size());
    const auto dot = rest.find('.');
    StreamName name;
    if (dot == std::string_view::npos || !read_whole(rest.substr(0, dot), name.revision) ||
        !read_whole(rest.substr(dot + 1), name.replica))
        return std::nullopt;
    return name;
}

Result<LogEntry> read_log_entry(std::string_view text, std::string_view service) {
    boost::system::error_code error;
    const json::value parsed = json::parse(text, error);
    const auto* object = error ? nullptr : parsed.if_object();
    if (object == nullptr)
        return Error{"journalctl wrote a line that is no entry"};
    LogEntry entry;
    std::int64_t at = 0;
    if (read_whole(wire::journal_field(*object, "__REALTIME_TIMESTAMP"), at))
        entry.at = WallTime(std::chrono::microseconds(at));
    entry.cursor = wire::journal_field(*object, "__CURSOR");
    entry.unit = wire::journal_field(*object, "_SYSTEMD_USER_UNIT");
    if (take_unit(entry.unit).empty())
        entry.unit = wire::journal_field(*object, "_SYSTEMD_UNIT");
    entry.text = wire::journal_field(*object, "MESSAGE");
    static_cast<void>(read_whole(wire::journal_field(*object, "PRIORITY"), entry.priority));
    const std::string identifier = wire::journal_field(*object, "SYSLOG_IDENTIFIER");
    if (const auto stream = parse_stream_name(identifier, service)) {
        entry.revision = stream->revision;
        entry.replica = stream->replica;
        entry.who = "r" + std::to_string(stream->revision) + "-" + std::to_string(stream->replica);
        entry.of_service = true;
        return entry;
    }
    entry.who = identifier.empty() ? "-" : identifier;
    entry.of_service = wire::journal_field(*object, "SVC_SERVICE") == service ||
                       entry.unit == "svcd@" + std::string(service) + ".service";
    static_cast<void>(read_whole(wire::journal_field(*object, "SVC_REVISION"), entry.revision));
    std::uint32_t replica = 0;
    if (read_whole(wire::journal_field(*object, "SVC_REPLICA"), replica))
        entry.replica = replica;
    return entry;
}

bool is_wanted(const LogEntry& entry, const LogFilter& filter) {
    return entry.of_service && (filter.revision == 0 || entry.revision == filter.revision) &&
           (!filter.replica || entry.replica == filter.replica);
}

std::string render_log_entry(const LogEntry& entry, bool color) {
    constexpr std::array<std::string_view, 6> colors = {"36", "33", "32", "35", "34", "31"};
    constexpr int err = 3;
    constexpr int warning = 4;
    const auto since = entry.at.time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000;
    std::string fraction = std::to_string(1000 + ms);
    fraction[0] = '.';
    std::string who = padded(safe(entry.who), 6);
    std::string text = safe(entry.text);
    if (color && entry.replica && entry.who.starts_with('r'))
        who = "\x1b[" + std::string(colors[(*entry.replica + entry.revision) % colors.size()]) +
              "m" + who + "\x1b[0m";
    if (entry.priority <= err)
        text = tinted(text, Tint::bad, color);
    else if (entry.priority == warning)
        text = tinted(text, Tint::busy, color);
    return os::local_time_text(entry.at) + fraction + " " + who + " | " + text + "\n";
}

std::vector<std::string> journal_matches(const std::string& service,
                                         const std::vector<std::string>& identifiers,
                                         const std::string& unit, std::uint64_t revision) {
    std::vector<std::string> matches = {"SVC_SERVICE=" + service};
    bool any = false;
    for (const auto& identifier : identifiers) {
        const auto name = parse_stream_name(identifier, service);
        if (!name || (revision != 0 && name->revision != revision))
            continue;
        if (!std::exchange(any, true))
            matches.emplace_back("+");
        matches.push_back("SYSLOG_IDENTIFIER=" + identifier);
    }
    // Identifiers that come to be while it is followed are of the same unit.
    const std::string usual = "svcd@" + service + ".service";
    for (const char* field : {"_SYSTEMD_UNIT=", "_SYSTEMD_USER_UNIT="}) {
        matches.emplace_back("+");
        matches.push_back(field + usual);
        if (unit != usual && !unit.empty())
            matches.push_back(field + unit);
    }
    return matches;
}

} // namespace svc::cli
