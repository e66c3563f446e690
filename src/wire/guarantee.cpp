#include "wire/guarantee.h"

#include "base/text.h"

namespace svc::wire {

namespace {

bool lies_in(const std::string& path, const std::string& directory) {
    return !directory.empty() && path.starts_with(directory + "/");
}

} // namespace

Guarantee guarantee_of(const rollout::Revision& revision) {
    using rollout::ExecutableKind;
    const std::string executable = printable(revision.executable, 200);
    const std::string program = printable(revision.program_identity.path, 200);
    if (lies_in(revision.executable, revision.release) ||
        lies_in(revision.program_identity.path, revision.release))
        return {GuaranteeKind::immutable_release,
                "a worker that dies is started again from " + printable(revision.release, 200) +
                    ", for as long as nobody changes or removes what is in it"};
    if (!program.empty())
        return {GuaranteeKind::none, program + " is run by an interpreter: once it changed, a "
                                               "worker that dies stays down until the next reload; "
                                               "a release directory would prevent it"};
    switch (revision.executable_kind) {
    case ExecutableKind::elf: {
        const bool copied = revision.spec.process.keep_executable == rollout::KeepExecutable::copy;
        return {
            GuaranteeKind::single_executable,
            executable +
                (copied ? " is kept as a copy with its revision"
                        : " is held open, so that another file under its name makes no "
                          "difference; overwritten in place, a worker that dies stays down") +
                "; shared libraries and other files are taken as they are then, in an undo too"};
    }
    case ExecutableKind::script:
        return {GuaranteeKind::none, executable + " is a script: once it changed, a worker that "
                                                  "dies stays down until the next reload; a "
                                                  "release directory would prevent it"};
    case ExecutableKind::unknown:
        return {GuaranteeKind::none, executable + " cannot be read by the supervisor: once it "
                                                  "changed, a worker that dies stays down until "
                                                  "the next reload"};
    }
    fatal("guarantee_of(): no such kind of executable");
}

std::string describe(GuaranteeKind kind) {
    switch (kind) {
    case GuaranteeKind::immutable_release:
        return "immutable release";
    case GuaranteeKind::single_executable:
        return "single executable";
    case GuaranteeKind::none:
        return "none";
    }
    fatal("describe(): no such guarantee");
}

std::string describe(const Guarantee& guarantee) {
    return describe(guarantee.kind) + ": " + guarantee.why;
}

} // namespace svc::wire
