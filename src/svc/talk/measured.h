// The metrics of many services at once.
#pragma once

#include "svc/talk/services.h"
#include "wire/metrics.h"

#include <vector>

namespace svc::cli {

struct Measured {
    Service service;
    Result<std::vector<wire::MetricFamily>>
        families; ///< an error: why there are none, and what to do
};
/// Asks all of them, and then waits for all: one that is dead is told at once, and those that hang take `patience`
/// together. In the order of `services`.
std::vector<Measured> measure(const std::vector<Service>& services, Duration patience);

} // namespace svc::cli
