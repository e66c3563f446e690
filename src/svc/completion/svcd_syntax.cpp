#include "svc/completion/svcd_syntax.h"

namespace svc::cli {

Syntax syntax_of_svcd() {
    Syntax syntax;
    syntax.name = "svcd";
    syntax.takes_command = true;
    syntax.words = {{Means::service_file}};
    syntax.options = {
        {.names = {"--help", "-h"}, .summary = "Print all options"},
        {.names = {"--version"}, .summary = "Print the version"},
        {.names = {"--name"}, .summary = "The service's name", .value = Means::anything},
        {.names = {"--runtime-dir"},
         .summary = "Where its control socket is",
         .value = Means::directory},
        {.names = {"--state-dir"}, .summary = "Where its state is", .value = Means::directory},
        {.names = {"--control-group"},
         .summary = "Whose members may change the service, too",
         .value = Means::anything},
        {.names = {"--keeper"}, .summary = "A small parent starts svcd again if it dies"},
        {.names = {"--reap"},
         .summary = "End what is left of a service, and exit",
         .value = Means::service},
        {.names = {"--cgroup"},
         .summary = "auto, off, or the directory of a cgroup",
         .value = Means::directory},
        {.names = {"--try"}, .summary = "For svc try", .value = Means::directory},
        {.names = {"--log-level"},
         .summary = "How much is told",
         .value = Means::choice,
         .choices = {"debug", "info", "warning", "error"}},
        {.names = {"--listen"},
         .summary = "Without a service file: an address",
         .value = Means::anything,
         .repeats = true},
        {.names = {"--replicas"},
         .summary = "Without a service file: workers at a time",
         .value = Means::anything},
        {.names = {"--ready"},
         .summary = "Without a service file: when a worker is ready",
         .value = Means::choice,
         .choices = {"accepting", "notify", "started"}},
        {.names = {"--stop-signal"},
         .summary = "Without a service file: what tells a worker to go",
         .value = Means::choice,
         .choices = {"SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"}},
        {.names = {"--grace"},
         .summary = "Without a service file: how long a worker may drain",
         .value = Means::anything},
    };
    return syntax;
}

} // namespace svc::cli
