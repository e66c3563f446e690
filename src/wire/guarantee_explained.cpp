// What is kept of a revision, in plain sentences: what a crash and an undo start. As choose_executable() and the
// Reviver (svcd) do it; svcd(8) says the same at length.
#include "base/text.h"
#include "wire/guarantee.h"

namespace svc::wire {

namespace {

using rollout::ExecutableKind;
using rollout::Revision;

constexpr std::string_view as_on_disk = " is taken as it is on disk then.";
constexpr std::string_view directories =
    "For a way back to old code, put each version into a directory of its own, and name that as "
    "release (svc.toml(5)).";

std::string shown(const std::string& path) {
    return printable(path, 200);
}

bool lies_in(const std::string& path, const std::string& directory) {
    return !directory.empty() && path.starts_with(directory + "/");
}

std::string restarting(const rollout::RestartSpec& restart) {
    const std::string backoff = " is started again after " + format_duration(restart.backoff_min) +
                                ", then after twice as long each time, at most " +
                                format_duration(restart.backoff_max) + " (restart.backoff).";
    switch (restart.policy) {
    case rollout::RestartPolicy::always:
        return "A worker that ends by itself" + backoff;
    case rollout::RestartPolicy::on_failure:
        return "A worker that fails by itself" + backoff +
               " One that ends by itself with exit status 0 stays down.";
    case rollout::RestartPolicy::never:
        return "A worker that ends by itself stays down (restart.policy).";
    }
    fatal("restarting: no such policy");
}

std::string started_from(const Revision& made) {
    const bool of_interpreter = !made.program_identity.path.empty();
    const std::string program =
        shown(of_interpreter ? made.program_identity.path : made.executable);
    const Guarantee guarantee = guarantee_of(made);
    const std::string name = " (guarantee: " + describe(guarantee.kind) + "): ";
    switch (guarantee.kind) {
    case GuaranteeKind::immutable_release:
        return name + "the program comes from the release directory of its revision.";
    case GuaranteeKind::single_executable:
        return name + "another file in the place of " + program + " makes no difference" +
               (made.spec.process.keep_executable == rollout::KeepExecutable::copy
                    ? "."
                    : "; if somebody wrote into the file itself, the worker stays down until the "
                      "next reload.");
    case GuaranteeKind::none:
        return name + "if " + program + " changed, the worker stays down until the next reload.";
    }
    fatal("started_from: no such guarantee");
}

Paragraph crash(const Revision& made) {
    return {
        "crash",
        {restarting(made.spec.restart),
         "No worker is started from a file that changed since its revision was made" +
             (made.executable.empty()
                  ? "; which guarantee there is for that cannot be told here, because the program "
                    "is not on this machine."
                  : started_from(made))}};
}

/// The program, where it is not in a release directory.
void program_alone(const Revision& made, std::vector<std::string>& lines) {
    const std::string executable = shown(made.executable);
    const std::string refused = " if it changed since then, the undo is refused.";
    if (!made.program_identity.path.empty()) {
        lines.push_back("Nothing is kept of " + shown(made.program_identity.path) +
                        ", which an interpreter runs:" + refused +
                        " What it loads (modules, the application's other files)" +
                        std::string(as_on_disk));
        return;
    }
    switch (made.executable_kind) {
    case ExecutableKind::elf:
        if (made.spec.process.keep_executable == rollout::KeepExecutable::copy)
            lines.push_back("It runs the very program that ran: a copy of " + executable +
                            " is kept with each revision, also over a reboot.");
        else
            lines.push_back(
                "It runs the very program that ran: the supervisor holds " + executable +
                " open for the serving revision and the one before, whatever is put in its place "
                "meanwhile. After a reboot, for older revisions, and if somebody wrote into the "
                "file itself, that must be there unchanged, or the undo is refused; "
                "service.keep_executable = \"copy\" keeps a copy of each.");
        lines.push_back("What else it reads (shared libraries, data)" + std::string(as_on_disk));
        return;
    case ExecutableKind::script:
        lines.push_back("Nothing is kept of " + executable + ", which is a script:" + refused +
                        " What it loads (the application's code, modules)" +
                        std::string(as_on_disk));
        return;
    case ExecutableKind::unknown:
        lines.push_back("Nothing is kept of " + executable + ", which the supervisor cannot read:" +
                        refused + " What it loads" + std::string(as_on_disk));
        return;
    }
    fatal("program_alone: no such kind of executable");
}

Paragraph undo(const Revision& made) {
    Paragraph paragraph{
        "undo",
        {"`svc undo` brings back the revision that served before, or with --to N one of the last " +
         std::to_string(made.spec.rollout.history) +
         " (rollout.history): its command, settings and environment, whatever this file says by "
         "then."}};
    auto& lines = paragraph.lines;
    const std::string& link = made.spec.process.release;
    if (!link.empty())
        lines.push_back("The files come from its own release directory" +
                        (made.release.empty() ? "" : " (now " + shown(made.release) + ')') +
                        ", which must still be there: nobody may remove it or change what is in "
                        "it. The link " +
                        shown(link) + " is not turned back.");
    if (made.executable.empty())
        lines.emplace_back("What is kept of the program cannot be told here: it is not on this "
                           "machine.");
    else if (lies_in(made.executable, made.release) ||
             lies_in(made.program_identity.path, made.release))
        lines.push_back("What is outside of it (shared libraries, data)" + std::string(as_on_disk));
    else
        program_alone(made, lines);
    if (link.empty() && !made.executable.empty() && guarantee_of(made).kind == GuaranteeKind::none)
        lines.emplace_back(directories);
    if (!made.spec.process.inputs.empty())
        lines.emplace_back(
            "The files in service.inputs must be as they were, or the undo is refused; "
            "`svc undo --force` takes them as they are.");
    return paragraph;
}

} // namespace

std::vector<Paragraph> explain_kept(const Revision& made) {
    return {crash(made), undo(made)};
}

} // namespace svc::wire
