// [limits], as the kernel has them: files of a control group (cgroup-v2.rst). Pure.
#pragma once

#include "rollout/spec.h"

#include <string>
#include <vector>

namespace svc::wire {

/// What is written into which file of a worker's group.
struct LimitFile {
    std::string key; ///< of [limits]
    std::string controller;
    std::string file;
    std::string text;
    bool operator==(const LimitFile&) const = default;
};
std::vector<LimitFile> limit_files(const rollout::LimitsSpec& limits);

} // namespace svc::wire
