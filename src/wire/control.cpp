#include "wire/control.h"

#include "wire/control_described.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

#include <boost/json/parse.hpp>
#include <boost/mp11/algorithm.hpp>

namespace svc::wire {
namespace {

namespace json = boost::json;

/// By way of the text: one writer for every type, and these messages are small and rare.
template <class T>
json::object as_object(const T& value) {
    std::string text;
    json_codec::write(text, value);
    return json::parse(text).as_object();
}

template <class T>
constexpr json_codec::Rules rules_of() {
    constexpr bool is_call = boost::mp11::mp_contains<
        boost::mp11::mp_list<StatusCall, ReloadCall, UndoCall, FollowCall, ScaleCall, StopCall,
                             PauseCall, ContinueCall, AbortCall, ReplaceCall, FreezeCall,
                             EventsCall, RevisionCall, DiffCall, TimelineCall>,
        T>::value;
    return {.missing_is_default = true, .ignore_unknown = !is_call};
}

} // namespace

json::object to_json(const ReloadCall& call) {
    return as_object(call);
}
json::object to_json(const FollowCall& call) {
    return as_object(call);
}
json::object to_json(const UpgradeReply& reply) {
    return as_object(reply);
}
json::object to_json(const ScaleCall& call) {
    return as_object(call);
}
json::object to_json(const StopCall& call) {
    return as_object(call);
}
json::object to_json(const PauseCall& call) {
    return as_object(call);
}
json::object to_json(const ContinueCall& call) {
    return as_object(call);
}
json::object to_json(const AbortCall& call) {
    return as_object(call);
}
json::object to_json(const ReplaceCall& call) {
    return as_object(call);
}
json::object to_json(const FreezeCall& call) {
    return as_object(call);
}
json::object to_json(const EventsCall& call) {
    return as_object(call);
}
json::object to_json(const UndoCall& call) {
    return as_object(call);
}
json::object to_json(const RevisionCall& call) {
    return as_object(call);
}
json::object to_json(const DiffCall& call) {
    return as_object(call);
}
json::object to_json(const HistoryReply& reply) {
    return as_object(reply);
}
json::object to_json(const RevisionReply& reply) {
    return as_object(reply);
}
json::object to_json(const DiffReply& reply) {
    return as_object(reply);
}
json::object to_json(const TimelineCall& call) {
    return as_object(call);
}
json::object to_json(const Timeline& timeline) {
    return as_object(timeline);
}
json::object to_json(const ServiceStatus& status) {
    return as_object(status);
}
json::object to_json(const Progress& progress) {
    return as_object(progress);
}
json::object to_json(const rollout::Event& event) {
    return as_object(event);
}
json::object to_json(const Refusal& refusal) {
    return as_object(refusal);
}
json::object to_json(const MetricsReply& reply) {
    return as_object(reply);
}

template <class T>
Result<T> from_json(const json::object& parameters) {
    T value;
    json_codec::Failure failure;
    if (!json_codec::read_members(parameters, value, rules_of<T>(), failure, false))
        return Error{failure.path + " " + failure.message};
    return value;
}

template Result<ReloadCall> from_json(const json::object&);
template Result<FollowCall> from_json(const json::object&);
template Result<UpgradeReply> from_json(const json::object&);
template Result<ScaleCall> from_json(const json::object&);
template Result<StatusCall> from_json(const json::object&);
template Result<StopCall> from_json(const json::object&);
template Result<PauseCall> from_json(const json::object&);
template Result<ContinueCall> from_json(const json::object&);
template Result<AbortCall> from_json(const json::object&);
template Result<ReplaceCall> from_json(const json::object&);
template Result<FreezeCall> from_json(const json::object&);
template Result<EventsCall> from_json(const json::object&);
template Result<UndoCall> from_json(const json::object&);
template Result<RevisionCall> from_json(const json::object&);
template Result<DiffCall> from_json(const json::object&);
template Result<HistoryReply> from_json(const json::object&);
template Result<RevisionReply> from_json(const json::object&);
template Result<DiffReply> from_json(const json::object&);
template Result<TimelineCall> from_json(const json::object&);
template Result<Timeline> from_json(const json::object&);
template Result<ServiceStatus> from_json(const json::object&);
template Result<Progress> from_json(const json::object&);
template Result<rollout::Event> from_json(const json::object&);
template Result<MetricsReply> from_json(const json::object&);
template Result<Refusal> from_json(const json::object&);

} // namespace svc::wire
