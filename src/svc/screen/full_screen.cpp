#include "svc/screen/full_screen.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <string_view>
#include <unistd.h>

namespace svc::cli {
namespace {

// xterm's control sequences (ctlseqs): the other screen, and the cursor.
constexpr std::string_view enter_screen = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view leave_screen = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view clear_screen = "\x1b[0m\x1b[2J";
constexpr std::string_view clear_to_end_of_line = "\x1b[K";

std::string go_to_line(std::size_t line) {
    return "\x1b[" + std::to_string(line + 1) + ";1H";
}

} // namespace

void FullScreen::enter() {
    if (entered_)
        return;
    entered_ = true;
    // A key counts when it is pressed, and is not shown; the signals of C-c and C-z stay.
    if (::isatty(keys_) != 0 && ::tcgetattr(keys_, &before_) == 0) {
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        quiet.c_cc[VMIN] = 1;
        quiet.c_cc[VTIME] = 0;
        quiet_ = ::tcsetattr(keys_, TCSADRAIN, &quiet) == 0;
    }
    write(std::string(enter_screen));
    forget();
}

void FullScreen::leave() {
    if (!entered_)
        return;
    entered_ = false;
    write(std::string(leave_screen));
    if (quiet_)
        ::tcsetattr(keys_, TCSADRAIN, &before_);
    quiet_ = false;
}

void FullScreen::forget() {
    known_ = false;
}

void FullScreen::draw(const std::vector<std::string>& lines) {
    std::string text;
    if (!known_) {
        text += clear_screen;
        drawn_.clear();
    }
    text += difference(drawn_, lines);
    write(text);
    drawn_ = lines;
    known_ = true;
}

std::string FullScreen::difference(const std::vector<std::string>& before,
                                   const std::vector<std::string>& after) {
    std::string text;
    for (std::size_t line = 0; line < std::max(before.size(), after.size()); ++line) {
        const std::string_view old = line < before.size() ? std::string_view(before[line]) : "";
        const std::string_view next = line < after.size() ? std::string_view(after[line]) : "";
        if (old == next)
            continue;
        text += go_to_line(line);
        text += next;
        text += clear_to_end_of_line;
    }
    return text;
}

void FullScreen::write(const std::string& text) const {
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto written = ::write(fd_, rest.data(), rest.size());
        if (written > 0) {
            rest.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            pollfd ready{fd_, POLLOUT, 0};
            ::poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return; // it hung up; SIGHUP says so
        }
    }
}

} // namespace svc::cli
