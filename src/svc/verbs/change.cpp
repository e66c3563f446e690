// Verbs that change something: one call that waits, its progress and its verdict.
#include "os/clock.h"
#include "svc/draw/progress.h"
#include "svc/screen/interrupts.h"
#include "svc/screen/wrap.h"
#include "svc/talk/conversation.h"

#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <random>
#include <utility>

namespace svc::cli {
namespace {

// size: a line or two for each verb, and nothing else
wire::VarlinkCall call_for(const Options& options, const std::string& token) {
    switch (options.verb) {
    case Verb::reload:
    case Verb::apply: {
        const wire::ReloadCall call{.cause = options.cause,
                                    .supersede = options.supersede,
                                    .immediate = options.now,
                                    .wait = options.wait,
                                    .wait_drained = options.wait_drained,
                                    .token = token};
        return make_call(options.verb == Verb::reload ? "Reload" : "Apply", wire::to_json(call),
                         true);
    }
    case Verb::undo: {
        const wire::UndoCall call{.to = options.revision,
                                  .cause = options.cause,
                                  .supersede = options.supersede,
                                  .immediate = options.now,
                                  .wait = options.wait,
                                  .wait_drained = options.wait_drained,
                                  .force = options.force,
                                  .token = token};
        return make_call("Undo", wire::to_json(call), true);
    }
    case Verb::pause:
        return make_call("Pause", wire::to_json(wire::PauseCall{options.reason}), true);
    case Verb::resume:
    case Verb::promote:
        return make_call(options.verb == Verb::resume ? "Resume" : "Promote",
                         wire::to_json(wire::ContinueCall{options.wait, options.wait_drained}),
                         true);
    case Verb::abort:
        return make_call("Abort", wire::to_json(wire::AbortCall{options.reason, options.wait}),
                         true);
    case Verb::replace:
        return make_call("Replace", wire::to_json(wire::ReplaceCall{options.replica, options.wait}),
                         true);
    case Verb::freeze:
        return make_call("Freeze", wire::to_json(wire::FreezeCall{options.reason}), true);
    case Verb::unfreeze:
        return make_call("Unfreeze", {}, true);
    case Verb::scale:
        return make_call("Scale", wire::to_json(wire::ScaleCall{options.replicas, options.wait}),
                         true);
    case Verb::stop:
        return make_call("Stop", wire::to_json(wire::StopCall{options.now, options.wait}), true);
    case Verb::upgrade:
    case Verb::status:
    case Verb::top:
    case Verb::events:
    case Verb::logs:
    case Verb::check:
    case Verb::try_out:
    case Verb::init:
    case Verb::preset:
    case Verb::list:
    case Verb::complete:
    case Verb::history:
    case Verb::diff:
    case Verb::metrics:
    case Verb::timeline:
        break;
    }
    fatal("call_for(): a verb that changes nothing");
}

/// A name that nobody else gives a request, so that it can be sent again.
std::string make_token() {
    std::random_device random;
    std::string token;
    for (int part = 0; part < 4; ++part) {
        std::array<char, 9> hexadecimal{};
        std::snprintf(hexadecimal.data(), hexadecimal.size(), "%08x", random());
        token += hexadecimal.data();
    }
    return token;
}

bool has_token(Verb verb) {
    return verb == Verb::reload || verb == Verb::apply || verb == Verb::undo;
}

/// Sent twice it does what it does once: a rollout by its token, the others by themselves.
bool may_be_repeated(Verb verb) {
    return has_token(verb) || verb == Verb::scale || verb == Verb::stop;
}

/// A supervisor that dies of what it is asked is not asked for ever.
constexpr unsigned most_times_asked = 4;
constexpr Duration between_looks = std::chrono::seconds(1);
constexpr Duration longest_look = std::chrono::milliseconds(500);

/// One call from its sending to its last reply.
///
///   asking ─ the first reply → accepted ─ the last reply → over
///     │ the connection ended      │ the connection ended
///     ▼                           ▼
///   asking the next supervisor  following there: Follow has the replies of what was accepted
///
/// What cannot be repeated and was not answered ends there: nobody knows what became of it. What can never happen:
/// a rollout is asked for twice and made twice; its caller ends with another status than its verdict has.
class Change {
public:
    Change(const Options& options, const Service& service, const Console& console)
        : options_(options), service_(service), console_(console), began_(os::now()),
          token_(make_token()), view_(std::string(verb_name(options.verb)) + " " + service.name,
                                      began_, options.json ? Terminal{} : console.terminal) {
        if (options.timeout)
            deadline_ = began_ + *options.timeout;
    }

