// How a trial ended, and what is left to be done then.
#pragma once

#include "svc/verbs/trial_plan.h"

namespace svc::cli {

/// As `svc try` goes through them (try.cpp).
enum class TrialPhase { booting, serving, draining, killing };

struct TrialEnd {
    TrialPhase phase; ///< in which svcd ended
    int status;       ///< its exit status; -1: a signal ended it
    int signal;       ///< that ended the trial; 0: none
    std::string last_error;
};
/// Says it; the exit status.
int tell_end(const TrialPlan& plan, const TrialEnd& end, const Console& console);

/// The workers outlive a supervisor that is killed, as they should where another one comes.
void end_what_is_left(const TrialPlan& plan);

} // namespace svc::cli
