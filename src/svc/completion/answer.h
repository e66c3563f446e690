// Candidates as the shells' scripts (completions/) read them.
#pragma once

#include "svc/completion/complete.h"

namespace svc::cli {

/// Who asks, and how he shows what he is told.
struct Asker {
    Shell shell = Shell::bash;
    // Of bash alone, which does less by itself:
    std::string
        replaced; ///< the part of the word at the cursor in whose place a candidate comes (its $2)
    bool lists = true;       ///< several candidates are shown, and not put in one after the other
    std::size_t columns = 0; ///< of the terminal; 0: not known
    std::size_t lines = 0;   ///< likewise
};

/// "BY_SHELL TITLE", then a line for each candidate: "WORD<TAB>DESCRIPTION", or for bash what it is to show and to put
/// in. BY_SHELL is "words" (nothing), "files", "service-files", "directories", "command".
std::string write_answer(const Candidates& candidates, const TypedLine& line, const Asker& asker);

} // namespace svc::cli
