#include "wire/control_described.h"

#include "filled.h"

#include <boost/describe/enumerators.hpp>
#include <boost/mp11/algorithm.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

using namespace svc;
using namespace svc::wire;
using svc::wire::testing::filled;

namespace {

/// Members by name, types as the interface writes them; of an enum: its names without a type.
using Fields = std::map<std::string, std::string>;

template <class T>
std::string type_name() {
    using namespace svc::wire::json_codec;
    if constexpr (std::is_same_v<T, bool>)
        return "bool";
    else if constexpr (Number<T> || Time<T> || std::is_same_v<T, Duration>)
        return "int";
    else if constexpr (Real<T>)
        return "float";
    else if constexpr (std::is_same_v<T, std::string>)
        return "string";
    else if constexpr (Vector<T>)
        return "[]" + type_name<typename T::value_type>();
    else if constexpr (Optional<T>)
        return "?" + type_name<typename T::value_type>();
    else if constexpr (Map<T>)
        return "[string]" + type_name<typename T::mapped_type>();
    else if constexpr (std::is_same_v<T, MetricSample>)
        return "MetricSample";
    else if constexpr (std::is_same_v<T, MetricFamily>)
        return "MetricFamily";
    else if constexpr (std::is_same_v<T, WorkerStatus>)
        return "WorkerStatus";
    else if constexpr (std::is_same_v<T, ReplicaStatus>)
        return "ReplicaStatus";
    else if constexpr (std::is_same_v<T, WorkerProgress>)
        return "WorkerProgress";
    else if constexpr (std::is_same_v<T, WorkerTrack>)
        return "WorkerTrack";
    else if constexpr (std::is_same_v<T, TimelineMark>)
        return "TimelineMark";
    else if constexpr (std::is_same_v<T, ListenerStatus>)
        return "ListenerStatus";
    else if constexpr (std::is_same_v<T, RolloutStatus>)
        return "RolloutStatus";
    else if constexpr (std::is_same_v<T, RevisionSummary>)
        return "RevisionSummary";
    else if constexpr (std::is_same_v<T, Difference>)
        return "Difference";
    else if constexpr (std::is_same_v<T, rollout::FileIdentity>)
        return "FileIdentity";
    else if constexpr (std::is_same_v<T, rollout::EventKind>)
        return "EventKind";
    else {
        static_assert(std::is_same_v<T, rollout::Verdict>);
        return "Verdict";
    }
}

template <class T>
Fields fields_of(const std::string& prefix = {}) {
    Fields fields;
    if constexpr (std::is_enum_v<T>) {
        boost::mp11::mp_for_each<json_codec::enumerators_of<T>>(
            [&](auto enumerator) { fields[enumerator.name] = ""; });
    } else {
        boost::mp11::mp_for_each<json_codec::members_of<T>>([&]<class D>(D) {
            const auto type = type_name<json_codec::member_type<T, D>>();
            fields[D::name] = type.starts_with('?') ? type : prefix + type;
        });
    }
    return fields;
}

/// "type X", "method X in", "method X out" and "error X" of the interface's text.
std::map<std::string, Fields> parse_interface(std::string_view text) {
    std::vector<std::string> words;
    bool comment = false;
    for (const char character : text) {
        comment = character == '#' || (comment && character != '\n');
        if (comment)
            continue;
        const bool part = std::isalnum(static_cast<unsigned char>(character)) != 0 ||
                          std::string_view("_.[]?").find(character) != std::string_view::npos;
        if (!part)
            words.emplace_back(std::isspace(static_cast<unsigned char>(character))
                                   ? ""
                                   : std::string(1, character));
        if (words.empty() || !part)
            words.emplace_back();
        if (part)
            words.back() += character;
    }
    std::erase_if(words, [](auto& word) { return word.empty() || word == ","; });

    std::map<std::string, Fields> found;
    std::size_t at = 0;
    const auto fields = [&] {
        Fields members;
        REQUIRE(words.at(at++) == "(");
        while (words.at(at) != ")") {
            auto& type = members[words.at(at++)];
            if (words.at(at) == ":") {
                type = words.at(at + 1);
                at += 2;
            }
        }
        ++at;
        return members;
    };
    REQUIRE(words.at(at++) == "interface");
    REQUIRE(words.at(at++) == control_interface_name);
    while (at < words.size()) {
        const auto kind = words.at(at++);
        const auto name = words.at(at++);
        if (kind == "method") {
            found["method " + name + " in"] = fields();
            REQUIRE(words.at(at++) == "-");
            REQUIRE(words.at(at++) == ">");
            found["method " + name + " out"] = fields();
        } else {
            found[kind + " " + name] = fields();
        }
    }
    return found;
}

template <class T>
void reads_back() {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const auto value = filled<T>(seed);
        const auto back = from_json<T>(to_json(value));
        REQUIRE_MESSAGE(back.ok(), back.error().message);
        if constexpr (requires { value == value; })
            CHECK(*back == value);
        else
            CHECK(to_json(*back) == to_json(value));
    }
}

} // namespace

