#include "svc/verbs/trial_end.h"

#include "svc/screen/interrupts.h"
#include "svc/verbs/trial_process.h"

#include <csignal>

namespace svc::cli {

int tell_end(const TrialPlan& plan, const TrialEnd& end, const Console& console) {
    const std::string name = "svc: " + plan.name;
    if (end.phase == TrialPhase::killing) {
        console.err(name + ": killed\n");
        return Interrupts::exit_status(end.signal == 0 ? SIGINT : end.signal);
    }
    if (end.phase == TrialPhase::booting && end.status != 0) {
        // The last line says why, whatever was printed after that.
        console.err(name + " did not start" + (end.status < 0 ? ": svcd was killed" : "") +
                    (end.last_error.empty() ? "" : ": " + end.last_error) + '\n');
        console.err(plan.remedy(end.last_error));
        return end.status == exit_service_file ? exit_service_file : exit_failed;
    }
    if (end.status != 0) {
        console.err(name + ": its supervisor ended" +
                    (end.status < 0 ? " by a signal; what it left was ended, too"
                                    : " with status " + std::to_string(end.status)) +
                    '\n');
        return exit_failed;
    }
    console.out(plan.name + ": stopped, nothing is left of it\n");
    return exit_done;
}

void end_what_is_left(const TrialPlan& plan) {
    const auto reaper =
        TrialProcess::start(plan.svcd, {"svcd", "--reap", plan.name, "--runtime-dir",
                                        plan.directory.path(), "--cgroup", "off"});
    if (reaper)
        static_cast<void>(reaper->end());
}

} // namespace svc::cli
