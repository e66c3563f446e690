// [ready], [live] and [recycle] in plain sentences.
#include "wire/service_file/explain.h"

#include "base/overloaded.h"
#include "base/text.h"

namespace svc::wire::service_file {

namespace {

using rollout::ProbeSpec;
using rollout::Spec;

std::string asked(const ProbeSpec& probe) {
    return std::visit(Overloaded{[](const rollout::ExecHook& exec) {
                                     return "run: " + command_line(exec.command);
                                 },
                                 [](const rollout::HttpProbe& http) {
                                     return http.listener.empty()
                                                ? "GET " + printable(http.url, 200)
                                                : "GET " + printable(http.url, 200) +
                                                      " at its own socket of listener " +
                                                      http.listener;
                                 },
                                 [](const rollout::TcpProbe& tcp) {
                                     return "connect to " + printable(tcp.address, 200);
                                 }},
                      probe.what);
}

std::string in_a_row(std::uint32_t times) {
    return times == 1 ? "" : ' ' + std::to_string(times) + " times in a row";
}

/// "(tried every 1s for at most 1s)".
std::string tries(const ProbeSpec& probe) {
    return "(tried every " + format_duration(probe.interval) + " for at most " +
           format_duration(probe.timeout) +
           (probe.initial_delay == Duration::zero()
                ? ""
                : ", first after " + format_duration(probe.initial_delay)) +
           ')';
}

std::string passing(const ProbeSpec& probe) {
    return in_a_row(probe.success_threshold) + ' ' + tries(probe) + ": " + asked(probe) +
           (probe.failure_threshold == 0
                ? ""
                : "; it has failed if that fails" + in_a_row(probe.failure_threshold));
}

std::string ready_when(const rollout::ReadySpec& ready) {
    const std::string in_time =
        ", and has failed if it did not within " + format_duration(ready.timeout);
    switch (ready.on) {
    case rollout::ReadyOn::notify:
        return "A worker is ready when it sends READY=1" + in_time;
    case rollout::ReadyOn::fd:
        return "A worker is ready when it writes a newline to " +
               (ready.fd ? "file descriptor " + std::to_string(*ready.fd)
                         : std::string("the file descriptor that SVC_READY_FD says")) +
               in_time;
    case rollout::ReadyOn::probe:
        return "A worker is ready when this succeeds" +
               (ready.probe ? passing(*ready.probe) : std::string()) +
               ", and has failed if that was not so within " + format_duration(ready.timeout);
    case rollout::ReadyOn::accepting:
        return "A worker is ready when one of its processes waits for connections on every "
               "listener" +
               in_time;
    case rollout::ReadyOn::ipc:
        return "A worker is ready when it calls process.send('ready')" + in_time;
    case rollout::ReadyOn::started:
        return ready.delay == Duration::zero()
                   ? "A worker counts as ready as soon as it was started"
                   : "A worker counts as ready if it still runs " + format_duration(ready.delay) +
                         " after its start";
    }
    fatal("ready_when: no such readiness");
}

std::string available_when(const Spec& spec) {
    return spec.rollout.min_ready == Duration::zero()
               ? "at once, so a version that crashes a moment later may have replaced the old one "
                 "by then (rollout.min_ready)"
               : "once it has been ready for " + format_duration(spec.rollout.min_ready);
}

std::string broken_when(const rollout::LiveSpec& live) {
    std::string text;
    if (live.watchdog)
        text += "did not send WATCHDOG=1 for " + format_duration(*live.watchdog);
    if (live.watchdog && live.probe)
        text += ", or ";
    if (live.probe)
        text += "fails at this" + in_a_row(live.probe->failure_threshold) + ' ' +
                tries(*live.probe) + ": " + asked(*live.probe);
    if (text.empty())
        return text;
    return "\nA ready worker counts as broken when it " + text +
           ". It is drained, and another one is started.";
}

std::string worn_when(const rollout::RecycleSpec& recycle) {
    std::string text;
    if (recycle.max_age)
        text += "it has been available for " + format_duration(*recycle.max_age) +
                " (some earlier, by up to a fifth, so that not all go at a time)";
    if (recycle.max_age && recycle.max_memory)
        text += ", or ";
    if (recycle.max_memory)
        text += "it uses more than " + format_size(*recycle.max_memory) +
                " of memory of its own, looked at every " + format_duration(recycle.interval);
    if (text.empty())
        return text;
    return "\nA worker is replaced by a new one of its revision when " + text + '.';
}

} // namespace

std::string explain_health(const Spec& spec) {
    std::string text;
    if (spec.ready.startup)
        text += "Nothing else counts before this succeeds" + passing(*spec.ready.startup) + ".\n";
    text += ready_when(spec.ready);
    if (spec.ready.post_ready)
        text += ".\nThen: " + hook_in_words(*spec.ready.post_ready) +
                if_it_fails(*spec.ready.post_ready, "the worker has failed");
    text += "; it is available " + available_when(spec) + '.';
    return text + broken_when(spec.live) + worn_when(spec.recycle);
}

} // namespace svc::wire::service_file
