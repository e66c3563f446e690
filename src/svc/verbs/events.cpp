// events: what happened, and what happens, also across the ends of supervisors.
#include "os/clock.h"
#include "svc/draw/render.h"
#include "svc/screen/interrupts.h"
#include "svc/talk/conversation.h"

#include <boost/json/value.hpp>

#include <cerrno>
#include <utility>

namespace svc::cli {
namespace {

/// A cursor over the numbers of events. A supervisor that takes over from another one goes on with its numbers;
/// one that was started anew counts from 1. So after a change of supervisors the event that was printed last is
/// asked for again: if it comes as it was, nothing is missing and nothing comes twice; if another one has its
/// number, or a smaller one comes, everything that there is is new.
///
///   reading ─ the connection ended → checking ─ the same event, or a gap → reading
///                                        └ another one: from the beginning, on a connection of its own
class EventStream {
public:
    EventStream(const Options& options, const Service& service, const Console& console)
        : options_(options), service_(service), console_(console),
          // With --lines it is meant to begin later.
          seen_(options.lines ? 0 : options.since) {}

    int run() {
        const auto interrupts = Interrupts::make();
        if (!interrupts)
            return fail(interrupts.error(), console_);
        Line line(service_, console_.patience, interrupts->fd());
        const Instant deadline = os::now() + quick_answer;
        for (;;) {
            const auto reply = line.next([this] { return call(); },
                                         options_.follow ? std::nullopt : std::optional(deadline));
            if (reply) {
                if (const auto status = handle(*reply, line))
                    return *status;
            } else if (reply.error().code == EINTR) {
                if (const int signal = interrupts->take(); Interrupts::ends(signal))
                    return Interrupts::exit_status(signal);
            } else if (reply.error().code == ECONNRESET && options_.follow) {
                checking_ = last_.sequence != 0;
            } else {
                return give_up(reply.error(), line);
            }
        }
    }

private:
    [[nodiscard]] wire::VarlinkCall call() const {
        wire::EventsCall call{.since = seen_, .newest = {}, .follow = options_.follow};
        if (last_.sequence == 0 && !anew_) {
            call.since = options_.since;
            call.newest = options_.lines;
        } else if (checking_) {
            call.since = seen_ - 1;
        }
        return make_call("Events", wire::to_json(call), true);
    }

    int give_up(const Error& error, const Line& line) const {
        if (line.lost() && last_.sequence != 0)
            return fail(
                Error{"the supervisor of " + service_.name +
                          " has ended without a word, and no other one came; its log says why",
                      ECONNRESET},
                console_);
        return fail(error, console_);
    }

    /// The exit status, if it was the last reply.
    std::optional<int> handle(const wire::VarlinkReply& reply, Line& line) {
        if (!reply.error.empty())
            return fail(reply, service_, options_, console_);
        const auto event = wire::from_json<rollout::Event>(reply.parameters);
        if (!event)
            return fail(Error{"an event is not understood: " + event.error().message, EPROTO},
                        console_);
        // The stream's end carries none.
        if (event->sequence != 0 && is_news(*event, line))
            print(*event, reply);
        if (reply.continues)
            return std::nullopt;
        if (options_.follow)
            console_.err("svc: " + service_.name + ": the supervisor has ended\n");
        return exit_done;
    }

    bool is_news(const rollout::Event& event, Line& line) {
        if (!std::exchange(checking_, false) || event.sequence > seen_)
            return true;
        if (event.sequence == last_.sequence && event == last_)
            return false;
        console_.err("svc: " + service_.name +
                     ": another supervisor was started anew, and counts its events from 1\n");
        seen_ = 0;
        anew_ = true;
        last_ = {};
        line.hang_up();
        return false;
    }

    void print(const rollout::Event& event, const wire::VarlinkReply& reply) {
        if (seen_ != 0)
            tell_gap(event.sequence);
        seen_ = event.sequence;
        last_ = event;
        if (options_.json)
            print_json(reply.parameters, console_);
        else
            console_.out(render_event(event));
    }

    /// Numbers that are missing between two events: the supervisor keeps a thousand, and a reader that is slower
    /// than the service loses the oldest.
    void tell_gap(std::uint64_t next) const {
        if (next <= seen_ + 1)
            return;
        const std::uint64_t missing = next - seen_ - 1;
        console_.err("svc: " + service_.name + ": " + std::to_string(missing) +
                     (missing == 1 ? " event is" : " events are") +
                     " missing here; the supervisor keeps only the newest\n");
    }

    const Options& options_;
    const Service& service_;
    const Console& console_;
    std::uint64_t seen_; ///< the number of the last event
    rollout::Event last_;
    bool checking_ = false;
    bool anew_ = false; ///< since and lines were about an earlier supervisor's
};

} // namespace

int show_events(const Options& options, const Console& console) {
    const auto service = choose_service(options, console);
    if (!service)
        return fail(service.error(), console);
    return EventStream(options, *service, console).run();
}

} // namespace svc::cli