    int run() {
        const auto interrupts = Interrupts::make();
        if (!interrupts)
            return fail(interrupts.error(), console_);
        Line line(service_, console_.patience, interrupts->fd());
        if (options_.verb == Verb::stop)
            line.expect_end();
        for (;;) {
            const bool lost = line.lost();
            const auto reply = line.next([this] { return request(); }, next_wakeup());
            std::optional<int> status;
            if (reply) {
                if (lost && reply->error.empty())
                    write(view_.regain(os::now()));
                status = handle(*reply);
            } else if (reply.error().code == EINTR) {
                status = attend(interrupts->take(), line);
            } else {
                status = attend(reply.error(), line);
            }
            if (status)
                return *status;
        }
    }

private:
    [[nodiscard]] wire::VarlinkCall request() const {
        return accepted_ ? make_call("Follow", wire::to_json(follow_call()), true)
                         : call_for(options_, token_);
    }

    /// How the rest of what was accepted is asked for.
    [[nodiscard]] wire::FollowCall follow_call() const {
        wire::FollowCall call;
        if (options_.verb == Verb::stop)
            call.stop = true;
        else if (options_.verb == Verb::replace)
            call.replica = options_.replica;
        else if (options_.verb == Verb::scale)
            call.replicas = options_.replicas;
        else if (view_.revision() != 0)
            call.revision = view_.revision();
        // It knows best what became of the request: an undo may be an abort, an apply a scale.
        if (has_token(options_.verb))
            call.token = token_;
        call.wait_drained = options_.wait_drained;
        call.taken_back = options_.verb == Verb::abort;
        return call;
    }

    /// The exit status, if it is over.
    std::optional<int> attend(int signal, const Line& line) {
        if (Interrupts::ends(signal))
            return give_up_for(signal, line);
        draw_for(signal);
        return std::nullopt;
    }

    std::optional<int> attend(const Error& error, const Line& line) {
        if (error.code == ETIMEDOUT && (!deadline_ || os::now() < *deadline_)) {
            look_at_drains();
            write(view_.redraw(os::now()));
            return std::nullopt;
        }
        const unsigned most = may_be_repeated(options_.verb) ? most_times_asked : 1;
        const bool goes_on = accepted_ || line.times_asked() < most;
        if (error.code == ECONNRESET && goes_on) {
            write(view_.lose(os::now()));
            return std::nullopt;
        }
        return give_up(error, line);
    }

    /// How many connections keep workers from their end: asked on a line of its own, while somebody sees it.
    void look_at_drains() {
        const Instant now = os::now();
        if (!view_.drains() || now < looked_ + between_looks)
            return;
        looked_ = now;
        Line aside(service_, Patience{});
        const auto reply = aside.next(
            [] {
                return make_call("Status", {{"connections", true}}, false);
            },
            now + longest_look);
        if (!reply || !reply->error.empty())
            return;
        if (const auto status = wire::from_json<wire::ServiceStatus>(reply->parameters))
            view_.count(status->workers);
    }

    /// Its size changed, or it was somebody else's for a while.
    void draw_for(int signal) {
        if (console_.measure && signal == SIGWINCH)
            write(view_.resize(console_.measure(), os::now()));
        else
            write(view_.start_over(os::now()));
    }

    /// Of the terminal, as it is now; 0 without one.
    [[nodiscard]] std::size_t width() const {
        return console_.measure ? console_.measure().width : console_.terminal.width;
    }

    /// The next drawing or the caller's deadline, whichever is sooner.
    [[nodiscard]] std::optional<Instant> next_wakeup() const {
        if (!console_.terminal.interactive || options_.json)
            return deadline_;
        return deadline_ ? std::min(*deadline_, view_.due()) : view_.due();
    }

