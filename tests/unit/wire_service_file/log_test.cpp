// [log]: where the output of workers goes.
#include "helpers.h"

using namespace svc;
using namespace svc::rollout;
using namespace svc::wire;
using namespace svc::wire::test;

namespace {

LogSpec read(const std::string& lines) {
    return spec_of(minimal + "[log]\n" + lines).log;
}

} // namespace

TEST_CASE("where nothing is said, output goes where the supervisor's does") {
    CHECK(spec_of(minimal).log == LogSpec{});
    CHECK(spec_of(minimal).log.output == LogOutput::automatic);
}

TEST_CASE("every place can be named") {
    CHECK(read("output = \"journal\"\n").output == LogOutput::journal);
    CHECK(read("output = \"inherit\"\n").output == LogOutput::inherit);
    CHECK(read("output = \"capture\"\n").output == LogOutput::capture);
    CHECK(read("output = \"prefix\"\n").output == LogOutput::prefix);
    const LogSpec file = read("output = \"file\"\nfile = \"/var/log/web.log\"\nmode = \"0600\"\n");
    CHECK(file == LogSpec{LogOutput::file, "/var/log/web.log", 0600});
}

TEST_CASE("a file and output = file belong together") {
    check_marked(minimal + "[log]\noutput = ^\"file\"\n", "log.output", "which file?");
    check_marked(minimal + "[log]\nfile = ^\"/var/log/web.log\"\n", "log.file",
                 "nothing is written to a file");
    check_marked(minimal + "[log]\noutput = \"file\"\nfile = ^\"web.log\"\n", "log.file",
                 "not an absolute path");
    check_marked(minimal + "[log]\nmode = ^\"0600\"\n", "log.mode", "there is no file");
    check_marked(minimal + "[log]\noutput = \"file\"\nfile = \"/web.log\"\nmode = ^\"0999\"\n",
                 "log.mode", "is not an octal mode");
}

TEST_CASE("stderr = inherit beside another place is a mistake") {
    check_marked(minimal + "stderr = \"inherit\"\n[log]\noutput = ^\"journal\"\n", "log.output",
                 "leave stderr out");
    CHECK(mistakes_of(minimal + "stderr = \"inherit\"\n[log]\noutput = \"inherit\"\n").empty());
}

TEST_CASE("another word is told what would be right") {
    check_marked(minimal + "[log]\noutput = ^\"jurnal\"\n", "log.output", "\"journal\"");
}
