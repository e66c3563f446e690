#include "svcd/front/admission.h"

#include "base/text.h"
#include "svcd/front/compare.h"
#include "svcd/front/steering.h"
#include "wire/control.h"
#include "wire/service_file.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>

namespace svc::daemon {

namespace asio = boost::asio;
using rollout::Revision;
using rollout::State;

namespace {

Admission refused(std::string_view error, std::string message,
                  std::vector<std::string> mistakes = {}) {
    Admission admission;
    admission.error = error;
    admission.message = std::move(message);
    admission.mistakes = std::move(mistakes);
    return admission;
}

Admission refused_for_stop() {
    return refused(wire::control_error::stopping,
                   "the supervisor is stopping; start it again to run the new version");
}

/// A freeze keeps what serves from being replaced. Until the first rollout is over nothing does: a
/// boot, and what it falls back to, goes on.
std::string why_frozen_out(const State& state, const AdmissionRequest& request) {
    return request.cause.kind == rollout::CauseKind::boot ? "" : why_no_rollout(state);
}

/// The newest revision that was asked for and not turned down: what a file is compared with.
const Revision* newest_wanted(const State& state) {
    rollout::RevisionNumber number = state.current;
    if (state.rollout && state.rollout->phase == rollout::RolloutPhase::progressing)
        number = state.rollout->to;
    if (state.pending != 0)
        number = state.pending;
    const auto found = state.revisions.find(number);
    return found == state.revisions.end() ? nullptr : &found->second;
}

/// By a worker of the serving revision, and by one of the revision that may serve when this one's
/// turn comes. (One that waits behind that gives its turn to this one.)
bool can_be_reached_in_place(const State& state, const Revision& candidate) {
    const auto from = [&](rollout::RevisionNumber number) {
        const auto found = state.revisions.find(number);
        return found != state.revisions.end() && reloads_in_place(found->second, candidate);
    };
    return from(state.current) && (!state.rollout || from(state.rollout->to));
}

/// Somebody who asked for reloads in place sees other process ids.
std::string why_workers_are_replaced(const State& state, const Revision& candidate) {
    const auto serving = state.revisions.find(state.current);
    const bool expected = candidate.spec.rollout.strategy == rollout::Strategy::in_place;
    if (!expected || candidate.in_place || serving == state.revisions.end())
        return {};
    auto bars = bars_in_place(serving->second, candidate);
    if (bars.empty() && state.rollout)
        bars = bars_in_place(state.revisions.at(state.rollout->to), candidate);
    if (bars.empty())
        return {};
    return "its workers are replaced and not reloaded in place: " + join(bars, ", ") +
           (bars.size() == 1 ? " has changed" : " have changed");
}

/// An open socket cannot become another one: asked of every revision that still has sockets.
std::vector<std::string> conflicts_with_open(const State& state, const Revision& candidate) {
    std::vector<std::string> all;
    for (const auto number : rollout::revisions_in_use(state)) {
        const auto open = state.revisions.find(number);
        if (open == state.revisions.end())
            continue;
        for (auto& sentence : wire::creation_conflicts(open->second.spec, candidate.spec))
            if (std::find(all.begin(), all.end(), sentence) == all.end())
                all.push_back(std::move(sentence));
    }
    return all;
}

} // namespace

Admission refuse_to_load(const Loaded& loaded) {
    const std::string count = loaded.mistakes.size() == 1
                                  ? std::string("1 mistake")
                                  : std::to_string(loaded.mistakes.size()) + " mistakes";
    switch (loaded.flaw) {
    case Loaded::Flaw::file_unreadable:
        return refused(wire::control_error::service_file, "the service file cannot be read",
                       loaded.mistakes);
    case Loaded::Flaw::file_wrong:
        return refused(wire::control_error::service_file,
                       "the service file is wrong (" + count + ")", loaded.mistakes);
    case Loaded::Flaw::names_unusable:
        return refused(wire::control_error::refused,
                       "the service file names what cannot be used (" + count + ")",
                       loaded.mistakes);
    case Loaded::Flaw::gone:
        return refused(wire::control_error::refused,
                       "the older revision cannot be brought back; nothing was changed",
                       loaded.mistakes);
    case Loaded::Flaw::none:
        break;
    }
    fatal("refuse_to_load(): nothing is wrong");
}

/// Holds the turn while it lives and hands it on in the order of arrival.
class Admissions::Turn {
public:
    explicit Turn(Admissions& all) : all_(all), wakeup_(all.executor_) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        std::erase(all_.queue_, &wakeup_);
        if (!mine_)
            return;
        all_.taken_ = false;
        if (!all_.queue_.empty())
            all_.queue_.front()->notify();
    }
    asio::awaitable<void> come() {
        all_.queue_.push_back(&wakeup_);
        while (all_.taken_ || all_.queue_.front() != &wakeup_)
            co_await wakeup_.wait();
        all_.queue_.pop_front();
        all_.taken_ = mine_ = true;
    }

private:
    Admissions& all_;
    Wakeup wakeup_;
    bool mine_ = false;
};

