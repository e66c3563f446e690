// What of a service file depends on the machine that is asked: it may be checked on another one than it is for.
#pragma once

#include "wire/guarantee.h"

#include <string>
#include <vector>

namespace svc::cli {

/// Something that is wrong here, and no mistake of the file.
struct Note {
    std::string key;     ///< of the service file
    std::string message; ///< what is wrong, and what to do
};

/// What is not there, what no kernel enforces here, and, if root asks, what the service's user cannot reach.
std::vector<Note> notes_on_this_machine(const rollout::Spec& spec);

/// The revision that the file would be here, as the loader (svcd) makes it; without an executable, if the program is
/// not on this machine.
rollout::Revision revision_on_this_machine(const rollout::Spec& spec);

} // namespace svc::cli
