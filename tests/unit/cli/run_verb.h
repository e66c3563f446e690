// svc as a function: what it says, and its exit status.
#pragma once

#include "../patience.h"
#include "fake_supervisor.h"
#include "svc/verbs/verbs.h"
#include "wire/control.h"

namespace svc::cli::testing {

struct Ran {
    int status = 0;
    std::string out;
    std::string err;
};

/// How long a test waits for nobody to come; where somebody does, he has more time.
inline constexpr Patience short_patience{std::chrono::milliseconds(200),
                                         std::chrono::milliseconds(200)};
inline constexpr Patience long_patience{test::patience, test::patience};

inline Ran run_verb(const Options& options, const Patience& patience = short_patience) {
    Ran ran;
    Console console;
    console.patience = patience;
    console.at_a_key = patience.first;
    console.out = [&](std::string_view text) { ran.out += text; };
    console.err = [&](std::string_view text) { ran.err += text; };
    ran.status = run(options, console);
    return ran;
}

inline Options verb(Verb verb, const TemporaryDirectory& directory, std::string name = "web") {
    return {.verb = verb, .name = std::move(name), .runtime_dir = directory.path()};
}

inline wire::Progress progress(std::string text, std::string verdict = {}) {
    return {.state = verdict.empty() ? "progressing" : "done",
            .revision = 7,
            .text = std::move(text),
            .updated = 1,
            .replicas = 4,
            .verdict = std::move(verdict)};
}

inline bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace svc::cli::testing
