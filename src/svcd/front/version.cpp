#include "svcd/front/version.h"

namespace svc::daemon {

const std::string_view program_version = SVC_VERSION;

} // namespace svc::daemon
