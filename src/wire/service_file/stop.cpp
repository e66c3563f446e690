// [stop]
#include "wire/service_file/sections.h"

#include <algorithm>

namespace svc::wire::service_file {

void read_stop(Table& stop, rollout::StopSpec& spec) {
    read_hook(stop, "pre_stop", {.timeout = {}}, spec.pre_stop);
    read_hook(stop, "post_stop", {.timeout = std::chrono::seconds(10)}, spec.post_stop);
    if (Duration wait{}; stop.read_duration("wait_idle", wait, "\"20s\""))
        spec.wait_idle = wait;
    read_signal(stop, "signal", spec.signal, "\"SIGTERM\"");
    stop.read_duration("grace", spec.grace, "\"30s\"");
    stop.read_duration("min_stop", spec.min_stop, "\"2s\"");
    if (!stop.read_duration("grace_max", spec.grace_max, "\"10m\""))
        spec.grace_max = std::max(spec.grace_max, spec.grace);
    stop.finish();
}

} // namespace svc::wire::service_file
