// What could be served: an application in a directory, a server's configuration.
#pragma once

#include "svc/first/surroundings.h"

#include <optional>
#include <string>
#include <vector>

namespace svc::cli {

/// What the servers of a family run: an application of one kind, or a configuration of their own.
enum class Family { wsgi, asgi, node, rack, psgi, mojolicious, configuration, none };
Family family_of(const std::string& preset);

struct Application {
    std::string preset; ///< of the server that suits it; empty: it is a server itself
    /// What that server is told to run: "shop.wsgi:application", "server.js", "config.ru", "/srv/nginx.conf".
    std::string target;
    std::string file;  ///< that the server reads first, as it was found; empty: not known
    std::string found; ///< a sentence: what was found, and where
    std::vector<std::string> notes;   ///< sentences about the command
    std::vector<std::string> command; ///< as it stands; empty: the server's, with the target
};

/// For a server that is chosen already: what it could run here.
std::optional<Application> find_application(const Surroundings& here, const std::string& preset);
/// The first of all kinds that is here: what a Procfile says, Python, Node, Ruby, Perl, a configuration, a program.
std::optional<Application> find_application(const Surroundings& here);
/// What is here and could not be served as it is: "a Go module that is not built yet: …"; empty: nothing.
std::string unfinished(const Surroundings& here);

/// The words of a line as a shell has them, quotes taken away; nothing if it needs a shell.
std::optional<std::vector<std::string>> words_of(std::string_view line);

} // namespace svc::cli
