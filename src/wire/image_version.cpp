// Alone in its file, so that a program of another version (a test's) differs in nothing else.
#include "wire/image.h"

namespace svc::wire {

const ImageVersion image_version{.version = SVC_STATE_VERSION, .readable_by = 1};

} // namespace svc::wire
