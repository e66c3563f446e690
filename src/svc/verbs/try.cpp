// try: a service in this terminal, with a supervisor of its own that nobody else knows.
#include "os/clock.h"
#include "svc/draw/progress.h"
#include "svc/draw/trial.h"
#include "svc/screen/interrupts.h"
#include "svc/screen/wrap.h"
#include "svc/talk/glance.h"
#include "svc/verbs/trial_end.h"
#include "svc/verbs/trial_process.h"

#include <boost/json/value.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <sys/epoll.h>
#include <unistd.h>

namespace svc::cli {
namespace {

/// Of a supervisor whose state began with it.
constexpr std::uint64_t first_revision = 1;
/// Two signals that are no further apart are one.
constexpr Duration same_signal = std::chrono::milliseconds(200);

/// A trial from its start to its end.
///
///   booting ─ svcd is ready → serving ─ Enter → (a reload) → serving
///      │ svcd ended: it did not start  │ Ctrl-C, q
///      └───────────────────────────────┴→ draining ─ Ctrl-C → killing ─ Ctrl-C → svcd is killed, too
///                                                └────┴→ over: svcd has ended
///
/// All that can happen is a member of one epoll instance (epoll(7)): it interrupts whatever is asked of the supervisor,
/// and what was said counts on. The terminal stays as it is, a line is a key: there is nothing to put back. While a
/// call is under way its progress is a block below the lines; while it boots that call is to follow the first rollout.
/// A look at its status is a connection of its own (Glance), which nothing waits for.
///
/// What can never happen: something of it is left. svcd ends with us, however we end, and it removes the directory;
/// what a svcd leaves that was killed, svcd --reap ends.
class Trial {
public:
    Trial(const Console& console, TrialPlan plan, TrialProcess process, Interrupts interrupts,
          UniqueFd events)
        : console_(console), plan_(std::move(plan)), process_(std::move(process)),
          interrupts_(std::move(interrupts)),
          events_(std::move(events)), service_{plan_.name, plan_.directory.path() + "/" +
                                                               plan_.name + "/control"},
          terminal_(console.terminal), began_(os::now()) {}

    int run() {
        watch(interrupts_.fd(), Source::signals);
        watch(process_.output(), Source::output);
        watch(process_.manager(), Source::manager);
        watch(process_.pidfd(), Source::end);
        keys_ = ::isatty(STDIN_FILENO) == 1 && watch(STDIN_FILENO, Source::keys);
        // Of a job in the background: an error instead of a stop.
        ::signal(SIGTTIN, SIG_IGN);
        while (!ended_) {
            if (call_)
                converse();
            else
                attend(-1);
        }
        return finish();
    }

private:
    using Phase = TrialPhase;
    enum class Source : std::uint32_t { signals, keys, output, manager, end, glance };

    /// Something that was asked of the supervisor, and is under way.
    struct Call {
        Call(const Service& service, int interrupt, wire::VarlinkCall what, std::string doing,
             const Terminal& terminal)
            : line(service, Patience{}, interrupt), call(std::move(what)), began(os::now()),
              view(std::move(doing), began, terminal) {}
        Line line;
        wire::VarlinkCall call;
        Instant began;
        ProgressView view;
    };

    bool watch(int fd, Source source) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = static_cast<std::uint32_t>(source);
        return ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
    }

    // What comes in ----------------------------------------------------------------------------------

    /// Waits for something, or not (0).
    void attend(int timeout) {
        std::array<epoll_event, 8> happened{};
        const int count = ::epoll_wait(events_.get(), happened.data(), happened.size(), timeout);
        for (int index = 0; index < count; ++index) {
            switch (static_cast<Source>(happened[index].data.u32)) {
            case Source::signals:
                handle_signal(interrupts_.take());
                break;
            case Source::keys:
                read_keys();
                break;
            case Source::output:
                read_output();
                break;
            case Source::manager:
                hear(process_.take_news());
                break;
            case Source::glance:
                read_glance();
                break;
            case Source::end:
                ended_ = true;
                break;
            }
        }
    }

    void converse() {
        Call& call = *call_;
        const auto until = terminal_.interactive ? std::optional(call.view.due()) : std::nullopt;
        const auto reply = call.line.next([&] { return call.call; }, until);
        if (reply)
            return handle(*reply);
        if (reply.error().code == ETIMEDOUT)
            return console_.out(call.view.redraw(os::now()));
        if (reply.error().code != EINTR) { // its end is seen in a moment
            console_.out(call.view.clear());
            call_.reset();
        }
        attend(0);
    }

