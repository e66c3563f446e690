// Parts of application.cpp: what is looked for in files of one kind.
#pragma once

#include "svc/first/application.h"

#include <initializer_list>

namespace svc::cli {

/// One of the files has the text in it.
bool mentions(const Surroundings& here, std::initializer_list<const char*> files,
              std::string_view word);

/// An application of Python: an object that a server calls, or a function that makes one.
std::optional<Application> find_python(const Surroundings& here, Family family);
/// Of both kinds: Django has files for either.
std::optional<Application> find_python(const Surroundings& here);

/// "web: bundle exec puma -C config/puma.rb"
std::optional<Application> find_procfile(const Surroundings& here);

} // namespace svc::cli
