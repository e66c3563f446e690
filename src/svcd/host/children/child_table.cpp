#include "svcd/host/children/child_table.h"

namespace svc::daemon {

void ChildTable::collect() {
    while (const auto ended = os::peek_ended_child()) {
        if (const auto waiter = expected_.extract(ended->pid))
            waiter.mapped()(*ended);
        os::reap(ended->pid);
    }
}

} // namespace svc::daemon
