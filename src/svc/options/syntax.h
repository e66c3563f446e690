// What may stand where on a command line, as a value: for completion.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace svc::cli {

/// What a word of the command line stands for.
enum class Means {
    anything, ///< nobody can know it: a time, a cause
    service,
    service_file, ///< the path of one, or a service's name
    revision,
    revision_or_service,
    replica,
    replicas, ///< how many
    preset,
    file,
    directory,
    choice, ///< of OptionSyntax::choices
};

struct OptionSyntax {
    std::vector<std::string> names; ///< "--lines", "-n": the long ones first
    std::string summary;
    std::optional<Means> value; ///< none: it takes none
    std::vector<std::string> choices;
    bool repeats = false;
};

struct WordSyntax {
    Means means = Means::anything;
    unsigned most = 1;
};

/// A program, or a verb of one.
struct Syntax {
    std::string name;
    std::string summary;
    std::vector<OptionSyntax> options;
    std::vector<WordSyntax> words; ///< in their order
    bool takes_command = false;    ///< after "--"
    std::vector<Syntax> verbs;     ///< one of them is its first word
};

/// Of svc, out of the table of verbs and options that it parses with.
Syntax syntax_of_svc();

} // namespace svc::cli
