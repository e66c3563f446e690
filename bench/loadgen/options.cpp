#include "loadgen/options.h"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace svc::loadgen {

namespace {

constexpr const char* description =
    "Sends requests at a fixed rate, whatever the server does, and measures each from the moment\n"
    "at which it was due: a server that stalls is charged for every request that had to wait.\n"
    "The report is one line of JSON on stdout.";

constexpr const char* commands =
    "Commands on stdin (--control), one a line:\n"
    "  mark NAME   requests from now on belong to the window NAME\n"
    "  unmark      they do not any more\n"
    "  count       print {\"requests\":…,\"failed\":…} so far, as one line\n"
    "  stop        as SIGTERM: finish what was begun, report, exit";

struct Texts {
    std::string target;
    std::string duration;
    std::string timeout;
    std::string hard_limit;
};

Duration duration_of(const char* option, const std::string& text) {
    const Result<Duration> parsed = parse_duration(text);
    if (!parsed)
        throw CLI::ValidationError(option, parsed.error().message);
    return *parsed;
}

void interpret(const Texts& texts, Options& options) {
    const Result<Address> target = parse_address(texts.target);
    if (!target)
        throw CLI::ValidationError("--target", target.error().message);
    options.target = *target;
    if (options.target.type != SocketType::stream ||
        options.target.family == AddressFamily::systemd)
        throw CLI::ValidationError("--target", "write 127.0.0.1:8080, [::1]:8080 or unix:/path");
    if (options.host.empty())
        options.host = "localhost";
    if (!texts.duration.empty())
        options.duration = duration_of("--duration", texts.duration);
    if (!texts.timeout.empty())
        options.timeout = duration_of("--timeout", texts.timeout);
    if (!texts.hard_limit.empty())
        options.hard_limit = duration_of("--hard-limit", texts.hard_limit);
    if (options.rate == 0 && options.keep_alive_clients == 0)
        throw CLI::ValidationError("--rate", "nothing to do: give --rate or --keepalive");
}

} // namespace

ParsedOptions parse_options(int count, char** arguments) {
    Options options;
    Texts texts;
    CLI::App app(description, "loadgen");
    app.footer(commands);
    app.add_option("--target", texts.target, "127.0.0.1:8080, [::1]:8080 or unix:/path")
        ->required();
    app.add_option("--path", options.path, "Request target (default: /)");
    app.add_option("--host", options.host, "Host header (default: localhost)");
    app.add_option("--rate", options.rate, "Requests a second, each on a new connection")
        ->check(CLI::Range(0.0, 1e6));
    app.add_option("--keepalive", options.keep_alive_clients, "Clients that keep a connection")
        ->check(CLI::Range(0, 10000));
    app.add_option("--keepalive-rate", options.keep_alive_rate,
                   "Requests a second of each of them (default: 10)")
        ->check(CLI::Range(0.001, 1e5));
    app.add_option("--duration", texts.duration, "How long, such as 30s (default: until SIGTERM)");
    app.add_option("--timeout", texts.timeout, "Of one request (default: 10s)");
    app.add_option("--hard-limit", texts.hard_limit,
                   "End the run then, whatever happens (default: 1h)");
    app.add_option("--max-open", options.most_open,
                   "Connections at one time; requests beyond count as not sent (default: 4096)")
        ->check(CLI::Range(1, 1'000'000));
    app.add_flag("--control", options.control, "Read commands from stdin");
    app.add_flag("--table", options.table, "Report as a table for people, not as JSON");
    try {
        app.parse(count, arguments);
        interpret(texts, options);
    } catch (const CLI::CallForHelp& help) {
        return {std::nullopt, app.exit(help)};
    } catch (const CLI::ParseError& error) {
        std::fprintf(stderr, "loadgen: %s; try --help\n", error.what());
        return {std::nullopt, 2};
    }
    return {options, 0};
}

} // namespace svc::loadgen