    void handle(const wire::VarlinkReply& reply) {
        Call& call = *call_;
        const auto progress = wire::from_json<wire::Progress>(reply.parameters);
        if (reply.error.empty() && progress && reply.continues) {
            call.view.learn(*progress, os::now());
            if (terminal_.interactive && os::now() >= call.view.due())
                console_.out(call.view.redraw(os::now()));
            return;
        }
        console_.out(call.view.clear());
        const Instant began = call.began;
        call_.reset();
        read_output(); // what was said before comes before
        if (phase_ == Phase::booting)
            return; // it serves in a moment, or its end is seen
        if (!reply.error.empty())
            refuse(reply);
        else if (progress && phase_ == Phase::serving)
            console_.out(
                wrapped(render_tried(*progress, plan_.name, os::now() - began), terminal_.width));
        ask_next();
    }

    /// A file with mistakes, mostly: the supervisor's own lines have told them.
    void refuse(const wire::VarlinkReply& reply) {
        const auto refusal = wire::from_json<wire::Refusal>(reply.parameters);
        console_.out(wrapped("svc: " + plan_.name + ": " +
                                 safe(refusal ? refusal->message : reply.error) +
                                 "\nThe old version serves on.\n",
                             terminal_.width));
    }

    void read_output() {
        std::array<char, 65536> bytes;
        const auto count = ::read(process_.output(), bytes.data(), bytes.size());
        if (count > 0)
            print(lines_.take({bytes.data(), static_cast<std::size_t>(count)}, terminal_));
        else if (count == 0 || (errno != EAGAIN && errno != EINTR))
            ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, process_.output(), nullptr);
    }

    /// Above the block, if there is one.
    void print(const std::string& text) {
        if (text.empty())
            return;
        std::string all = call_ && terminal_.interactive ? call_->view.clear() : "";
        all += text;
        if (call_ && terminal_.interactive)
            all += call_->view.redraw(os::now());
        console_.out(all);
    }

    // What a person wants ----------------------------------------------------------------------------

    void handle_signal(int signal) {
        if (Interrupts::ends(signal)) {
            // The terminal has written "^C".
            if (terminal_.interactive && !call_)
                console_.out("\r\x1b[K");
            // npm, timeout(1) and their like send one that the terminal has sent already.
            const Instant now = os::now();
            if (now < signaled_ + same_signal)
                return;
            signaled_ = now;
            signal_ = signal;
            stop();
        } else if (signal == SIGWINCH && console_.measure) {
            terminal_ = console_.measure();
            if (call_)
                console_.out(call_->view.resize(terminal_, os::now()));
        } else if (call_) {
            console_.out(call_->view.start_over(os::now()));
        }
    }

