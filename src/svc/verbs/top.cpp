// top: all services and their workers, looked at again and again.
#include "svc/draw/top.h"
#include "os/clock.h"
#include "svc/screen/full_screen.h"
#include "svc/screen/interrupts.h"
#include "svc/talk/looks.h"
#include "svc/verbs/verbs.h"

#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <unistd.h>

namespace svc::cli {
namespace {

/// Answers that come one after the other are one drawing.
constexpr Duration shortest_pause = std::chrono::milliseconds(100);
/// Between the two looks of which a frame without a terminal is made.
constexpr Duration glance = std::chrono::milliseconds(500);
constexpr Duration longest_look = std::chrono::seconds(3);

std::vector<TopModel::Looked> looked(const std::vector<Sight>& sights) {
    std::vector<TopModel::Looked> all;
    for (const auto& sight : sights)
        all.push_back({.name = sight.service.name,
                       .status = sight.answer ? &sight.answer->status : nullptr,
                       .at = sight.at,
                       .problem = sight.problem,
                       .silent = os::now() - sight.at});
    return all;
}

/// The live view.
///
///   every interval: ask all ─ answers as they come → drawn, at most ten times a second
///   a key, another size, a SIGCONT → drawn at once
///
/// Nobody is waited for: a supervisor that hangs is shown as one. What can never happen: the terminal stays as it is
/// here after the end, or while we are stopped.
class Top {
public:
    Top(const Options& options, const Console& console, const Interrupts& interrupts)
        : console_(console), interrupts_(interrupts), interval_(options.interval),
          looks_(runtime_directories(options.runtime_dir), options.names),
          screen_(STDOUT_FILENO, STDIN_FILENO), terminal_(console.terminal) {}

    int run() {
        screen_.enter();
        for (;;) {
            const Instant now = os::now();
            if (now >= next_look_) {
                looks_.ask(now);
                next_look_ = now + interval_;
                learn();
            }
            if (looks_.take(now))
                learn();
            if (due_ && now >= *due_)
                draw(now);
            if (const auto status = wait()) {
                screen_.leave();
                return *status;
            }
        }
    }

private:
    void learn() {
        model_.learn(looked(looks_.sights()));
        // Not before those have answered that do so at once.
        if (!due_)
            due_ = std::max(drawn_ + shortest_pause, os::now() + shortest_pause / 2);
    }

    void draw(Instant now) {
        screen_.draw(draw_top(model_, view_, interval_, os::wall_now(), terminal_));
        drawn_ = now;
        due_.reset();
    }

    /// For what comes next. The exit status, if that is the end.
    std::optional<int> wait() {
        std::vector<pollfd> fds{{interrupts_.fd(), POLLIN, 0},
                                {keys_end_ ? -1 : STDIN_FILENO, POLLIN, 0}};
        looks_.add_to(fds);
        const Instant until = due_ ? std::min(*due_, next_look_) : next_look_;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - os::now()).count();
        const int ready = ::poll(fds.data(), fds.size(),
                                 static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX)));
        if (ready <= 0)
            return std::nullopt;
        if (fds[0].revents != 0)
            return attend(interrupts_.take());
        if (fds[1].revents != 0)
            return read_keys();
        return std::nullopt;
    }

    std::optional<int> attend(int signal) {
        if (Interrupts::ends(signal))
            return signal == SIGINT ? int{exit_done} : Interrupts::exit_status(signal);
        if (signal == SIGTSTP) {
            screen_.leave();
            Interrupts::stop();
            screen_.enter();
        }
        if (console_.measure)
            terminal_ = console_.measure();
        screen_.forget();
        due_ = os::now();
        return std::nullopt;
    }

    std::optional<int> read_keys() {
        std::array<char, 64> bytes; // NOLINT: filled by read()
        const auto got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (got <= 0) {
            keys_end_ = got == 0 || (errno != EAGAIN && errno != EINTR);
            return std::nullopt;
        }
        const auto action = view_keys_.take({bytes.data(), static_cast<std::size_t>(got)}, view_,
                                            top_page(terminal_));
        if (action == TopKeys::Action::quit)
            return exit_done;
        if (action == TopKeys::Action::draw)
            due_ = os::now();
        return std::nullopt;
    }

    const Console& console_;
    const Interrupts& interrupts_;
    Duration interval_;
    Looks looks_;
    FullScreen screen_;
    Terminal terminal_;
    TopModel model_;
    TopView view_;
    TopKeys view_keys_;
    Instant next_look_{};
    Instant drawn_{};
    std::optional<Instant> due_; ///< the next drawing
    bool keys_end_ = false;
};

/// One frame as plain text, or for a program.
int show_once(const Options& options, const Console& console) {
    Looks looks(runtime_directories(options.runtime_dir), options.names);
    TopModel model;
    looks.look_once(longest_look);
    model.learn(looked(looks.sights()));
    if (!options.json) {
        ::poll(nullptr, 0,
               static_cast<int>(
                   std::chrono::ceil<std::chrono::milliseconds>(std::min(options.interval, glance))
                       .count()));
        looks.look_once(longest_look);
        model.learn(looked(looks.sights()));
    }
    if (options.json) {
        print_json(json_of(looks.sights()), console);
        return exit_done;
    }
    Terminal plain = console.terminal;
    plain.interactive = false;
    TopView view;
    std::string text;
    for (const auto& line : draw_top(model, view, options.interval, os::wall_now(), plain))
        text += line + '\n';
    console.out(text);
    return exit_done;
}

/// A name that leads nowhere: it ends this verb as it does the others. One whose supervisor is gone is a row.
Result<void> look_up(const Options& options) {
    const auto directories = runtime_directories(options.runtime_dir);
    for (const auto& name : options.names) {
        const auto service = choose_service(name, directories, Duration::zero());
        if (!service)
            return service.error();
        const auto client = Client::connect_at_once(service->control, service->name);
        if (!client && client.error().code == ENOENT)
            return client.error();
    }
    return {};
}

} // namespace

int show_top(const Options& options, const Console& console) {
    if (const auto known = look_up(options); !known)
        return fail(known.error(), console);
    if (options.once || options.json || !console.terminal.interactive)
        return show_once(options, console);
    const auto interrupts = Interrupts::make({SIGTSTP, SIGHUP, SIGQUIT});
    if (!interrupts)
        return fail(interrupts.error(), console);
    return Top(options, console, *interrupts).run();
}

} // namespace svc::cli
