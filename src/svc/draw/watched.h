// What is known of a rollout that is watched, and how it is drawn.
#pragma once

#include "svc/screen/terminal.h"
#include "wire/control.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace svc::cli {

/// Put together from the replies of a call that waits. Of the workers it has the last that was told about each; one
/// that is gone stays until another one of its revision takes its place, so that there are never more than two
/// revisions' replicas and those that are about to end.
class Watched {
public:
    struct Worker {
        wire::WorkerProgress told;
        Instant at{}; ///< when it was
        std::optional<std::uint64_t>
            connections{}; ///< of one that drains, when it was last looked at
    };

    void learn(const wire::Progress& progress, Instant now);
    /// When the last reply came.
    [[nodiscard]] Instant told_at() const { return told_at_; }
    /// Something that no reply said is so, until the next reply.
    void say(std::string text) {
        last_.text = std::move(text);
        text_ends_.reset();
    }
    /// Something that no reply said happened.
    void tell(std::string text, Instant now);
    /// What happened last, as long as it is news: what is so by now, the rows say.
    [[nodiscard]] std::string_view news(Instant now) const {
        return text_ends_ && now >= *text_ends_ ? std::string_view{} : last_.text;
    }
    /// A worker is on its way out, and what it waits for may be its connections.
    [[nodiscard]] bool drains() const;
    /// As a look at the service showed them just now.
    void count(const std::vector<wire::WorkerStatus>& workers);
    /// The next reply tells of all workers anew.
    void forget_workers() { workers_.clear(); }
    /// The last reply; its text is the last one that had any.
    [[nodiscard]] const wire::Progress& last() const { return last_; }
    [[nodiscard]] const std::map<std::string, Worker>& workers() const { return workers_; }

private:
    wire::Progress last_;
    Instant told_at_{};
    std::optional<Instant> text_ends_;      ///< when the last reply's text is no news any more
    std::map<std::string, Worker> workers_; ///< by name
};

/// A headline (`doing`: "reload web 3.2s"), a line a worker as far as there is room, and what happened last, for some
/// seconds. A bar stands where what is waited for has a known length; a narrow terminal loses the bars first. No line is
/// wider than the terminal, and all of them leave one of its lines free. `last`: nothing is drawn over it, so that no
/// room is kept for bars and no news is told.
std::vector<std::string> draw_watched(const Watched& watched, const std::string& doing, Instant now,
                                      const Terminal& terminal, bool last = false);

} // namespace svc::cli
