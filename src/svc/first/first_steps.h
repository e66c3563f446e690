// From what is here to the service file that suits it.
#pragma once

#include "base/result.h"
#include "svc/draw/first_file.h"
#include "svc/first/surroundings.h"

#include <string>
#include <vector>

namespace svc::cli {

struct FirstWish {
    std::string name;                 ///< empty: of the program, or of the directory
    std::string preset;               ///< empty: what suits
    std::vector<std::string> command; ///< empty: what is found
};

/// An error if the preset does not exist. A wish for which nothing is found gets a file all the same, which says what
/// is missing.
Result<FirstFile> suit(const Surroundings& here, const FirstWish& wish);

/// The addresses that a server's own configuration listens on, as a [[listener]] has them.
std::vector<FirstFile::Listener> listeners_in(const std::string& preset, const std::string& text);

} // namespace svc::cli
