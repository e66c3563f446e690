#include "svcd/host/history/history.h"

#include "base/text.h"
#include "os/executable.h"
#include "wire/service_file.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace svc::daemon {

using rollout::Revision;
using rollout::RevisionNumber;

namespace {

constexpr std::size_t entries_limit = 20'000;
constexpr mode_t secret = 0600; // the contents of environment files are in it
constexpr const char* revision_file = "revision.json";
constexpr const char* outcome_file = "outcome.json";
constexpr const char* timeline_file = "timeline.json";
constexpr const char* text_file = "service.toml";

/// The shape was read; this is the meaning, as far as a start depends on it.
std::string why_not_startable(const Revision& revision, RevisionNumber number) {
    if (revision.number != number)
        return "it is revision " + std::to_string(revision.number) + "'s";
    if (!revision.executable.starts_with('/') || revision.command.empty())
        return "it has no command";
    const auto mistakes = wire::check_spec(revision.spec);
    return mistakes.empty() ? "" : mistakes.front().key + ": " + mistakes.front().message;
}

} // namespace

std::optional<RevisionNumber> revision_of_name(std::string_view name) {
    RevisionNumber number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    // 15 digits: whoever counts on from it does not overflow, and JSON's numbers hold it.
    if (name.size() > 15 || parsed.ec != std::errc() || parsed.ptr != name.data() + name.size() ||
        number == 0 || name.front() == '0')
        return std::nullopt;
    return number;
}

std::vector<RevisionNumber> surplus(const std::vector<RevisionNumber>& numbers, std::size_t limit,
                                    const std::set<RevisionNumber>& kept) {
    std::vector<RevisionNumber> dropped;
    for (const RevisionNumber number : numbers) {
        if (numbers.size() - dropped.size() <= limit)
            break;
        if (!kept.contains(number))
            dropped.push_back(number);
    }
    return dropped;
}

Result<void> History::open() {
    if (auto made = os::make_directories(directory_, 0700); !made)
        return made;
    os::remove_leftovers(directory_);
    if (auto listed = os::list_directory(directory_, entries_limit); !listed)
        return listed.error();
    return {};
}

Result<os::NewDirectory> History::stage(const Revision& revision) const {
    auto made = os::NewDirectory::make(directory_, std::to_string(revision.number));
    if (!made)
        return made;
    if (auto written = made->write(revision_file, wire::serialize_revision(revision), secret);
        !written)
        return written.error();
    if (auto written = made->write(text_file, revision.service_file, secret); !written)
        return written.error();
    return made;
}

Result<void> History::begin(StagedRevision staged) {
    if (staged.directory) {
        if (auto committed = staged.directory->commit(); !committed)
            return committed;
    }
    if (staged.problem)
        return *staged.problem;
    return {};
}

Result<void> History::trim(std::size_t limit, std::set<RevisionNumber> kept) {
    const auto all = numbers();
    if (all.size() <= limit)
        return {};
    RevisionNumber below = std::numeric_limits<RevisionNumber>::max();
    for (int newest = 0; newest < 2; ++newest) {
        const auto completed = last_completed(below);
        if (!completed)
            break;
        below = completed->number;
        kept.insert(below);
    }
    for (const RevisionNumber number : surplus(all, limit, kept))
        if (auto removed = os::remove_directory(directory_, std::to_string(number)); !removed)
            return removed;
    return {};
}

Result<void> History::end(RevisionNumber number, const wire::StoredOutcome& outcome) const {
    return os::write_in_one_step(place_of(number), outcome_file, wire::serialize_outcome(outcome),
                                 secret, os::Reaches::disk);
}

Result<os::FileWork> History::start_end(RevisionNumber number,
                                        const wire::StoredOutcome& outcome) const {
    return os::start_writing(place_of(number), outcome_file, wire::serialize_outcome(outcome),
                             secret);
}

Result<void> History::write_timeline(const wire::Timeline& timeline) {
    // A picture for people, on which nothing depends: no reason to wait for a disk.
    return os::write_in_one_step(place_of(timeline.revision), timeline_file,
                                 wire::serialize_timeline(timeline), secret, os::Reaches::kernel);
}

Result<wire::Timeline> History::read_timeline(RevisionNumber number) const {
    const std::string path = place_of(number) + "/" + timeline_file;
    const auto text = os::read_file(path, wire::history_file_limit);
    if (!text)
        return text.error();
    auto timeline = wire::parse_timeline(*text);
    if (timeline && timeline->revision == number)
        return timeline;
    return Error{path + ": " +
                 (timeline ? "it is revision " + std::to_string(timeline->revision) + "'s"
                           : printable(timeline.error().message, 500))};
}

std::vector<RevisionNumber> History::numbers() const {
    std::vector<RevisionNumber> found;
    const auto names = os::list_directory(directory_, entries_limit);
    if (!names)
        return found;
    for (const std::string& name : *names)
        if (const auto number = revision_of_name(name))
            found.push_back(*number);
    std::sort(found.begin(), found.end());
    return found;
}

HistoryEntry History::read(RevisionNumber number) const {
    HistoryEntry entry;
    entry.number = number;
    const std::string place = place_of(number);
    if (const auto text = os::read_file(place + "/" + outcome_file, wire::history_file_limit)) {
        if (auto outcome = wire::parse_outcome(*text))
            entry.outcome = std::move(*outcome);
    }
    entry.copied = open_copy(number).ok();
    const auto text = os::read_file(place + "/" + revision_file, wire::history_file_limit);
    if (!text) {
        entry.unreadable = text.error().message;
        return entry;
    }
    auto revision = wire::parse_revision(*text);
    entry.unreadable = revision ? why_not_startable(*revision, number) : revision.error().message;
    if (entry.unreadable.empty())
        entry.revision = std::move(*revision);
    else
        entry.unreadable = place + "/" + revision_file + ": " + printable(entry.unreadable, 500);
    return entry;
}

std::optional<HistoryEntry> History::last_completed(RevisionNumber below) const {
    const auto all = numbers();
    for (auto number = all.rbegin(); number != all.rend(); ++number) {
        if (*number >= below)
            continue;
        if (auto entry = read(*number); entry.completed())
            return entry;
    }
    return std::nullopt;
}

Result<UniqueFd> History::open_copy(RevisionNumber number) const {
    auto opened = os::open_executable(place_of(number) + "/" + copy_file);
    if (!opened)
        return opened.error();
    return std::move(opened->fd);
}

} // namespace svc::daemon
