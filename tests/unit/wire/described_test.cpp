// A member or an enumerator that described.h forgot would be lost without a word when the state is
// written. These checks do not compile then: add the name there.
#include "wire/control_described.h"
#include "wire/ledger.h"

#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/list.hpp>
#include <boost/preprocessor/repetition/enum_params.hpp>
#include <boost/preprocessor/repetition/repeat_from_to.hpp>

#include <doctest/doctest.h>

#include <string_view>

using namespace svc;
using namespace svc::wire;
using namespace svc::rollout;

namespace {

#define BIND(z, count, unused)                                                                     \
    else if constexpr (described == (count)) {                                                     \
        [[maybe_unused]] const auto& [BOOST_PP_ENUM_PARAMS(count, member)] = value;                \
    }

/// A structured binding must name every member: it is an error if described.h has fewer or more.
template <class T>
constexpr bool every_member(const T& value) {
    constexpr auto described =
        boost::mp11::mp_size<boost::describe::describe_members<T, boost::describe::mod_public>>();
    if constexpr (described == 0) {
        static_assert(described != 0);
    }
    BOOST_PP_REPEAT_FROM_TO(1, 48, BIND, _)
    else {
        static_assert(described == 0, "this test counts up to 47 members");
    }
    return true;
}

/// gcc and clang print a value that no enumerator has as "(Enum)7".
template <auto value>
constexpr bool has_name() {
    constexpr std::string_view function = __PRETTY_FUNCTION__;
    constexpr auto at = function.rfind("value = ") + 8;
    return function[at] != '(';
}

/// Enumerators count from 0 without a gap, so the one after the last described has no name.
template <class T>
constexpr bool every_enumerator() {
    constexpr auto described =
        boost::mp11::mp_size<boost::describe::describe_enumerators<T>>::value;
    return has_name<static_cast<T>(described - 1)>() && !has_name<static_cast<T>(described)>();
}

template <class... T>
void check_structs() {
    CHECK((every_member(T{}) && ...));
}
template <class... T>
void check_enums() {
    static_assert((every_enumerator<T>() && ...), "an enumerator is missing in described.h");
}

} // namespace

TEST_CASE("every member of what the state is made of is described") {
    check_structs<Address, ListenerOptions, ListenerSpec, ResourceLimit, ProcessSpec, ReadySpec,
                  Share, RolloutSpec, ExecHook, SleepHook, SignalHook, HttpHook, StopSpec,
                  RestartSpec, MetricsSpec, Spec, FileIdentity, Credentials, Cause, Revision,
                  ExitStatus, Worker, Replica, Rollout, Outcome, State, Event>();
}

TEST_CASE("every member of the control protocol's messages is described") {
    check_structs<ReloadCall, ScaleCall, StopCall, EventsCall, WorkerStatus, ReplicaStatus,
                  ListenerStatus, RolloutStatus, ServiceStatus, Progress, Refusal, UndoCall,
                  RevisionCall, DiffCall, RevisionSummary, HistoryReply, RevisionReply, Difference,
                  DiffReply, TimelineCall, WorkerProgress, WorkerTrack, TimelineMark, Timeline,
                  MetricSample, MetricFamily, MetricsReply>();
}

TEST_CASE("every member of the ledger is described") {
    check_structs<ListenerRecord, PrivateListenerRecord, WorkerRecord, DurationTotals, MetricTotals,
                  Ledger>();
}

TEST_CASE("every enumerator is described") {
    check_enums<AddressFamily, SocketType, Session, ListenPid, ErrorOutput, ReadyOn, NotifyAccess,
                RestartPolicy, CauseKind, RevisionState, WorkerPhase, Retirement, ExitStatus::Kind,
                HookPoint, RolloutPhase, Verdict, Wanted, EventKind, KeepExecutable, ExecutableKind,
                Fallback>();
}
