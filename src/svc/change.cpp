// Verbs that change something: one call that waits, its progress and its verdict.
#include "os/clock.h"
#include "svc/conversation.h"
#include "svc/interrupts.h"
#include "svc/progress.h"

#include <boost/json/value.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace svc::cli {
namespace {

wire::VarlinkCall call_for(const Options& options) {
    switch (options.verb) {
    case Verb::reload:
    case Verb::apply: {
        const wire::ReloadCall call{.cause = options.cause,
                                    .supersede = options.supersede,
                                    .immediate = options.now,
                                    .wait = options.wait,
                                    .wait_drained = options.wait_drained};
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
                                  .force = options.force};
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
    case Verb::status:
    case Verb::events:
    case Verb::check:
    case Verb::list:
    case Verb::history:
    case Verb::diff:
    case Verb::timeline:
        break;
    }
    fatal("call_for(): a verb that changes nothing");
}

/// One call from its sending to its last reply.
class Change {
public:
    Change(const Options& options, const Service& service, const Console& console)
        : options_(options), service_(service), console_(console), began_(os::now()),
          view_(std::string(verb_name(options.verb)) + " " + service.name, began_,
                options.json ? Terminal{} : console.terminal) {
        if (options.timeout)
            deadline_ = began_ + *options.timeout;
    }

    int run() {
        const auto interrupts = Interrupts::make();
        if (!interrupts)
            return fail(interrupts.error(), console_);
        auto client = Client::connect(service_.control, service_.name, interrupts->fd());
        if (!client)
            return fail(client.error(), console_);
        if (auto sent = client->send(call_for(options_), deadline_); !sent)
            return sent.error().code == EINTR ? give_up_for(interrupts->take())
                                              : give_up(sent.error());
        known_ = Known::sent;
        for (;;) {
            const auto reply = client->receive(next_wakeup());
            if (!reply && reply.error().code == ETIMEDOUT && !timed_out()) {
                write(view_.redraw(os::now()));
                continue;
            }
            if (!reply && reply.error().code == EINTR) {
                if (const int signal = interrupts->take(); Interrupts::ends(signal))
                    return give_up_for(signal);
                else
                    draw_for(signal);
                continue;
            }
            if (!reply)
                return give_up(reply.error());
            known_ = Known::accepted;
            if (const auto status = handle(*reply))
                return *status;
        }
    }

private:
    /// How far the request is known to have come. Of one that was sent and not answered nothing
    /// more is: its check may run just now, or its supervisor may hang.
    enum class Known { nothing, sent, accepted };

    [[nodiscard]] bool timed_out() const { return deadline_ && os::now() >= *deadline_; }

    /// Its size changed, or it was somebody else's for a while.
    void draw_for(int signal) {
        if (console_.measure && signal == SIGWINCH)
            write(view_.resize(console_.measure(), os::now()));
        else
            write(view_.start_over(os::now()));
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
            write(view_.clear());
            return fail(reply, service_, options_, console_);
        }
        const auto progress = wire::from_json<wire::Progress>(reply.parameters);
        if (!progress) {
            write(view_.clear());
            return fail(Error{"the answer of the supervisor is not understood: " +
                              progress.error().message},
                        console_);
        }
        if (options_.json)
            print_json(reply.parameters, console_);
        if (reply.continues) {
            write(view_.show(*progress, os::now()));
            return std::nullopt;
        }
        write(view_.clear());
        // The last reply may name another revision than the first without one in between.
        view_.learn(*progress, os::now());
        const auto verdict =
            verdict_of(*progress, service_.name, view_.superseded(), os::now() - began_);
        if (verdict.exit_status == 0)
            write(verdict.text);
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
    [[nodiscard]] std::string whereabouts() const {
        const std::string status = "`svc status " + service_.name + "`";
        switch (known_) {
        case Known::nothing:
            return "the supervisor was asked for nothing\n";
        case Known::sent:
            return "the supervisor was asked and has not answered: " + what() +
                   " may or may not come; " + status + " shows it\n";
        case Known::accepted:
            return what() + " goes on; " + status + " shows it, `svc events --follow " +
                   service_.name + "` its end\n";
        }
        fatal("whereabouts(): nothing is known");
    }

    int give_up_for(int signal) {
        write(view_.clear());
        console_.err("svc: " + service_.name + ": interrupted: " + whereabouts());
        return Interrupts::exit_status(signal);
    }

    int give_up(const Error& error) {
        write(view_.clear());
        if (error.code == ETIMEDOUT) {
            const std::string limit = format_duration(options_.timeout.value_or(Duration{}));
            console_.err("svc: " + service_.name + ": not over after " + limit + ": " +
                         whereabouts());
            return exit_timed_out;
        }
        if (error.code == ECONNRESET && options_.verb == Verb::stop && known_ == Known::accepted) {
            write(service_.name + ": the supervisor has ended (" +
                  render_elapsed(os::now() - began_) + ")\n");
            return exit_done;
        }
        if (error.code == ECONNRESET && known_ == Known::accepted) {
            console_.err("svc: " + service_.name + ": the supervisor ended before " + what() +
                         " did; its log says why\n");
            return exit_no_supervisor;
        }
        return fail(error, console_);
    }

    const Options& options_;
    const Service& service_;
    const Console& console_;
    Instant began_;
    std::optional<Instant> deadline_;
    ProgressView view_;
    Known known_ = Known::nothing;
};

} // namespace

int change_service(const Options& options, const Console& console) {
    const auto service = choose_service(options.name, runtime_directories(options.runtime_dir));
    if (!service)
        return fail(service.error(), console);
    return Change(options, *service, console).run();
}

} // namespace svc::cli
