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

/// "tried every 1s for at most 1s".
std::string tries(const ProbeSpec& probe) {
    return "tried every " + format_duration(probe.interval) + ", for at most " +
           format_duration(probe.timeout) +
           (probe.initial_delay == Duration::zero()
                ? ""
                : ", first after " + format_duration(probe.initial_delay));
}

/// What is asked, and from when on that is success or failure.
std::string passing(const ProbeSpec& probe) {
    return in_a_row(probe.success_threshold) + ": " + asked(probe) + " (" + tries(probe) +
           (probe.failure_threshold == 0
                ? ""
                : "; after " + std::to_string(probe.failure_threshold) +
                      (probe.failure_threshold == 1 ? " failure" : " failures in a row") +
                      " the worker has failed") +
           ')';
}

std::string ready_when(const rollout::ReadySpec& ready) {
    const std::string in_time = ". One that is not within " + format_duration(ready.timeout) +
                                " (ready.timeout) has failed.";
    switch (ready.on) {
    case rollout::ReadyOn::notify:
        return "A new worker is ready when it sends READY=1 (sd_notify)" + in_time;
    case rollout::ReadyOn::fd:
        return "A new worker is ready when it writes a newline to " +
               (ready.fd ? "file descriptor " + std::to_string(*ready.fd)
                         : std::string("the file descriptor that SVC_READY_FD says")) +
               in_time;
    case rollout::ReadyOn::probe:
        return "A new worker is ready when this succeeds" +
               (ready.probe ? passing(*ready.probe) : std::string()) + in_time;
    case rollout::ReadyOn::accepting:
        return "A new worker is ready when one of its processes waits for connections on every "
               "listener" +
               in_time;
    case rollout::ReadyOn::ipc:
        return "A new worker is ready when it calls process.send('ready')" + in_time;
    case rollout::ReadyOn::started:
        return ready.delay == Duration::zero()
                   ? "A new worker counts as ready as soon as its program was started."
                   : "A new worker counts as ready if it still runs " +
                         format_duration(ready.delay) + " after its start.";
    }
    fatal("ready_when: no such readiness");
}

std::string available_when(const Spec& spec) {
    return spec.rollout.min_ready == Duration::zero()
               ? "Then it counts as available at once (rollout.min_ready), even if it is to crash "
                 "a moment later."
               : "It counts as available once it has been ready for " +
                     format_duration(spec.rollout.min_ready) + " (rollout.min_ready).";
}

std::string broken_when(const rollout::LiveSpec& live) {
    std::string text;
    if (live.watchdog)
        text += "has not sent WATCHDOG=1 for " + format_duration(*live.watchdog);
    if (live.watchdog && live.probe)
        text += ", or ";
    if (live.probe)
        text += "fails at this" + in_a_row(live.probe->failure_threshold) + ": " +
                asked(*live.probe) + " (" + tries(*live.probe) + ')';
    if (text.empty())
        return text;
    return "A ready worker is broken when it " + text +
           ". Then it has to go, and another one is started.";
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
    return "A healthy worker is replaced by a new one of its revision when " + text + '.';
}

} // namespace

Paragraph explain_readiness(const Spec& spec) {
    Paragraph paragraph{"ready", {}};
    auto& lines = paragraph.lines;
    if (spec.ready.startup)
        lines.push_back("Nothing else counts before this succeeds" + passing(*spec.ready.startup) +
                        '.');
    lines.push_back(ready_when(spec.ready));
    if (spec.ready.post_ready)
        lines.push_back("Then: " + hook_in_words(*spec.ready.post_ready) +
                        if_it_fails(*spec.ready.post_ready, "the worker has failed") + '.');
    lines.push_back(available_when(spec));
    return paragraph;
}

Paragraph explain_watching(const Spec& spec) {
    Paragraph paragraph{"watched", {}};
    for (std::string text : {broken_when(spec.live), worn_when(spec.recycle)})
        if (!text.empty())
            paragraph.lines.push_back(std::move(text));
    return paragraph;
}

} // namespace svc::wire::service_file
