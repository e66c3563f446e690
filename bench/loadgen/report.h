// The report at the end of a run.
#pragma once

#include "loadgen/generator.h"

#include <string>

namespace svc::loadgen {

/// One JSON object on one line. Times are in the unit that their key ends in; latencies are of
/// answered requests, from when each was due.
std::string report_json(const Options& options, const Generator& generator);
/// The same for a person, without the single windows.
std::string report_table(const Generator& generator);

} // namespace svc::loadgen