Admissions::Admissions(asio::any_io_executor executor, AdmissionWorld& world)
    : executor_(std::move(executor)), world_(world) {}

Admissions::~Admissions() {
    while (!queue_.empty()) {
        Wakeup* const last = queue_.back();
        queue_.pop_back();
        last->abandon();
    }
}

void Admissions::stop() {
    stop_check_.emit(asio::cancellation_type::terminal);
}

asio::awaitable<Admission> Admissions::admit(AdmissionRequest request) {
    Turn turn(*this);
    co_await turn.come();
    if (boot_refused_)
        co_return refused_for_stop();
    Admission admission = co_await admit_now(request);
    // Before the turn is handed on: the next would start a rollout in a daemon that is about to end.
    if (request.cause.kind == rollout::CauseKind::boot)
        boot_refused_ = admission.kind == Admission::Kind::refused && !request.has_fallback;
    co_return admission;
}

asio::awaitable<Admission> Admissions::admit_now(const AdmissionRequest& request) {
    if (!request.token.empty()) {
        if (auto before = world_.find_request(request.token))
            co_return std::move(*before);
    }
    if (world_.state().wanted != rollout::Wanted::run)
        co_return refused_for_stop();
    if (auto done = take_back(request))
        co_return std::move(*done);
    if (std::string why = why_frozen_out(world_.state(), request); !why.empty())
        co_return refused(wire::control_error::refused, std::move(why));
    Loaded loaded;
    if (request.older)
        loaded = co_await world_.revive(request);
    else
        loaded = world_.load(request.cause);
    if (!loaded.ok())
        co_return refuse_to_load(loaded);
    std::vector<std::string> changed;
    if (request.cause.kind == rollout::CauseKind::apply) {
        if (auto settled = unchanged_or_scaled(request, loaded.revision, changed))
            co_return std::move(*settled);
        if (!changed.empty() && loaded.revision.cause.text.empty())
            loaded.revision.cause.text = join(changed, "; ");
    }
    if (auto conflicts = conflicts_with_open(world_.state(), loaded.revision); !conflicts.empty())
        co_return refused(wire::control_error::refused,
                          request.older
                              ? "open listeners cannot become what the older revision asks for"
                              : "open listeners cannot become what the service file asks for",
                          std::move(conflicts));
    std::optional<Admission> failed = co_await checked(loaded);
    if (!failed)
        co_await interruptible(world_.stage(loaded));
    // It may have taken a minute: what was true before may not be now.
    if (world_.state().wanted != rollout::Wanted::run)
        co_return refused_for_stop();
    if (std::string why = why_frozen_out(world_.state(), request); !why.empty())
        co_return refused(wire::control_error::refused, std::move(why));
    if (failed)
        co_return std::move(*failed);
    Admission admission = open_and_request(std::move(loaded.revision), request);
    if (admission.kind == Admission::Kind::revision)
        admission.changed = std::move(changed);
    co_return admission;
}

/// The revision that the running rollout replaces serves still: what is needed to go back to it is there,
/// and a new revision would only drain its workers. So the rollout is taken back, as by an abort, and a
/// freeze, which keeps rollouts from beginning, does not stand in the way.
std::optional<Admission> Admissions::take_back(const AdmissionRequest& request) {
    const State& state = world_.state();
    if (!request.older || !can_go_back(state) ||
        (*request.older != 0 && *request.older != state.rollout->from))
        return std::nullopt;
    Admission admission;
    admission.kind = Admission::Kind::taken_back;
    admission.revision = state.rollout->to;
    admission.note = "revision " + std::to_string(state.rollout->from) +
                     " still serves: " + describe_taking_back(state);
    std::string reason = std::string(undone_by) + "uid " + std::to_string(request.cause.uid);
    if (!request.cause.text.empty())
        reason += ": " + request.cause.text;
    remember(request, admission);
    world_.request_abort(std::move(reason));
    return admission;
}

