// FullScreen: a terminal's other screen, drawn line by line.
#pragma once

#include "base/result.h"
#include "svc/screen/terminal.h"

#include <string>
#include <termios.h>
#include <vector>

namespace svc::cli {

/// What was on the terminal comes back, whatever was drawn here, with its cursor and its echo.
///
///   left ─ enter() → entered ─ draw() again and again ─ leave(), or its end → left
///
/// Only lines that changed are written, all that is to be written at once: nothing flickers. What can never happen: a
/// terminal that is left without its echo or its cursor by anything but SIGKILL.
class FullScreen {
public:
    /// Of the terminal at `fd`; keys are read from `keys`, another terminal's are not touched.
    FullScreen(int fd, int keys) : fd_(fd), keys_(keys) {}
    FullScreen(const FullScreen&) = delete;
    FullScreen& operator=(const FullScreen&) = delete;
    ~FullScreen() { leave(); }

    void enter();
    void leave();
    /// All lines must be narrower than the terminal, nor may there be more of them than it has.
    void draw(const std::vector<std::string>& lines);
    /// It has another size, or others wrote to it: all of it is drawn the next time.
    void forget();

    /// What draw() writes. Pure.
    static std::string difference(const std::vector<std::string>& before,
                                  const std::vector<std::string>& after);

private:
    void write(const std::string& text) const;

    int fd_;
    int keys_;
    bool entered_ = false;
    bool quiet_ = false; ///< keys are not echoed
    termios before_{};
    std::vector<std::string> drawn_;
    bool known_ = false; ///< what is on it is `drawn_`
};

} // namespace svc::cli
