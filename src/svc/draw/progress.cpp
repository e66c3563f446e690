#include "svc/draw/progress.h"

#include "base/text.h"
#include "svc/draw/overview.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace svc::cli {
namespace {

/// Many workers move at once: a person sees no more drawings than this, and a slow line has room for no more.
constexpr Duration shortest_pause = std::chrono::milliseconds(100);
constexpr Duration longest_pause = std::chrono::seconds(1);

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
    if (last.verdict == "rolled back" && was_asked_for(last.reason))
        return state_of_old(last) + '\n';
    if (last.verdict == "rolled back")
        return state_of_old(last) + " Mend the new one and reload again; `svc events " + service +
               "` tells the whole story.\n";
    if (last.verdict == "aborted" && was_asked_for(last.reason))
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
    const bool changed_hands = first_ != 0 && progress.revision != watched_.last().revision;
    learn(progress, now);
    const std::string text = safe(progress.text);
    if (terminal_.interactive) {
        // That somebody else's reload decides now must not be wiped away by the next drawing.
        const std::string kept =
            changed_hands && !text.empty() ? block_.clear(terminal_) + text + "\r\n" : "";
        return kept + (now >= due() ? redraw(now) : "");
    }
    if (text.empty())
        return {};
    std::string line = "[" + render_elapsed(now - began_) + "] ";
    if (progress.replicas > 0)
        line += updated_of(progress) + " ";
    return line + text + '\n';
}

std::string ProgressView::lose(Instant now) {
    watched_.say("(the supervisor has ended; waiting for the next one)");
    return redraw(now);
}

std::string ProgressView::regain(Instant now) {
    const std::string text = "(the supervisor was replaced; going on)";
    watched_.tell(text, now);
    watched_.forget_workers();
    return terminal_.interactive ? "" : "[" + render_elapsed(now - began_) + "] " + text + '\n';
}

void ProgressView::learn(const wire::Progress& progress, Instant now) {
    if (first_ == 0)
        first_ = progress.revision;
    watched_.learn(progress, now);
    news_ = true;
}

std::string ProgressView::redraw(Instant now) {
    if (!terminal_.interactive)
        return {};
    drawn_ = now;
    news_ = false;
    return draw(now);
}

std::string ProgressView::draw(Instant now, bool last) {
    const std::string doing = doing_ + " " + render_elapsed(now - began_);
    return block_.draw(draw_watched(watched_, doing, now, terminal_, last), terminal_);
}

Instant ProgressView::due() const {
    return drawn_ ? *drawn_ + (news_ ? shortest_pause : longest_pause) : began_;
}

std::string ProgressView::resize(const Terminal& terminal, Instant now) {
    if (!terminal_.interactive || !terminal.interactive)
        return {};
    terminal_ = terminal;
    return redraw(now);
}

std::string ProgressView::start_over(Instant now) {
    block_.forget();
    return redraw(now);
}

std::string ProgressView::clear() {
    return block_.clear(terminal_);
}

std::string ProgressView::finish(Instant now) {
    if (!drawn_ || block_.empty())
        return {};
    // Refused before anything began: nothing of it is worth a line.
    if (watched_.workers().empty() && watched_.last().revision == 0)
        return block_.clear(terminal_);
    std::string text = draw(now, true);
    block_.forget();
    return text;
}

namespace {

/// "4 of 4 workers available"
std::string available_of(std::uint32_t available, std::uint32_t replicas) {
    return std::to_string(available) + " of " + std::to_string(replicas) +
           (replicas == 1 ? " worker" : " workers") + " available";
}

/// A good end, and how long it took.
std::string good_sentence(const wire::Progress& last, Duration elapsed) {
    const std::string took = render_elapsed(elapsed);
    if (last.verdict == "complete" && last.replicas > 0)
        return "revision " + std::to_string(last.revision) +
               " serves: " + available_of(last.updated, last.replicas) + ", in " + took;
    std::string text = last.text.empty() ? safe(last.verdict) : safe(last.text);
    if (last.verdict == "scaled" && last.replicas > 0)
        return text + ": " + available_of(last.available, last.replicas) + ", in " + took;
    if (!last.verdict.empty() && last.verdict != "unchanged")
        text += " (" + took + ")";
    return text;
}

} // namespace

Verdict verdict_of(const wire::Progress& last, const std::string& service, std::uint64_t superseded,
                   Duration elapsed, Colors colors) {
    // A reply of a call that was not to wait has none yet.
    const bool good = last.verdict.empty() || is_good(last.verdict);
    std::string sentence = (good ? "" : "svc: ") + service + ": ";
    if (good)
        sentence += good_sentence(last, elapsed);
    else
        sentence += last.text.empty() ? safe(last.verdict) : safe(last.text);
    if (!last.reason.empty() && last.text.find(last.reason) == std::string::npos)
        sentence += ": " + safe(last.reason);
    sentence = tinted(sentence, good ? Tint::good : Tint::bad, good ? colors.out : colors.err);
    Verdict verdict{good ? 0 : 1, {}};
    if (superseded != 0)
        verdict.text += "Your revision " + std::to_string(superseded) + " was superseded by " +
                        std::to_string(last.revision) + ", and this is the verdict on that one:\n";
    if (!last.changed.empty())
        verdict.text += "changed: " + safe(join(last.changed, ", ")) + '\n';
    verdict.text += sentence + '\n' + render_output(last.last_output);
    if (!good)
        verdict.text += advice(last, service);
    return verdict;
}

} // namespace svc::cli
