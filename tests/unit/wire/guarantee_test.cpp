#include "wire/guarantee.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::wire;
using rollout::ExecutableKind;

namespace {

rollout::Revision revision(ExecutableKind kind, const std::string& executable) {
    rollout::Revision made;
    made.executable = executable;
    made.executable_kind = kind;
    return made;
}

} // namespace

TEST_CASE("what lies in a resolved release directory is an immutable release") {
    auto made = revision(ExecutableKind::script, "/srv/releases/7/bin/web");
    made.release = "/srv/releases/7";
    CHECK(guarantee_of(made).kind == GuaranteeKind::immutable_release);
    made.executable = "/usr/bin/python3";
    made.program_identity.path = "/srv/releases/7/app.py";
    CHECK(guarantee_of(made).kind == GuaranteeKind::immutable_release);
    made.program_identity.path = "/srv/releases/70/app.py";
    CHECK(guarantee_of(made).kind == GuaranteeKind::none);
}

TEST_CASE(
    "an ELF file alone is a single executable, a script or an interpreter's program nothing") {
    auto made = revision(ExecutableKind::elf, "/usr/bin/web");
    CHECK(guarantee_of(made).kind == GuaranteeKind::single_executable);
    CHECK(describe(guarantee_of(made)).starts_with("single executable: /usr/bin/web is held open"));
    made.spec.process.keep_executable = rollout::KeepExecutable::copy;
    CHECK(describe(guarantee_of(made)).find("kept as a copy") != std::string::npos);
    made.program_identity.path = "/srv/app.py";
    CHECK(describe(guarantee_of(made)).starts_with("none: /srv/app.py is run by an interpreter"));
    CHECK(guarantee_of(revision(ExecutableKind::script, "/usr/bin/web")).kind ==
          GuaranteeKind::none);
    CHECK(guarantee_of(revision(ExecutableKind::unknown, "/usr/bin/web")).kind ==
          GuaranteeKind::none);
}
