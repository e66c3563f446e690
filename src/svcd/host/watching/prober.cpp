#include "svcd/host/watching/prober.h"

#include "base/overloaded.h"

#include <utility>

namespace svc::daemon {

Prober::Prober(HostContext& context, rollout::ProbeSpec spec, Asks asks,
               std::function<ProbeTarget()> target, Report report)
    : context_(context), spec_(std::move(spec)), asks_(asks), target_(std::move(target)),
      report_(std::move(report)),
      counter_(spec_, asks == Asks::for_ever ? ProbeCounter::Standing::passing
                                             : ProbeCounter::Standing::undecided),
      alarm_(context.io) {
    wait(spec_.initial_delay);
}

void Prober::wait(Duration time) {
    alarm_.after(time, [this] { try_once(); });
}

void Prober::try_once() {
    running_ = start(target_(), [this](HookVerdict verdict) { handle_end(std::move(verdict)); });
    alarm_.after(spec_.timeout, [this] {
        handle_end({false, "no answer within " + format_duration(spec_.timeout), {}});
    });
}

std::unique_ptr<RunningHook> Prober::start(ProbeTarget target,
                                           std::function<void(HookVerdict)> ended) {
    return std::visit(
        Overloaded{
            [&](const rollout::ExecHook& exec) {
                target.subject.pass_output = false; // once a second is too often for a log
                return start_hook(context_, exec, std::move(target.subject), std::move(ended));
            },
            [&](const rollout::HttpProbe& http) {
                const auto request = place_of(http, target);
                if (!request)
                    return start_failure(context_, request.error().message, std::move(ended));
                auto check = peer_check(request->address, target);
                return start_conversation(context_, perform_request(*request, std::move(check)),
                                          std::move(ended));
            },
            [&](const rollout::TcpProbe& tcp) {
                const auto address = place_of(tcp, target);
                if (!address)
                    return start_failure(context_, address.error().message, std::move(ended));
                auto check = peer_check(*address, target);
                return start_conversation(context_, try_connect(*address, std::move(check)),
                                          std::move(ended));
            },
        },
        spec_.what);
}

void Prober::handle_end(HookVerdict verdict) {
    running_.reset(); // which may be what called us: see hooks.h
    const auto said =
        verdict.succeeded ? counter_.succeeded() : counter_.failed(std::move(verdict.detail));
    const bool decided = said && said->verdict != rollout::ProbeVerdict::failing;
    if (decided && asks_ == Asks::until_decided)
        alarm_.cancel();
    else
        wait(spec_.interval);
    if (said) {
        const Report report = report_; // it may destroy us
        report(said->verdict, said->detail);
    }
}

} // namespace svc::daemon
