// init: a service file to begin with.
#include "svc/verbs/verbs.h"

namespace svc::cli {

int init_service(const Options&, const Console& console) {
    return fail(Error{"not there yet"}, console);
}

} // namespace svc::cli
