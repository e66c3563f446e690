// metrics: of all services, or one, as one text.
#include "os/durable.h"
#include "svc/talk/conversation.h"
#include "svc/talk/measured.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace svc::cli {
namespace {

/// A supervisor that is well needs some milliseconds, and looks at its workers for 2 s at most.
constexpr Duration patience = std::chrono::seconds(5);

wire::MetricFamily not_up(const Service& service) {
    auto family =
        wire::make_family("gauge", "svc_up", "", "Whether the supervisor of the service answers.");
    add_sample(family, {{"service", service.name}}, 0);
    return family;
}

Result<void> write_file(const std::string& path, std::string_view text) {
    constexpr mode_t readable = 0644;
    const std::size_t slash = path.rfind('/');
    const std::string file = path.substr(slash == std::string::npos ? 0 : slash + 1);
    std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
    if (directory.empty())
        directory = "/";
    if (file.empty())
        return Error{path + " is no name of a file; write --output DIR/svc.prom"};
    // A rename would take the place of whatever it is: root, who writes to /dev/stdout or /dev/null, has none then.
    struct stat found {};
    if (::lstat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode))
        return Error{path + " is there and is no plain file, so it is not replaced; name another "
                            "one, or leave --output out"};
    auto written = os::write_in_one_step(directory, file, text, readable, os::Reaches::disk,
                                         std::to_string(::getpid()));
    const int code = written ? 0 : written.error().code;
    if (code == EACCES || code == EPERM || code == EROFS)
        return Error{"cannot write " + path + ": " + std::strerror(code) +
                     "; name a file where you may write"};
    return written;
}

} // namespace

int show_metrics(const Options& options, const Console& console) {
    auto services = find_services(runtime_directories(options.runtime_dir));
    if (!options.name.empty()) {
        std::erase_if(services,
                      [&](const Service& service) { return service.name != options.name; });
        if (services.empty()) { // says where it was looked for
            const auto service = choose_service(options, console);
            return service ? exit_failed : fail(service.error(), console);
        }
    }
    wire::MetricsReply all;
    for (Measured& measured : measure(services, patience)) {
        if (measured.families) {
            merge_metrics(all.families, std::move(*measured.families));
            continue;
        }
        console.err("svc: " + measured.service.name + ": " + measured.families.error().message +
                    '\n');
        merge_metrics(all.families, {not_up(measured.service)});
    }
    if (options.json && options.output.empty()) {
        print_json(wire::to_json(all), console);
        return exit_done;
    }
    const std::string text =
        options.json
            ? boost::json::serialize(boost::json::value(wire::to_json(all))) + '\n'
            : render_metrics(all.families, options.openmetrics ? wire::MetricsFormat::openmetrics
                                                               : wire::MetricsFormat::prometheus);
    if (options.output.empty()) {
        console.out(text);
        return exit_done;
    }
    const auto written = write_file(options.output, text);
    // Without its code, which would be taken for one about a supervisor.
    return written ? exit_done : fail(Error{written.error().message}, console);
}

} // namespace svc::cli
