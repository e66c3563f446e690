// The history as text.
#include "base/text.h"
#include "svc/draw/render.h"
#include "svc/screen/table.h"

namespace svc::cli {
namespace {

WallTime wall(std::int64_t microseconds) {
    return WallTime(Duration(microseconds));
}

std::string who(std::uint32_t uid) {
    return uid == 0 ? "root" : "uid " + std::to_string(uid);
}

/// "complete", "rolled back: r7-0: exit status 1", "unreadable: …".
std::string result_of(const wire::RevisionSummary& revision) {
    if (!revision.unreadable.empty())
        return "unreadable: " + safe(revision.unreadable);
    std::string text = safe(revision.result);
    if (revision.serving)
        text += ", serves";
    if (!revision.reason.empty())
        text += ": " + safe(revision.reason);
    return text;
}

Tint tint_of(const wire::RevisionSummary& revision) {
    if (revision.serving || revision.result == "complete")
        return Tint::good;
    return revision.result == "in progress" ? Tint::busy : Tint::bad;
}

void add(std::string& text, std::string_view name, const std::string& value) {
    if (!value.empty())
        text += "  " + padded(name, 12) + value + '\n';
}

std::string file_text(const rollout::FileIdentity& file) {
    if (file.path.empty())
        return {};
    if (file.inode == 0)
        return safe(file.path);
    return safe(file.path) + " (" + std::to_string(file.size) + " bytes, modified " +
           render_time(wall(file.modified_ns / 1000)) + ", device " + std::to_string(file.device) +
           ", inode " + std::to_string(file.inode) + ")";
}

} // namespace

std::string render_history(const wire::HistoryReply& history, const Terminal& terminal) {
    Table table({{"REVISION"}, {"CAUSE", true}, {"WHO"}, {"WHEN"}, {"RESULT", true}});
    for (const auto& revision : history.revisions) {
        const bool readable = revision.unreadable.empty();
        table.add({{std::to_string(revision.revision)},
                   {safe(revision.cause)},
                   {readable ? who(revision.uid) : ""},
                   {readable ? render_time(wall(revision.made_at_us)) : ""},
                   {result_of(revision), tint_of(revision)}});
    }
    return table.text(terminal);
}

std::string render_revision(const wire::RevisionReply& revision) {
    const auto& summary = revision.summary;
    std::string text =
        "revision " + std::to_string(summary.revision) + ": " + result_of(summary) + '\n';
    add(text, "cause", safe(summary.cause));
    add(text, "who", who(summary.uid));
    add(text, "made", render_time(wall(summary.made_at_us)));
    if (summary.made_from != 0)
        add(text, "made from", "revision " + std::to_string(summary.made_from));
    if (summary.ended_us != 0)
        add(text, "rollout",
            render_time(wall(summary.began_us)) + " to " + render_time(wall(summary.ended_us)));
    add(text, "command", safe(join(revision.command, " ")));
    add(text, "user", safe(revision.user));
    add(text, "release", safe(revision.release));
    add(text, "executable", file_text(revision.executable));
    add(text, "build id", safe(revision.build_id));
    add(text, "sha256", safe(revision.sha256));
    add(text, "program", file_text(revision.program));
    add(text, "copy", revision.copy ? "kept with the revision" : "");
    add(text, "environment",
        revision.environment_names.empty()
            ? ""
            : safe(join(revision.environment_names, ", ")) + " (from files; values are not shown)");
    add(text, "crash", safe(revision.guarantee));
    text += render_output(revision.last_output);
    if (!revision.service_file.empty()) {
        text += "\nservice file:\n";
        std::size_t begin = 0;
        while (begin < revision.service_file.size()) {
            const auto end =
                std::min(revision.service_file.find('\n', begin), revision.service_file.size());
            text += "    " + safe(revision.service_file.substr(begin, end - begin)) + '\n';
            begin = end + 1;
        }
    }
    return text;
}

std::string render_diff(const wire::DiffReply& diff) {
    constexpr std::size_t short_enough = 60;
    const std::string from = "revision " + std::to_string(diff.from);
    if (diff.differences.empty())
        return diff.to == 0
                   ? from + " is what the service file says: a reload would change nothing\n"
                   : from + " → " + std::to_string(diff.to) + ": no difference\n";
    std::string text = from + (diff.to == 0 ? " → the service file as it is now:\n"
                                            : " → " + std::to_string(diff.to) + ":\n");
    for (const auto& [what, before, after] : diff.differences) {
        text += "  " + safe(what);
        const bool both = !before.empty() && !after.empty();
        if (both && before.size() + after.size() > short_enough)
            text += ":\n    - " + safe(before) + "\n    + " + safe(after) + '\n';
        else if (both)
            text += ": " + safe(before) + " → " + safe(after) + '\n';
        else
            text +=
                (before.empty() && after.empty() ? "" : ": ") + safe(before) + safe(after) + '\n';
    }
    return text;
}

} // namespace svc::cli
