// init: the first service file of what is here.
#include "base/text.h"
#include "base/unique_fd.h"
#include "os/files.h"
#include "svc/first/first_steps.h"
#include "svc/talk/conversation.h"
#include "svc/verbs/verbs.h"

#include <boost/json/value.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::cli {
namespace {

constexpr std::size_t longest_warning = 2000;

Result<void> write_all(int file, const std::string& path, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const auto some = ::write(file, text.data() + done, text.size() - done);
        if (some < 0 && errno != EINTR)
            return system_error("cannot write " + path, errno);
        if (some > 0)
            done += static_cast<std::size_t>(some);
    }
    return {};
}

/// Never over a file that is there: somebody wrote it.
Result<void> write_new(const std::string& path, const std::string& text) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_EXCL, 0644));
    if (file.get() < 0 && errno == EEXIST)
        return Error{"there is a " + path + "; --force writes over it, --print only prints"};
    if (file.get() < 0)
        return system_error("cannot write " + path, errno);
    return write_all(file.get(), path, text);
}

/// A new file beside it takes its name, mode and owner, so that it is there whole at any moment, the old or the new
/// one. What a link leads to is replaced, and not the link.
Result<void> write_over(const std::string& link, const std::string& text) {
    const auto resolved = os::resolve_path(link);
    struct stat old {};
    if (!resolved || ::stat(resolved->c_str(), &old) != 0)
        return write_new(link, text);
    const std::string& path = *resolved;
    if (!S_ISREG(old.st_mode))
        return Error{"cannot write over " + path + ": it is no file"};
    std::string made = path + ".XXXXXX";
    const UniqueFd file(::mkostemp(made.data(), O_CLOEXEC));
    if (file.get() < 0)
        return system_error("cannot make a file beside " + path, errno);
    Result<void> written = write_all(file.get(), made, text);
    // Only root may give a file away; a file of ours of another group may stay in our own.
    if (written && (old.st_uid != ::geteuid() || old.st_gid != ::getegid()) &&
        ::fchown(file.get(), old.st_uid, old.st_gid) != 0 && old.st_uid != ::geteuid())
        written = system_error("cannot keep the owner of " + path, errno);
    if (written && (::fchmod(file.get(), old.st_mode & 07777) != 0 || ::fsync(file.get()) != 0 ||
                    ::rename(made.c_str(), path.c_str()) != 0))
        written = system_error("cannot put " + path + " in place", errno);
    if (!written)
        ::unlink(made.c_str());
    return written;
}

std::string what_next(const std::string& path) {
    const std::string word = shell_word(path.starts_with('-') ? "./" + path : path);
    return "Wrote " + path + ". Next:\n  svc check " + word +
           "   what it means, and what is wrong\n  svc try " + word +
           "     run it in this terminal\n  svcd " + word +
           "        run it; as a unit of systemd: svcd(8)\n";
}

} // namespace

int init_service(const Options& options, const Console& console) {
    const auto first = suit(look_around(), {options.name, options.preset, options.command});
    if (!first)
        return fail(first.error(), console);
    const std::string text = write_first_file(*first);
    const std::string path = first->name + ".toml";
    if (!options.print)
        if (const auto written = options.force ? write_over(path, text) : write_new(path, text);
            !written)
            return fail(written.error(), console);
    if (options.json)
        print_json({{"name", first->name}, {"file", path}, {"text", text}}, console);
    else if (options.print)
        console.out(text);
    else
        console.out(what_next(path) +
                    (first->user_warning.empty()
                         ? ""
                         : printable(first->user_warning, longest_warning) + '\n'));
    return exit_done;
}

} // namespace svc::cli
