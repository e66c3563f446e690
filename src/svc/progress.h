// The progress of a call that waits, as text.
#pragma once

#include "svc/render.h"

namespace svc::cli {

/// On a terminal one line that is drawn again and again; elsewhere a line for each thing that
/// happened. Everything it returns is to be written to stdout at once.
class ProgressView {
public:
    /// `doing`: "reload web"
    ProgressView(std::string doing, Instant began, const Terminal& terminal)
        : doing_(std::move(doing)), began_(began), terminal_(terminal) {}

    std::string show(const wire::Progress& progress, Instant now);
    /// The line again, because time went by; empty without a terminal.
    [[nodiscard]] std::string redraw(Instant now) const;
    /// Takes the line away, before anything else is written.
    [[nodiscard]] std::string clear() const;

    /// The revision first promised, if another one decides now.
    [[nodiscard]] std::uint64_t superseded() const {
        return first_ != 0 && first_ != last_.revision ? first_ : 0;
    }

private:
    std::string doing_;
    Instant began_;
    Terminal terminal_;
    wire::Progress last_;
    std::uint64_t first_ = 0;
};

/// What the last reply means for the caller.
struct Verdict {
    int exit_status = 0;
    std::string text; ///< for stdout if the status is 0, else for stderr
};
Verdict verdict_of(const wire::Progress& last, const std::string& service, std::uint64_t superseded,
                   Duration elapsed);

/// "3.2s", and format_rough() from a minute on.
std::string render_elapsed(Duration elapsed);

} // namespace svc::cli
