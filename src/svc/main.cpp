#include "svc/screen/wrap.h"
#include "svc/verbs/verbs.h"

#include <cstdio>
#include <unistd.h>

namespace {

void write_to(std::FILE* stream, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

} // namespace

int main(int argc, char** argv) {
    using namespace svc::cli;
    const auto parsed = parse_arguments({argv + (argc > 0 ? 1 : 0), argv + argc});
    if (const auto* end = std::get_if<EndNow>(&parsed)) {
        write_to(end->status == 0 ? stdout : stderr, end->text);
        return end->status;
    }
    Console console;
    console.terminal = terminal_of(STDOUT_FILENO);
    console.error_color = terminal_of(STDERR_FILENO).color;
    console.measure = [] { return terminal_of(STDOUT_FILENO); };
    console.out = [](std::string_view text) { write_to(stdout, text); };
    console.err = [](std::string_view text) { // its size may have changed
        write_to(stderr, wrapped(text, terminal_of(STDERR_FILENO).width));
    };
    const int status = run(std::get<Options>(parsed), console);
    // A full disk behind a redirection must not look like success.
    if (status == exit_done && std::ferror(stdout) != 0) {
        std::perror("svc: cannot write to standard output");
        return exit_failed;
    }
    return status;
}