std::optional<Admission> Admissions::unchanged_or_scaled(const AdmissionRequest& request,
                                                         const Revision& candidate,
                                                         std::vector<std::string>& changed) {
    const State& state = world_.state();
    const Revision* serving = newest_wanted(state);
    if (serving == nullptr)
        return std::nullopt;
    Differences differences = compare(*serving, state.file_replicas, candidate);
    Admission admission;
    admission.revision = serving->number;
    if (differences.none()) {
        admission.kind = Admission::Kind::unchanged;
        return admission;
    }
    if (differences.found.empty()) {
        admission.kind = Admission::Kind::scaled;
        admission.replicas = candidate.spec.rollout.replicas;
        admission.changed = {differences.replicas->what};
        remember(request, admission);
        world_.request_scale_from_file(admission.replicas);
        return admission;
    }
    changed = differences.lines();
    if (differences.replicas)
        changed.push_back(differences.replicas->what);
    return std::nullopt;
}

asio::awaitable<std::string> Admissions::interruptible(asio::awaitable<void> work) {
    try {
        co_await asio::co_spawn(
            executor_, std::move(work),
            asio::bind_cancellation_slot(stop_check_.slot(), asio::use_awaitable));
    } catch (const boost::system::system_error& cancelled) {
        co_return cancelled.code().message();
    }
    co_return std::string();
}

asio::awaitable<std::optional<Admission>> Admissions::checked(const Loaded& candidate) {
    if (candidate.check.empty())
        co_return std::nullopt;
    CommandResult result;
    auto run = [&]() -> asio::awaitable<void> { result = co_await world_.check(candidate); };
    const std::string interrupted = co_await interruptible(run());
    if (!interrupted.empty())
        result.how = interrupted;
    if (result.succeeded)
        co_return std::nullopt;
    co_return refused(wire::control_error::refused,
                      "the check " + join(candidate.check, " ") + " failed (" + result.how +
                          "); nothing was changed",
                      std::move(result.output));
}

void Admissions::remember(const AdmissionRequest& request, const Admission& admission) {
    if (!request.token.empty())
        world_.remember_request(request.token, admission);
}

std::string Admissions::scarcity_of(const Revision& candidate) const {
    // The look at each worker's processes costs more than the rest of an admission.
    if (candidate.in_place || candidate.spec.rollout.memory_check == rollout::MemoryCheck::off)
        return {};
    return why_too_little_memory(world_.state(), candidate, world_.memory());
}

Admission Admissions::open_and_request(Revision candidate, const AdmissionRequest& request) {
    candidate.in_place = can_be_reached_in_place(world_.state(), candidate);
    const std::string scarce = scarcity_of(candidate);
    if (!scarce.empty() && candidate.spec.rollout.memory_check == rollout::MemoryCheck::refuse)
        return refused(wire::control_error::refused,
                       "there is too little memory: " + scarce +
                           "; nothing was changed (rollout.memory_check, rollout.max_surge)");
    if (auto opened = world_.open_listeners(candidate.spec); !opened)
        return refused(wire::control_error::refused,
                       opened.error().message + "; nothing was changed");
    std::string note = why_workers_are_replaced(world_.state(), candidate);
    const rollout::RevisionNumber number = world_.state().next_revision;
    if (!scarce.empty())
        world_.warn(number, "there may be too little memory: " + scarce);
    Admission admission;
    admission.kind = Admission::Kind::revision;
    admission.revision = number;
    admission.note = std::move(note);
    remember(request, admission);
    world_.request_rollout(std::move(candidate), request.supersede, request.immediate);
    // A stop that was observed but not yet stepped is recorded first, and the request with it.
    if (world_.state().wanted != rollout::Wanted::run) {
        world_.close_unused_listeners();
        return refused_for_stop();
    }
    return admission;
}

} // namespace svc::daemon
