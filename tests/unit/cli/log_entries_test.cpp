#include "svc/lines/log_entries.h"

#include <doctest/doctest.h>

using namespace svc;
using namespace svc::cli;

namespace {

LogEntry read(const std::string& fields) {
    auto entry = read_log_entry("{" + fields + "}", "web");
    REQUIRE(entry);
    return *entry;
}

} // namespace

TEST_CASE("a worker's stream tells revision and replica by its name") {
    const auto entry = read(R"("SYSLOG_IDENTIFIER":"web.r7.12","MESSAGE":"hello","__CURSOR":"c",)"
                            R"("__REALTIME_TIMESTAMP":"1700000000123456","PRIORITY":"3")");
    CHECK(entry.of_service);
    CHECK(entry.who == "r7-12");
    CHECK(entry.revision == 7);
    CHECK(entry.replica == 12);
    CHECK(entry.text == "hello");
    CHECK(entry.cursor == "c");
    CHECK(entry.priority == 3);
}

TEST_CASE("another service's stream is not taken for this one's") {
    for (const char* other : {"web2.r7.1", "web.r7", "web.r7.", "web.r.1", "web.rx.1", "web.r7.1x",
                              "my.web.r7.1", "web.r99999999999999999999.1"})
        CHECK(!parse_stream_name(other, "web"));
    CHECK(parse_stream_name("my.web.r7.1", "my.web")->revision == 7);
}

TEST_CASE("the supervisor's lines are known by their field, and what else is in its unit by that") {
    CHECK(read(R"("SVC_SERVICE":"web","SYSLOG_IDENTIFIER":"svcd")").of_service);
    CHECK(read(R"("_SYSTEMD_UNIT":"svcd@web.service","SYSLOG_IDENTIFIER":"hook")").of_service);
    CHECK(read(R"("_SYSTEMD_UNIT":"user@0.service","_SYSTEMD_USER_UNIT":"svcd@web.service")")
              .of_service);
    CHECK(!read(R"("SVC_SERVICE":"web2")").of_service);
    CHECK(!read(R"("MESSAGE":"hello")").of_service);
}

TEST_CASE("a filter passes what is of its revision and replica only") {
    const auto worker = read(R"("SYSLOG_IDENTIFIER":"web.r7.2")");
    const auto ours = read(R"("SVC_SERVICE":"web","SVC_REVISION":"7")");
    CHECK(is_wanted(worker, {}));
    CHECK(is_wanted(worker, {.revision = 7, .replica = 2}));
    CHECK(!is_wanted(worker, {.revision = 6}));
    CHECK(!is_wanted(worker, {.replica = 1}));
    CHECK(is_wanted(ours, {.revision = 7}));
    CHECK(!is_wanted(ours, {.replica = 2}));
}

TEST_CASE("bytes that are no text, and what would steer a terminal, are shown as question marks") {
    const auto entry = read(R"("SYSLOG_IDENTIFIER":"web.r7.2","MESSAGE":[97,27,91,50,74,255])");
    const auto line = render_log_entry(entry, false);
    CHECK(line.find("r7-2   | a?[2J?\n") != std::string::npos);
}

TEST_CASE("what is no entry is an error") {
    for (const char* line : {"", "[]", "{", "-- Boot --", "5"})
        CHECK(!read_log_entry(line, "web"));
}

TEST_CASE("the journal is asked for the supervisor's lines, the known streams and the unit") {
    CHECK(journal_matches("web", {"web.r6.0", "web.r7.0", "web2.r7.0"}, "mine.service", 7) ==
          std::vector<std::string>{"SVC_SERVICE=web", "+", "SYSLOG_IDENTIFIER=web.r7.0", "+",
                                   "_SYSTEMD_UNIT=svcd@web.service", "_SYSTEMD_UNIT=mine.service",
                                   "+", "_SYSTEMD_USER_UNIT=svcd@web.service",
                                   "_SYSTEMD_USER_UNIT=mine.service"});
}
