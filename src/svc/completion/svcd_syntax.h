// What may stand on the command line of svcd.
#pragma once

#include "svc/options/syntax.h"

namespace svc::cli {

/// A copy, since svc knows nothing of the supervisor's sources: tests/tidy/completions.py holds it against
/// `svcd --help`.
Syntax syntax_of_svcd();

} // namespace svc::cli
