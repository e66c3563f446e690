// The progress of a call that waits, as text.
#pragma once

#include "svc/draw/render.h"
#include "svc/draw/watched.h"
#include "svc/screen/block.h"

#include <optional>

namespace svc::cli {

/// On a terminal a block of lines that is drawn again and again, a line a worker; elsewhere a line for each thing
/// that happened. Everything it returns is to be written to stdout at once.
class ProgressView {
public:
    /// `doing`: "reload web"
    ProgressView(std::string doing, Instant began, const Terminal& terminal)
        : doing_(std::move(doing)), began_(began), terminal_(terminal) {}

    std::string show(const wire::Progress& progress, Instant now);
    /// As show(), without a word.
    void learn(const wire::Progress& progress, Instant now);
    /// Whether there is something to count().
    [[nodiscard]] bool drains() const { return watched_.drains(); }
    void count(const std::vector<wire::WorkerStatus>& workers) { watched_.count(workers); }
    /// The supervisor is gone; it is waited for the next one.
    std::string lose(Instant now);
    /// The next one answers: its first reply, which tells of all workers again, is to be shown after this.
    std::string regain(Instant now);
    /// The block again, because time went by; empty without a terminal.
    std::string redraw(Instant now);
    /// When it is to be drawn again: soon if something is new, else when its seconds are out of date.
    [[nodiscard]] Instant due() const;
    /// The terminal has another size.
    std::string resize(const Terminal& terminal, Instant now);
    /// Others wrote to the terminal.
    std::string start_over(Instant now);
    /// The block as it is in the end, which stays: what follows is the verdict. Nothing if it was never drawn.
    std::string finish(Instant now);
    /// Takes the block away, before anything else is written.
    std::string clear();

    /// The one that decides now.
    [[nodiscard]] std::uint64_t revision() const { return watched_.last().revision; }
    /// The revision first promised, if another one decides now.
    [[nodiscard]] std::uint64_t superseded() const {
        return first_ != 0 && first_ != watched_.last().revision ? first_ : 0;
    }

private:
    std::string draw(Instant now, bool last = false);

    std::string doing_;
    Instant began_;
    Terminal terminal_;
    Watched watched_;
    Block block_;
    std::uint64_t first_ = 0;
    std::optional<Instant> drawn_;
    bool news_ = false; ///< since it was drawn
};

/// What the last reply means for the caller. The last line of a good one is the verdict, that of a bad one what is to
/// be done about it.
struct Verdict {
    int exit_status = 0;
    std::string text; ///< for stdout if the status is 0, else for stderr
};
/// The colors are those of stdout and of stderr.
struct Colors {
    bool out = false;
    bool err = false;
};
Verdict verdict_of(const wire::Progress& last, const std::string& service, std::uint64_t superseded,
                   Duration elapsed, Colors colors = {});

/// "3.2s", and format_rough() from a minute on.
std::string render_elapsed(Duration elapsed);

} // namespace svc::cli
