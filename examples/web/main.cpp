// example-web: how a worker is written. Read main() first, then server.h.
#include "listeners.h"
#include "options.h"
#include "server.h"
#include "worker.h"

#include <csignal>
#include <cstdlib>
#include <thread>
#include <unistd.h>

namespace {

void fork_child() {
    if (::fork() != 0)
        return;
    for (;;)
        ::pause();
}

void wait_for_ever() {
    for (;;)
        ::pause();
}

} // namespace

int main(int count, char** arguments) {
    const web::Options options = web::parse_options(count, arguments);
    const web::Timeline timeline(options.timeline);
    timeline.record("main");
    web::Supervisor supervisor;

    // 1. Take the sockets. They listen already: clients that connect now are queued, not refused.
    std::vector<web::Listener> listeners = web::inherited_listeners();
    if (listeners.empty() && !options.listen.empty())
        listeners.push_back(web::open_listener(options.listen));
    if (listeners.empty())
        web::fail("no listening socket: start me under a supervisor, or with --listen PORT");

    // 2. Everything that can fail: read the configuration, warm the caches, reach the database. Until
    //    READY=1 the old version serves, so take the time it takes; on an error, say why and exit.
    std::this_thread::sleep_for(options.start_delay);
    if (options.misbehaviour.fork_child)
        fork_child();
    if (options.misbehaviour.fail_before_ready)
        web::fail("cannot read the configuration (asked for by --fail-before-ready)");
    if (options.misbehaviour.hang_before_ready)
        wait_for_ever();

    // 3. Say READY=1 and serve. On SIGTERM: stop accepting, finish what was begun, return.
    web::Server server(options, std::move(listeners), supervisor, timeline);
    server.run();
    timeline.record("exit");
    return EXIT_SUCCESS;
}
