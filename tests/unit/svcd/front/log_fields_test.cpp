#include "svcd/front/log_fields.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace svc;
using namespace svc::daemon;
using rollout::Event;
using rollout::EventKind;

namespace {

std::string value_of(const os::JournalFields& fields, const std::string& name) {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const auto& field) { return field.first == name; });
    return found == fields.end() ? "(none)" : found->second;
}

} // namespace

TEST_CASE("an event about a worker says which, and of which rollout") {
    Event event;
    event.kind = EventKind::worker_restarting;
    event.revision = 7;
    event.worker_name = "r7-12";
    const auto fields = fields_of(event, 8);
    CHECK(value_of(fields, "SVC_EVENT") == "worker_restarting");
    CHECK(value_of(fields, "SVC_REVISION") == "7");
    CHECK(value_of(fields, "SVC_WORKER") == "r7-12");
    CHECK(value_of(fields, "SVC_REPLICA") == "12");
    CHECK(value_of(fields, "SVC_ROLLOUT") == "8");
    CHECK(value_of(fields, "MESSAGE_ID") == "f241b883edcf4de09415de64a5705ef3");
}

TEST_CASE("a verdict has an id of its own where it is complete, and none of a worker") {
    Event event;
    event.kind = EventKind::rollout_ended;
    event.revision = 7;
    event.verdict = rollout::Verdict::rolled_back;
    const auto failed = fields_of(event, 0);
    event.verdict = rollout::Verdict::complete;
    const auto complete = fields_of(event, 0);
    CHECK(value_of(failed, "SVC_VERDICT") == "rolled_back");
    CHECK(value_of(failed, "SVC_WORKER") == "(none)");
    CHECK(value_of(failed, "SVC_ROLLOUT") == "(none)");
    CHECK(value_of(failed, "MESSAGE_ID") != value_of(complete, "MESSAGE_ID"));
}

TEST_CASE("a line of a story has no message id") {
    Event event;
    event.kind = EventKind::worker_ready;
    CHECK(value_of(fields_of(event, 0), "MESSAGE_ID") == "(none)");
}
