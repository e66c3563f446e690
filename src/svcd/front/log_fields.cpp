#include "svcd/front/log_fields.h"

#include "wire/described.h"

#include <boost/describe/enum_to_string.hpp>

#include <string_view>

namespace svc::daemon {

namespace {

using rollout::EventKind;
using rollout::Verdict;

/// They stand in svcd(8), and never change. Empty: none.
std::string_view message_id_of(const rollout::Event& event) {
    switch (event.kind) {
    case EventKind::rollout_started:
        return "bd2e5b2cc2d6435a93741bc5e59b3013";
    case EventKind::rollout_ended:
        return event.verdict == Verdict::complete ? "2f075a55871d4cc9bb2a3ea01bdff230"
                                                  : "f8baf7ebbd184814889dac8b010df9a1";
    case EventKind::rollout_paused:
        return "2d579b7a9f1b4bb3a03e9e54727ae4a5";
    case EventKind::worker_restarting:
        return "f241b883edcf4de09415de64a5705ef3";
    case EventKind::listener_damaged:
        return "ee1f0ad66add48caaed75b6ab32d28e1";
    case EventKind::supervisor:
        return "9f487a8c0dae4b24b8a3351d41548297";
    default: // the others are a line in a story
        return {};
    }
}

} // namespace

os::JournalFields fields_of(const rollout::Event& event, rollout::RevisionNumber rollout) {
    os::JournalFields fields;
    fields.emplace_back("SVC_EVENT", boost::describe::enum_to_string(event.kind, ""));
    if (event.revision != 0)
        fields.emplace_back("SVC_REVISION", std::to_string(event.revision));
    if (!event.worker_name.empty()) {
        fields.emplace_back("SVC_WORKER", event.worker_name);
        if (const auto dash = event.worker_name.rfind('-'); dash != std::string::npos)
            fields.emplace_back("SVC_REPLICA", event.worker_name.substr(dash + 1));
    }
    if (rollout != 0)
        fields.emplace_back("SVC_ROLLOUT", std::to_string(rollout));
    if (event.verdict)
        fields.emplace_back("SVC_VERDICT", boost::describe::enum_to_string(*event.verdict, ""));
    if (const auto id = message_id_of(event); !id.empty())
        fields.emplace_back("MESSAGE_ID", id);
    return fields;
}

} // namespace svc::daemon