    void write(const std::string& text) const {
        if (!text.empty() && !options_.json)
            console_.out(text);
    }

    /// The exit status, if it was the last reply.
    std::optional<int> handle(const wire::VarlinkReply& reply) {
        if (!reply.error.empty()) {
            write(view_.finish(os::now()));
            return fail(reply, service_, options_, console_);
        }
        const auto progress = wire::from_json<wire::Progress>(reply.parameters);
        if (!progress) {
            write(view_.finish(os::now()));
            return fail(Error{"the answer of the supervisor is not understood: " +
                              progress.error().message},
                        console_);
        }
        accepted_ = true;
        if (options_.json)
            print_json(reply.parameters, console_);
        if (reply.continues) {
            write(view_.show(*progress, os::now()));
            return std::nullopt;
        }
        // It may name another revision than the first without one in between.
        view_.learn(*progress, os::now());
        write(view_.finish(os::now()));
        const auto verdict =
            verdict_of(*progress, service_.name, view_.superseded(), os::now() - began_,
                       {console_.terminal.color, console_.error_color});
        if (verdict.exit_status == 0)
            write(wrapped(verdict.text, width()));
        else
            console_.err(verdict.text);
        return verdict.exit_status;
    }

    [[nodiscard]] std::string what() const {
        return options_.verb == Verb::stop      ? "the stop"
               : options_.verb == Verb::scale   ? "the scaling"
               : options_.verb == Verb::replace ? "the replacement"
                                                : "the rollout";
    }

    /// What is known of the request when its last reply will not come.
    [[nodiscard]] std::string whereabouts(const Line& line) const {
        const std::string status = "`svc status " + service_.name + "`";
        if (accepted_ && line.lost())
            return "its supervisor has ended; " + what() + " goes on with the next one; " + status +
                   " shows it\n";
        if (accepted_)
            return what() + " goes on; " + status + " shows it, `svc events --follow " +
                   service_.name + "` its end\n";
        if (line.times_asked() > 0)
            return "the supervisor was asked and has not answered: " + what() +
                   " may or may not come; " + status + " shows it\n";
        return "the supervisor was asked for nothing\n";
    }

    int give_up_for(int signal, const Line& line) {
        write(view_.finish(os::now()));
        console_.err("svc: " + service_.name + ": interrupted: " + whereabouts(line));
        return Interrupts::exit_status(signal);
    }

    int give_up(const Error& error, const Line& line) {
        write(view_.finish(os::now()));
        const std::string name = "svc: " + service_.name + ": ";
        if (error.code == ETIMEDOUT && deadline_ && os::now() >= *deadline_) {
            const std::string limit = format_duration(options_.timeout.value_or(Duration{}));
            console_.err(name + "not over after " + limit + ": " + whereabouts(line));
            return exit_timed_out;
        }
        const bool ended =
            error.code == ENOENT || error.code == ECONNREFUSED || error.code == ECONNRESET;
        if (!line.lost() || !ended)
            return fail(error, console_);
        if (error.code == ENOENT && options_.verb == Verb::stop) {
            write(service_.name + ": the supervisor has ended (" +
                  render_elapsed(os::now() - began_) + ")\n");
            return exit_done;
        }
        if (error.code == ECONNRESET) { // it cannot be asked again
            console_.err(name +
                         "the supervisor ended before it answered: nobody knows whether it did "
                         "what it was asked; `svc status " +
                         service_.name + "` shows it\n");
            return exit_failed;
        }
        console_.err(name + "the supervisor ended before " +
                     (accepted_ ? what() + " did" : "it answered") +
                     ", and no other one came; its log says why\n");
        return exit_no_supervisor;
    }

    const Options& options_;
    const Service& service_;
    const Console& console_;
    Instant began_;
    std::optional<Instant> deadline_;
    std::string token_;
    ProgressView view_;
    Instant looked_{};
    bool accepted_ = false;
};

} // namespace

int change_service(const Options& options, const Console& console) {
    const auto service = choose_service(options, console);
    if (!service)
        return fail(service.error(), console);
    return Change(options, *service, console).run();
}

} // namespace svc::cli
