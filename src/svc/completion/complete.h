// What may stand at the cursor of a command line. Pure: what there is, somebody else knows.
#pragma once

#include "svc/completion/typed_line.h"
#include "svc/draw/overview.h"
#include "svc/options/syntax.h"
#include "wire/control.h"

#include <string>
#include <vector>

namespace svc::cli {

/// What the shell is to do besides: it completes paths and commands better than anybody who answers it.
enum class ByShell { nothing, files, service_files, directories, command };

struct Candidate {
    std::string word;        ///< whole: "--preset=nginx" where "--preset=ng" stands
    std::string description; ///< a line, perhaps empty
};
struct Candidates {
    std::string title; ///< what they are, for a shell that shows it: "service"
    std::vector<Candidate> list;
    ByShell by_shell = ByShell::nothing;
};

/// What is asked for where it is needed. Each answer may be of what could be learned in time.
class Knowledge {
public:
    virtual ~Knowledge() = default;
    /// Those that `svc --runtime-dir DIR status` finds (empty: where it looks without that).
    virtual std::vector<Seen> services(const std::string& runtime_dir) = 0;
    virtual std::vector<wire::RevisionSummary> revisions(const std::string& runtime_dir,
                                                         const std::string& service) = 0;
    /// The names of those that have a service file in the usual place.
    virtual std::vector<std::string> service_files() = 0;
    /// With what each is for.
    virtual std::vector<Candidate> presets() = 0;
    virtual WallTime now() = 0;
};

/// All that could stand there, whatever its beginning, which shells match in their own ways.
Candidates complete(const TypedLine& line, Knowledge& knowledge);

} // namespace svc::cli