    void read_keys() {
        std::array<char, 256> bytes;
        const auto count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count <= 0)
            ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, STDIN_FILENO, nullptr);
        if (count == 0) // Ctrl-D
            stop();
        if (call_ && terminal_.interactive) // what was typed is on the screen
            console_.out(call_->view.start_over(os::now()));
        for (const char byte : std::string_view(bytes.data(), count > 0 ? count : 0)) {
            if (byte != '\n')
                typed_ += byte;
            else
                obey(std::exchange(typed_, {}));
        }
    }

    void obey(const std::string& word) {
        const bool known = word.empty() || word == "u" || word == "s" || word == "q";
        if (!known)
            print(keys_line());
        else if (word == "q")
            stop();
        else if (word == "s")
            look();
        else if (phase_ == Phase::booting)
            print("svc: " + plan_.name + " does not serve yet\n");
        else if (phase_ == Phase::serving) {
            wanted_ = word.empty() ? "Reload" : "Undo";
            ask_next();
        }
    }

    /// Its answer is shown when it comes.
    void look() {
        if (glance_)
            return print("svc: the supervisor has not answered yet\n");
        auto glance = Glance::ask(
            service_, make_call("Status", {{"connections", true}, {"usage", true}}, false));
        if (!glance)
            return print("svc: " + safe(glance.error().message) + '\n');
        glance_.emplace(std::move(*glance));
        watch(glance_->fd(), Source::glance);
    }

    void read_glance() {
        auto reply = glance_->take();
        if (!reply)
            return;
        const auto answer = *reply ? read_status(std::move(**reply), service_)
                                   : Result<StatusAnswer>(reply->error());
        ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, glance_->fd(), nullptr);
        glance_.reset();
        const bool introduces = std::exchange(introduces_, false);
        if (introduces)
            read_output(); // what was said before
        if (!answer)
            print("svc: " + safe(answer.error().message) + '\n');
        else if (introduces)
            print(render_serving(answer->status, plan_.directory.path(), *served_ - began_, keys_,
                                 terminal_));
        else
            print(render_status(answer->status, os::wall_now(), terminal_));
    }

    /// What was asked for while another call was under way: the last of it.
    void ask_next() {
        if (call_ || wanted_.empty() || phase_ != Phase::serving)
            return;
        const bool reload = wanted_ == "Reload";
        ask(std::exchange(wanted_, {}), reload ? "reload " : "undo ", {});
    }

    void ask(const std::string& method, const std::string& doing, boost::json::object parameters) {
        call_.emplace(service_, events_.get(), make_call(method, std::move(parameters), true),
                      doing + plan_.name, terminal_);
    }

    void stop() {
        if (phase_ == Phase::killing)
            return process_.send(SIGKILL); // it does not even do that
        if (phase_ == Phase::draining) {
            phase_ = Phase::killing;
            return process_.send(SIGQUIT);
        }
        if (call_)
            console_.out(call_->view.clear());
        call_.reset();
        if (phase_ == Phase::serving) {
            console_.out("Stopping: the workers finish what they do; Ctrl-C again kills them.\n");
            ask("Stop", "stop ", {});
        } else {
            console_.out("Stopping before it serves; Ctrl-C again kills what runs.\n");
            process_.send(SIGTERM);
        }
        phase_ = Phase::draining;
    }

    // Beginning and end ------------------------------------------------------------------------------

    void hear(TrialProcess::Said said) {
        if (phase_ != Phase::booting || said == TrialProcess::Said::nothing)
            return;
        if (said == TrialProcess::Said::ready)
            begin_to_serve();
        else if (!call_ && terminal_.interactive)
            ask("Follow", "start ", wire::to_json(wire::FollowCall{.revision = first_revision}));
    }

    void begin_to_serve() {
        phase_ = Phase::serving;
        served_ = os::now();
        if (call_)
            console_.out(call_->view.clear());
        call_.reset();
        introduces_ = true;
        if (!glance_) // else a look is under way, and its answer will do
            look();
    }

    int finish() {
        if (call_)
            console_.out(call_->view.clear());
        call_.reset();
        for (std::array<char, 65536> bytes;;) {
            const auto count = ::read(process_.output(), bytes.data(), bytes.size());
            if (count <= 0)
                break;
            console_.out(lines_.take({bytes.data(), static_cast<std::size_t>(count)}, terminal_));
        }
        console_.out(lines_.rest(terminal_));
        const int status = process_.end();
        if (status < 0)
            end_what_is_left(plan_);
        return tell_end(plan_, {phase_, status, signal_, lines_.last_error()}, console_);
    }

    const Console& console_;
    TrialPlan plan_;
    TrialProcess process_;
    Interrupts interrupts_;
    UniqueFd events_;
    Service service_;
    Terminal terminal_;
    Instant began_;
    Phase phase_ = Phase::booting;
    TrialLines lines_;
    std::optional<Call> call_;
    std::optional<Glance> glance_;
    std::optional<Instant> served_; ///< since then
    bool introduces_ = false;       ///< the next glance tells where it can be reached
    std::string wanted_;            ///< a method
    std::string typed_;             ///< a line that is not whole yet
    bool keys_ = false;
    bool ended_ = false;
    int signal_ = 0;
    Instant signaled_{};
};

} // namespace

int try_service(const Options& options, const Console& console) {
    auto plan = plan_trial(options, console);
    if (!plan && !plan.error().message.empty())
        static_cast<void>(fail(plan.error(), console));
    if (!plan)
        return plan.error().code == EINVAL     ? exit_service_file
               : plan.error().code == ENOTUNIQ ? exit_usage
                                               : exit_failed;
    auto interrupts = Interrupts::make();
    if (!interrupts)
        return fail(interrupts.error(), console);
    UniqueFd events(::epoll_create1(EPOLL_CLOEXEC));
    if (!events)
        return fail(system_error("cannot make an epoll instance", errno), console);
    auto process = TrialProcess::start(plan->svcd, plan->arguments);
    if (!process)
        return fail(process.error(), console);
    for (const auto& note : plan->notes)
        console.out(note + '\n');
    return Trial(console, std::move(*plan), std::move(*process), std::move(*interrupts),
                 std::move(events))
        .run();
}

} // namespace svc::cli
