// The methods about other supervisors: Follow, for who was waiting for an earlier one, and Upgrade.
#include "svcd/front/methods.h"

#include "svcd/front/call_parameters.h"
#include "svcd/front/waiting.h"

#include <algorithm>
#include <array>

namespace svc::daemon {

namespace asio = boost::asio;

namespace {

/// Empty: its verdict is known, or will be.
std::string why_not_follow(const rollout::State& state, rollout::RevisionNumber revision) {
    const std::string number = std::to_string(revision);
    if (revision == 0 || revision >= state.next_revision)
        return "there is no revision " + number;
    if (rollout::find_outcome(state, revision) != nullptr || state.current == revision ||
        state.pending == revision || (state.rollout && state.rollout->to == revision))
        return {};
    return "nothing is known of the rollout of revision " + number +
           ": this supervisor was started anew since, or it is too long ago; `svc history " +
           number + "` shows what is kept of it";
}

} // namespace

asio::awaitable<void> Methods::follow(const wire::VarlinkCall& call, Caller& caller) {
    auto wanted = parameters_of<wire::FollowCall>(call, caller);
    if (!wanted)
        co_return;
    const auto aims = std::array{wanted->revision.has_value(), wanted->replicas.has_value(),
                                 wanted->replica.has_value(), wanted->stop};
    const auto count = std::count(aims.begin(), aims.end(), true);
    if (count > 1 || (count == 0 && wanted->token.empty())) {
        reply_invalid_parameter(caller, "one of revision, replicas, replica and stop");
        co_return;
    }
    Waiting waiting(backend_, caller, call.more);
    if (const auto known = backend_.find_request(wanted->token); known && !wanted->token.empty()) {
        wanted->taken_back = known->kind == Admission::Kind::taken_back;
        if (known->kind == Admission::Kind::scaled)
            wanted->replicas = known->replicas;
        else if (!wanted->revision || wanted->taken_back)
            wanted->revision = known->revision;
    } else if (count == 0) {
        waiting.fail(
            wire::control_error::refused,
            "nothing is known of this request: this supervisor was started anew since, or it "
            "is too long ago");
        co_return;
    }
    co_await follow(*wanted, waiting);
}

asio::awaitable<void> Methods::follow(const wire::FollowCall& wanted, Waiting& waiting) {
    const auto& state = backend_.state();
    if (wanted.stop && state.wanted == rollout::Wanted::run) {
        waiting.fail(wire::control_error::refused, "this supervisor is not stopping");
    } else if (wanted.stop) {
        waiting.join(rollout::target_revision(state));
        co_await waiting.for_stop();
    } else if (wanted.replicas) {
        waiting.join(rollout::target_revision(state));
        co_await waiting.for_scale(*wanted.replicas, {});
    } else if (wanted.replica) {
        waiting.join(state.current);
        co_await waiting.for_replacement(*wanted.replica);
    } else if (const auto why = why_not_follow(state, *wanted.revision); !why.empty()) {
        waiting.fail(wire::control_error::refused, why);
    } else {
        waiting.join(*wanted.revision);
        if (wanted.taken_back)
            co_await waiting.for_abort(*wanted.revision);
        else
            co_await waiting.for_rollout(*wanted.revision, wanted.wait_drained, {});
    }
}

asio::awaitable<void> Methods::upgrade(const wire::VarlinkCall& call, Caller& caller) {
    if (!call.parameters.empty()) {
        reply_invalid_parameter(caller, call.parameters.begin()->key());
        co_return;
    }
    if (!permitted(caller))
        co_return;
    const std::uint64_t generation = backend_.status().generation;
    wire::VarlinkReply reply;
    if (const auto begun = co_await backend_.upgrade(); begun) {
        reply.parameters = wire::to_json(wire::UpgradeReply{generation});
    } else {
        reply.error = wire::control_error::refused;
        reply.parameters = wire::to_json(wire::Refusal{begun.error().message, {}});
    }
    caller.reply(reply);
}

} // namespace svc::daemon