// size: a line for each type and method.
TEST_CASE("the interface's description and the structs say the same") {
    auto found = parse_interface(control_interface);
    const auto take = [&](const std::string& name) {
        REQUIRE_MESSAGE(found.contains(name), name);
        auto fields = found.at(name);
        found.erase(name);
        return fields;
    };
    CHECK(take("type WorkerStatus") == fields_of<WorkerStatus>());
    CHECK(take("type ReplicaStatus") == fields_of<ReplicaStatus>());
    CHECK(take("type WorkerProgress") == fields_of<WorkerProgress>());
    CHECK(take("type WorkerTrack") == fields_of<WorkerTrack>());
    CHECK(take("type TimelineMark") == fields_of<TimelineMark>());
    CHECK(take("method Timeline in") == fields_of<TimelineCall>("?"));
    CHECK(take("method Timeline out") == fields_of<Timeline>());
    CHECK(take("type MetricSample") == fields_of<MetricSample>());
    CHECK(take("type MetricFamily") == fields_of<MetricFamily>());
    CHECK(take("method Metrics in").empty());
    CHECK(take("method Metrics out") == fields_of<MetricsReply>());
    CHECK(take("type ListenerStatus") == fields_of<ListenerStatus>());
    CHECK(take("type RolloutStatus") == fields_of<RolloutStatus>());
    CHECK(take("type EventKind") == fields_of<rollout::EventKind>());
    CHECK(take("type Verdict") == fields_of<rollout::Verdict>());
    CHECK(take("method Status in") == fields_of<StatusCall>("?"));
    CHECK(take("method Status out") == fields_of<ServiceStatus>());
    CHECK(take("method Reload in") == fields_of<ReloadCall>("?"));
    CHECK(take("method Apply in") == fields_of<ReloadCall>("?"));
    CHECK(take("type FileIdentity") == fields_of<rollout::FileIdentity>());
    CHECK(take("type RevisionSummary") == fields_of<RevisionSummary>());
    CHECK(take("method History in").empty());
    CHECK(take("method History out") == fields_of<HistoryReply>());
    CHECK(take("method Revision in") == fields_of<RevisionCall>("?"));
    CHECK(take("method Revision out") == fields_of<RevisionReply>());
    CHECK(take("method Diff in") == fields_of<DiffCall>("?"));
    CHECK(take("type Difference") == fields_of<Difference>());
    CHECK(take("method Diff out") == fields_of<DiffReply>());
    CHECK(take("method Undo in") == fields_of<UndoCall>("?"));
    CHECK(take("method Scale in") == fields_of<ScaleCall>("?"));
    CHECK(take("method Stop in") == fields_of<StopCall>("?"));
    CHECK(take("method Pause in") == fields_of<PauseCall>("?"));
    CHECK(take("method Resume in") == fields_of<ContinueCall>("?"));
    CHECK(take("method Promote in") == fields_of<ContinueCall>("?"));
    CHECK(take("method Abort in") == fields_of<AbortCall>("?"));
    CHECK(take("method Replace in") == fields_of<ReplaceCall>("?"));
    CHECK(take("method Freeze in") == fields_of<FreezeCall>("?"));
    CHECK(take("method Unfreeze in").empty());
    CHECK(take("method Follow in") == fields_of<FollowCall>("?"));
    CHECK(take("method Upgrade in").empty());
    CHECK(take("method Upgrade out") == fields_of<UpgradeReply>());
    CHECK(take("method Events in") == fields_of<EventsCall>("?"));
    CHECK(take("method Events out") == fields_of<rollout::Event>("?"));
    for (const auto* method : {"Reload", "Apply", "Undo", "Pause", "Resume", "Abort", "Promote",
                               "Scale", "Replace", "Freeze", "Unfreeze", "Stop", "Follow"})
        CHECK(take("method " + std::string(method) + " out") == fields_of<Progress>());
    for (const auto error :
         {control_error::not_permitted, control_error::service_file, control_error::refused,
          control_error::stopping, control_error::busy}) {
        const auto name = error.substr(control_interface_name.size() + 1);
        CHECK(take("error " + std::string(name)) == fields_of<Refusal>());
    }
    CHECK_MESSAGE(found.empty(), "described, but nothing has it: ", found.begin()->first);
}

TEST_CASE("every message reads back equal") {
    reads_back<ReloadCall>();
    reads_back<UndoCall>();
    reads_back<RevisionCall>();
    reads_back<DiffCall>();
    reads_back<HistoryReply>();
    reads_back<RevisionReply>();
    reads_back<DiffReply>();
    reads_back<FollowCall>();
    reads_back<MetricsReply>();
    reads_back<UpgradeReply>();
    reads_back<ScaleCall>();
    reads_back<StopCall>();
    reads_back<PauseCall>();
    reads_back<ContinueCall>();
    reads_back<AbortCall>();
    reads_back<ReplaceCall>();
    reads_back<FreezeCall>();
    reads_back<EventsCall>();
    reads_back<TimelineCall>();
    reads_back<Timeline>();
    reads_back<ServiceStatus>();
    reads_back<Progress>();
    reads_back<rollout::Event>();
    reads_back<Refusal>();
}

TEST_CASE("members of a call may be left out, unknown ones are refused by name") {
    const auto call = from_json<ReloadCall>({});
    REQUIRE(call.ok());
    CHECK(call->wait);
    CHECK(from_json<ReloadCall>({{"supersede", true}})->supersede);
    CHECK(from_json<ReloadCall>({{"superseed", true}}).error().message == "superseed is not known");
    CHECK(from_json<ScaleCall>({{"replicas", -1}}).error().message ==
          "replicas is not a whole number from 0 to 4294967295");
    CHECK(from_json<StopCall>({{"now", "yes"}}).error().message == "now is neither true nor false");
}

TEST_CASE("a reply of another release is understood as far as it goes") {
    const auto progress = from_json<Progress>({{"state", "done"}, {"colour", "blue"}});
    REQUIRE(progress.ok());
    CHECK(progress->state == "done");
    const auto event = from_json<rollout::Event>({{"kind", "worker_sang"}, {"text", "la"}});
    REQUIRE(event.ok());
    CHECK(event->text == "la");
    CHECK_FALSE(from_json<Progress>({{"state", 1}}).ok());
}
