#include "svc/progress.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace svc::cli {
namespace {

constexpr std::string_view clear_line = "\r\x1b[K";

std::string updated_of(const wire::Progress& progress) {
    return std::to_string(progress.updated) + "/" + std::to_string(progress.replicas);
}

bool is_good(std::string_view verdict) {
    constexpr std::array<std::string_view, 7> good = {
        "complete", "unchanged", "scaled", "stopped", "accepted", "replaced", "taken back"};
    return std::find(good.begin(), good.end(), verdict) != good.end();
}

/// Whether the old revision serves, after a rollback to it.
std::string state_of_old(const wire::Progress& last) {
    if (last.available == 0)
        return "No worker of the old revision is available.";
    if (last.available < last.replicas)
        return "The old revision serves on with " + std::to_string(last.available) + " of " +
               std::to_string(last.replicas) + " workers.";
    return "The old revision serves on.";
}

/// What to do next, after a verdict that is not a good one.
std::string advice(const wire::Progress& last, const std::string& service) {
    if (last.verdict == "paused")
        return "`svc resume " + service + "` tries again, `svc abort " + service +
               "` goes back; `svc status " + service + "` shows what runs meanwhile.\n";
    if (last.verdict == "rolled back" && last.reason.starts_with("aborted by "))
        return state_of_old(last) + '\n';
    if (last.verdict == "rolled back")
        return state_of_old(last) + " Mend the new one and reload again; `svc events " + service +
               "` tells the whole story.\n";
    if (last.verdict == "aborted" && last.reason.starts_with("aborted by "))
        return "It had not begun: the old revision serves on.\n";
    if (last.verdict == "aborted")
        return "The supervisor was told to stop; see `svc events " + service + "`.\n";
    return "See `svc status " + service + "` and `svc events " + service + "`.\n";
}

} // namespace

std::string render_elapsed(Duration elapsed) {
    if (elapsed >= std::chrono::minutes(1))
        return format_rough(elapsed);
    const auto tenths = elapsed.count() / 100'000;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
}

std::string ProgressView::show(const wire::Progress& progress, Instant now) {
    const bool changed_hands = first_ != 0 && progress.revision != last_.revision;
    if (first_ == 0)
        first_ = progress.revision;
    last_ = progress;
    const std::string text = safe(progress.text);
    if (terminal_.interactive) {
        // That somebody else's reload decides now must not be wiped away by the next drawing.
        const std::string kept = changed_hands ? std::string(clear_line) + text + '\n' : "";
        return kept + redraw(now);
    }
    if (text.empty())
        return {};
    std::string line = "[" + render_elapsed(now - began_) + "] ";
    if (progress.replicas > 0)
        line += updated_of(progress) + " ";
    return line + text + '\n';
}

std::string ProgressView::redraw(Instant now) const {
    if (!terminal_.interactive)
        return {};
    std::string line = doing_ + " " + render_elapsed(now - began_);
    // That it goes on is seen; room is short.
    std::vector<std::string> parts;
    if (!last_.state.empty() && last_.state != "progressing")
        parts.push_back(safe(last_.state));
    if (last_.replicas > 0)
        parts.push_back(updated_of(last_) + " updated");
    if (!parts.empty())
        line += ": " + join(parts, ", ");
    if (!last_.workers.empty())
        line += " (" + safe(last_.workers) + ")";
    if (!last_.text.empty())
        line += ": " + safe(last_.text);
    // One column is left free: a full line would make some terminals go to the next one.
    return std::string(clear_line) + fit(line, terminal_.width - 1);
}

std::string ProgressView::clear() const {
    return terminal_.interactive ? std::string(clear_line) : "";
}

Verdict verdict_of(const wire::Progress& last, const std::string& service, std::uint64_t superseded,
                   Duration elapsed) {
    // A reply of a call that was not to wait has none yet.
    const bool good = last.verdict.empty() || is_good(last.verdict);
    Verdict verdict{good ? 0 : 1, good ? "" : "svc: "};
    verdict.text += service + ": ";
    verdict.text += last.text.empty() ? safe(last.verdict) : safe(last.text);
    if (!last.reason.empty() && last.text.find(last.reason) == std::string::npos)
        verdict.text += ": " + safe(last.reason);
    if (good && !last.verdict.empty() && last.verdict != "unchanged")
        verdict.text += " (" + render_elapsed(elapsed) + ")";
    verdict.text += '\n';
    if (superseded != 0)
        verdict.text += "Your revision " + std::to_string(superseded) + " was superseded by " +
                        std::to_string(last.revision) + ", and this is the verdict on that one.\n";
    if (!last.changed.empty())
        verdict.text += "changed: " + safe(join(last.changed, ", ")) + '\n';
    verdict.text += render_output(last.last_output);
    if (!good)
        verdict.text += advice(last, service);
    return verdict;
}

} // namespace svc::cli
