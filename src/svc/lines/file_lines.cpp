#include "svc/lines/file_lines.h"

#include "base/unique_fd.h"
#include "svc/screen/interrupts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace svc::cli {
namespace {

constexpr std::size_t block = 65536;
constexpr off_t looked_back = 16 << 20; ///< for the beginning of the last lines
constexpr std::size_t line_limit = 1u << 20;

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

/// Reads a file on and on, as lines that may be shown on a terminal.
///
///   open ─ its name is another file's by now, in which something stands: read to its end → that one, from its
///          beginning
///
/// An empty successor may be one that logrotate made (its option `create`), and that the supervisor knows nothing of
/// yet: until it is told (SIGUSR1) it goes on in the old file. It writes to one at a time, in this order.
class FileReader {
public:
    FileReader(std::string path, const Console& console)
        : path_(std::move(path)), console_(console) {}

    Result<void> open() {
        // A file of a worker's directory may be anything by now: no fifo holds us up.
        file_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
        if (!file_)
            return system_error("cannot open " + path_, errno);
        struct stat status {};
        if (::fstat(file_.get(), &status) != 0 || !S_ISREG(status.st_mode))
            return Error{path_ + " is not a regular file", EINVAL};
        return {};
    }

    void seek_to_last(std::uint32_t lines) {
        const off_t end = ::lseek(file_.get(), 0, SEEK_END);
        const off_t least = std::max<off_t>(0, end - looked_back);
        std::vector<char> bytes(block);
        std::uint32_t found = 0;
        off_t at = end;
        while (at > least) {
            const off_t from = std::max<off_t>(least, at - static_cast<off_t>(block));
            const ssize_t count =
                ::pread(file_.get(), bytes.data(), static_cast<std::size_t>(at - from), from);
            for (ssize_t index = count - 1; index >= 0; --index) {
                // The newline that ends the last line begins none.
                const bool newline = bytes[static_cast<std::size_t>(index)] == '\n';
                if (newline && from + index != end - 1 && ++found == lines) {
                    ::lseek(file_.get(), from + index + 1, SEEK_SET);
                    return;
                }
            }
            at = from;
        }
        ::lseek(file_.get(), lines == 0 ? end : least, SEEK_SET);
    }

    /// Prints what is there now; `whole`: a last line without an end, too.
    void print(bool whole) {
        std::vector<char> bytes(block);
        for (;;) {
            const ssize_t count = ::read(file_.get(), bytes.data(), bytes.size());
            if (count < 0 && errno == EINTR)
                continue;
            if (count <= 0)
                break;
            unfinished_.append(bytes.data(), static_cast<std::size_t>(count));
            print_lines();
        }
        if (whole && !unfinished_.empty())
            console_.out(safe(std::exchange(unfinished_, {})) + "\n");
    }

    void go_on_with_next() {
        struct stat ours {};
        struct stat named {};
        if (::fstat(file_.get(), &ours) != 0 || ::stat(path_.c_str(), &named) != 0)
            return;
        if (ours.st_dev == named.st_dev && ours.st_ino == named.st_ino) {
            if (named.st_size < ::lseek(file_.get(), 0, SEEK_CUR)) { // it was truncated
                ::lseek(file_.get(), 0, SEEK_SET);
                unfinished_.clear();
            }
            return;
        }
        if (named.st_size == 0)
            return;
        print(true);
        static_cast<void>(open()); // else the old one is all that there is
    }

private:
    void print_lines() {
        std::size_t begin = 0;
        for (auto end = unfinished_.find('\n'); end != std::string::npos;
             end = unfinished_.find('\n', begin)) {
            console_.out(safe(std::string_view(unfinished_).substr(begin, end - begin)) + "\n");
            begin = end + 1;
        }
        unfinished_.erase(0, begin);
        if (unfinished_.size() > line_limit) // in pieces, rather than in our memory
            console_.out(safe(std::exchange(unfinished_, {})) + "\n");
    }

    std::string path_;
    const Console& console_;
    UniqueFd file_;
    std::string unfinished_;
};

int follow_file(FileReader& file, const std::string& path, const Console& console) {
    const auto interrupts = Interrupts::make();
    if (!interrupts)
        return fail(interrupts.error(), console);
    const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    // The directory: what is written to the file is told there, and so is its successor.
    if (!watch || ::inotify_add_watch(watch.get(), directory_of(path).c_str(),
                                      IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return fail(system_error("cannot watch " + directory_of(path), errno), console);
    for (;;) {
        file.go_on_with_next();
        file.print(false);
        std::array<pollfd, 2> ready{pollfd{watch.get(), POLLIN, 0},
                                    pollfd{interrupts->fd(), POLLIN, 0}};
        if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR)
            return fail(system_error("cannot wait for " + path, errno), console);
        if (ready[1].revents != 0) {
            if (const int signal = interrupts->take(); Interrupts::ends(signal))
                return Interrupts::exit_status(signal);
        }
        std::array<char, 4096> events; // NOLINT: filled by read()
        while (::read(watch.get(), events.data(), events.size()) > 0) {
        }
    }
}

} // namespace

int show_file(const std::string& path, std::uint32_t lines, bool follow, const Console& console) {
    FileReader file(path, console);
    if (const auto opened = file.open(); !opened)
        return fail(opened.error(), console);
    file.seek_to_last(lines);
    if (follow)
        return follow_file(file, path, console);
    file.print(true);
    return exit_done;
}

} // namespace svc::cli
