// init: the first service file of what is here.
#include "svc/talk/conversation.h"
#include "svc/verbs/first_steps.h"
#include "svc/verbs/verbs.h"

#include <boost/json/value.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace svc::cli {
namespace {

/// Never over a file that is there, but with --force: somebody wrote it.
Result<void> write_new(const std::string& path, const std::string& text, bool force) {
    const UniqueFd file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0644));
    if (file.get() < 0 && errno == EEXIST)
        return Error{"there is a " + path + "; --force writes over it, --print only prints"};
    if (file.get() < 0)
        return Error{"cannot write " + path + ": " + std::strerror(errno)};
    for (std::size_t done = 0; done < text.size();) {
        const auto some = ::write(file.get(), text.data() + done, text.size() - done);
        if (some < 0 && errno != EINTR)
            return Error{"cannot write " + path + ": " + std::strerror(errno)};
        if (some > 0)
            done += static_cast<std::size_t>(some);
    }
    return {};
}

} // namespace

int init_service(const Options& options, const Console& console) {
    const auto first = suit(look_around(), {options.name, options.preset, options.command});
    if (!first)
        return fail(first.error(), console);
    const std::string text = write_first_file(*first);
    const std::string path = first->name + ".toml";
    if (!options.print)
        if (const auto written = write_new(path, text, options.force); !written)
            return fail(written.error(), console);
    if (options.json)
        print_json({{"name", first->name}, {"file", path}, {"text", text}}, console);
    else if (options.print)
        console.out(text);
    else
        console.out("Wrote " + path + ". Next:\n  svc check " + path +
                    "   what it means, and what is wrong\n  svc try " + path +
                    "     run it in this terminal\n  svcd " + path +
                    "        run it; as a unit of systemd: svcd(8)\n");
    return exit_done;
}

} // namespace svc::cli
