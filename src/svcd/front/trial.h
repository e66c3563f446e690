// What is different in a trial (svc try): a service that one person runs in a terminal, for as long as they look.
#pragma once

#include "base/result.h"
#include "rollout/spec.h"
#include "svcd/settings.h"

#include <string>
#include <vector>

namespace svc::daemon {

/// Changes what a service file says so that it can be tried, at each load of it: both outputs of a worker pass
/// through us to stderr, each line after its worker's name ("r7-0 | "), whatever [log] says; listeners are where the
/// command line wants them, and metrics nowhere; without root, nobody becomes another user. What cannot be done is a sentence each.
std::vector<std::string> adapt_to_trial(rollout::Spec& spec, const Trial& trial);

/// Whether `directory` is one that we may remove with all that will be in it: ours, nobody else can write to it, and
/// its name begins with "svc-try-".
Result<void> check_trial_directory(const std::string& directory);
/// All of it. Of a supervisor that ends; whoever started it may have been killed, and does it no more.
void remove_trial_directory(const Trial& trial);

} // namespace svc::daemon
