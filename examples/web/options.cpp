#include "options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <getopt.h>
#include <string_view>

namespace web {

namespace {

constexpr const char* usage =
    "Usage: example-web [OPTION]...\n"
    "A small web server that can be replaced without losing a connection.\n"
    "\n"
    "It serves the sockets that its supervisor passes (LISTEN_FDS or SERVER_STARTER_PORT).\n"
    "\n"
    "      --listen HOST:PORT       where to listen if no socket is passed\n"
    "      --version-label TEXT     what GET / calls this version (default: 1)\n"
    "      --start-delay MS         take this long to become ready\n"
    "      --request-delay MS       take this long for every answer\n"
    "      --drain MS               after SIGTERM, how long idle connections may still be used\n"
    "                               for one more request (default: 2000)\n"
    "      --timeline FILE          append the times of start, ready, SIGTERM and exit\n"
    "  -h, --help                   print this and exit\n"
    "\n"
    "Faults, to see what a supervisor makes of them:\n"
    "      --fail-before-ready      exit with status 1 and a reason instead of becoming ready\n"
    "      --hang-before-ready      never become ready, never serve\n"
    "      --never-ready            serve, but never say READY=1\n"
    "      --exit-after MS          exit with status 0 this long after becoming ready\n"
    "      --crash-after-ready MS   abort this long after becoming ready\n"
    "      --ignore-term            go on serving after SIGTERM\n"
    "      --fork-child             start a child that outlives the server\n"
    "      --shutdown-listener      shut the shared sockets down for everyone, once ready\n"
    "      --listen-backlog N       set the backlog of the shared sockets, once ready\n";

enum Option : int {
    listen_at = 256,
    version_label,
    start_delay,
    request_delay,
    drain,
    timeline,
    fail_before_ready,
    hang_before_ready,
    never_ready,
    exit_after,
    crash_after_ready,
    ignore_term,
    fork_child,
    shutdown_listener,
    listen_backlog,
};

const option long_options[] = {
    {"listen", required_argument, nullptr, listen_at},
    {"version-label", required_argument, nullptr, version_label},
    {"start-delay", required_argument, nullptr, start_delay},
    {"request-delay", required_argument, nullptr, request_delay},
    {"drain", required_argument, nullptr, drain},
    {"timeline", required_argument, nullptr, timeline},
    {"fail-before-ready", no_argument, nullptr, fail_before_ready},
    {"hang-before-ready", no_argument, nullptr, hang_before_ready},
    {"never-ready", no_argument, nullptr, never_ready},
    {"exit-after", required_argument, nullptr, exit_after},
    {"crash-after-ready", required_argument, nullptr, crash_after_ready},
    {"ignore-term", no_argument, nullptr, ignore_term},
    {"fork-child", no_argument, nullptr, fork_child},
    {"shutdown-listener", no_argument, nullptr, shutdown_listener},
    {"listen-backlog", required_argument, nullptr, listen_backlog},
    {"help", no_argument, nullptr, 'h'},
    {nullptr, 0, nullptr, 0},
};

[[noreturn]] void wrong_usage(const std::string& message) {
    std::fprintf(stderr, "example-web: %s; try --help\n", message.c_str());
    std::exit(2);
}

int number(const char* text) {
    const std::string_view digits = text;
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size() || value < 0)
        wrong_usage("\"" + std::string(digits) + "\" is not a number from 0");
    return value;
}

void set_misbehaviour(int option, Misbehaviour& bad) {
    switch (option) {
    case fail_before_ready:
        bad.fail_before_ready = true;
        break;
    case hang_before_ready:
        bad.hang_before_ready = true;
        break;
    case never_ready:
        bad.never_ready = true;
        break;
    case exit_after:
        bad.exit_after = Milliseconds(number(optarg));
        break;
    case crash_after_ready:
        bad.crash_after_ready = Milliseconds(number(optarg));
        break;
    case ignore_term:
        bad.ignore_term = true;
        break;
    case fork_child:
        bad.fork_child = true;
        break;
    case shutdown_listener:
        bad.shutdown_listener = true;
        break;
    case listen_backlog:
        bad.listen_backlog = number(optarg);
        break;
    default: // '?': getopt_long has printed what is wrong
        std::exit(2);
    }
}

} // namespace

Options parse_options(int count, char** arguments) {
    Options options;
    int option = 0;
    while ((option = ::getopt_long(count, arguments, "h", long_options, nullptr)) != -1) {
        switch (option) {
        case 'h':
            std::fputs(usage, stdout);
            std::exit(0);
        case listen_at:
            options.listen = optarg;
            break;
        case version_label:
            options.version_label = optarg;
            break;
        case start_delay:
            options.start_delay = Milliseconds(number(optarg));
            break;
        case request_delay:
            options.request_delay = Milliseconds(number(optarg));
            break;
        case drain:
            options.drain = Milliseconds(number(optarg));
            break;
        case timeline:
            options.timeline = optarg;
            break;
        default:
            set_misbehaviour(option, options.misbehaviour);
        }
    }
    if (optind < count)
        wrong_usage(std::string("unexpected argument \"") + arguments[optind] + "\"");
    return options;
}

} // namespace web
