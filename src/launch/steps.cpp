#include "launch/launch.h"

namespace svc::launch {

namespace {

using wire::LaunchStep;

// Why this order. The group first: from then on one signal reaches the worker and all that it
// forks, and so does one write to its cgroup, whose limits count from then on. What needs privileges comes before the credentials (raising a hard limit, a lower nice or
// oom_score_adj); what is to be done as the worker's user comes after them, as systemd does: a
// directory that this user cannot enter must fail here, and on a file system where root has no
// special rights (NFS) must not. Limits that would bind the launcher itself come late. Signals are
// last, because until then a signal that the supervisor had blocked or ignored stays so.
constexpr Step all_steps[] = {
    {LaunchStep::process_group, enter_process_group},
    {LaunchStep::cgroup, enter_cgroup},
    {LaunchStep::limits, raise_limits},
    {LaunchStep::nice, set_nice},
    {LaunchStep::oom_score, set_oom_score},
    {LaunchStep::umask, set_umask},
    {LaunchStep::credentials, set_credentials},
    {LaunchStep::directory, enter_directory},
    {LaunchStep::stdio, connect_stdio},
    {LaunchStep::environment, prepare_environment},
    {LaunchStep::limits, lower_limits},
    {LaunchStep::environment, reset_signals},
};

} // namespace

std::span<const Step> steps() {
    return all_steps;
}

} // namespace svc::launch
