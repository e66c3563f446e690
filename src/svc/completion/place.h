// Where on a command line the cursor is.
#pragma once

#include "svc/completion/typed_line.h"
#include "svc/options/syntax.h"

#include <set>
#include <string>
#include <vector>

namespace svc::cli {

struct Place {
    enum class Is {
        nowhere, ///< after a verb that is none
        verb,
        option,
        value, ///< of `option`
        word,  ///< as `means` says
        past,  ///< all words of the verb are there
        command
    };
    Is is = Is::nowhere;
    const Syntax* syntax = nullptr; ///< of the verb, or of the program before there is one
    const OptionSyntax* option = nullptr;
    Means means = Means::anything;
    std::string prefix;             ///< of the word at the cursor: "--preset="
    std::set<std::string> given;    ///< options, by the first of their names
    std::vector<std::string> words; ///< that are given, the verb not among them
    std::string service;            ///< that is named; empty: none is
    std::string runtime_dir;
};

/// `syntax` must outlive it.
Place find_place(const TypedLine& line, const Syntax& syntax);

} // namespace svc::cli
