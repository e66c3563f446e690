// The daemon as admission sees it, and who asks for an admission: a caller, SIGHUP.
#include "svcd/front/daemon.h"

#include "os/clock.h"
#include "os/memory.h"
#include "svcd/front/revive.h"
#include "svcd/host/history/staging.h"

#include <spdlog/spdlog.h>

#include <unistd.h>

namespace svc::daemon {

namespace asio = boost::asio;

namespace {

/// As many as there are outcomes: for callers that may still ask.
constexpr std::size_t requests_known = 64;

} // namespace

Loaded Daemon::load(const rollout::Cause& cause) {
    if (cause.kind == rollout::CauseKind::signal)
        reload_waits_ = false;
    Loaded loaded = load_revision(settings_, cause, os::wall_now());
    candidate_executable_ = std::move(loaded.executable);
    return loaded;
}

asio::awaitable<Loaded> Daemon::revive(const AdmissionRequest& request) {
    auto chosen = choose_older(history_view(), *request.older);
    if (!chosen)
        co_return refuse_to_revive(chosen.error().message);
    co_await read_contents(io_, host_->executables(), *chosen->revision);
    Loaded loaded = revive_revision(history_view(), std::move(*chosen), request, os::wall_now());
    candidate_executable_ = std::move(loaded.executable);
    co_return loaded;
}

asio::awaitable<CommandResult> Daemon::check(const Loaded& candidate) {
    CommandRequest request;
    request.command = candidate.check;
    request.revision = &candidate.revision;
    request.timeout = candidate.revision.spec.process.check_timeout;
    manager_.tell("checking the new version: " + candidate.check.front(), request.timeout);
    co_return co_await host_->run(std::move(request));
}

asio::awaitable<void> Daemon::stage(Loaded& candidate) {
    rollout::Revision& revision = candidate.revision;
    candidate_staged_.reset(); // of one that was refused after all
    co_await take_digests(io_, host_->executables(), revision);
    // As record() will number it: nobody else is admitted before it is.
    rollout::Revision numbered = revision;
    numbered.number = state().next_revision;
    const bool copied = revision.spec.process.keep_executable == rollout::KeepExecutable::copy;
    auto staged = co_await stage_revision(io_, host_->history(), numbered,
                                          copied ? candidate_executable_.get() : -1);
    candidate_staged_ = std::make_unique<StagedRevision>(std::move(staged));
}

Result<void> Daemon::open_listeners(const rollout::Spec& spec) {
    metrics_candidate_.reset();
    auto opened =
        listeners_->open(spec, state().next_revision); // the number that its revision gets
    if (opened) // the workers' come first: metrics must not take an address from them
        opened = open_metrics(spec);
    if (!opened)
        close_unused_listeners();
    return opened;
}

void Daemon::close_unused_listeners() {
    metrics_candidate_.reset();
    metrics_server_.keep_only(metrics_addresses());
    host_->close_unused_listeners(state());
}

MemoryNow Daemon::memory() const {
    return {host_->memory_of_workers(), os::available_memory()};
}

void Daemon::warn(rollout::RevisionNumber revision, const std::string& sentence) {
    rollout::Event event;
    event.kind = rollout::EventKind::warning;
    event.revision = revision;
    event.text = sentence;
    report(event);
}

std::optional<Admission> Daemon::find_request(const std::string& token) const {
    for (const auto& [number, known] : host_->ledger().requests) {
        if (known.token != token)
            continue;
        Admission admission;
        admission.revision = known.revision;
        admission.replicas = known.replicas.value_or(0);
        admission.kind = known.taken_back ? Admission::Kind::taken_back
                         : known.replicas ? Admission::Kind::scaled
                                          : Admission::Kind::revision;
        return admission;
    }
    return std::nullopt;
}

void Daemon::remember_request(const std::string& token, const Admission& admission) {
    wire::RequestRecord record;
    record.token = token;
    record.revision = admission.revision;
    record.taken_back = admission.kind == Admission::Kind::taken_back;
    if (admission.kind == Admission::Kind::scaled)
        record.replicas = admission.replicas;
    auto& requests = host_->ledger().requests;
    const auto number = requests.empty() ? 1 : requests.rbegin()->first + 1;
    requests.emplace(number, std::move(record));
    while (requests.size() > requests_known)
        requests.erase(requests.begin());
}

void Daemon::request_rollout(rollout::Revision revision, bool supersede, bool immediate) {
    // It gets this number (rollout/record.cpp); what is not taken into the state is closed again.
    const auto staged = std::move(candidate_staged_);
    host_->expect_revision(state().next_revision, revision, std::move(candidate_executable_),
                           staged ? std::move(*staged) : StagedRevision{});
    // No reason to refuse it: where the same file is tried by hand there are no cgroups.
    if (const auto problem = host_->unenforced_limits(revision.spec); !problem.empty())
        warn(state().next_revision, "[limits]: " + problem);
    rollout::RolloutRequested requested{std::move(revision), supersede, immediate};
    supervisor_->observe(std::move(requested));
    step();
    metrics_candidate_.reset();
}

void Daemon::request_abort(std::string reason) {
    supervisor_->observe(rollout::AbortRequested{std::move(reason)});
    step();
}

void Daemon::request_scale_from_file(std::uint32_t replicas) {
    supervisor_->observe(rollout::ScaleRequested{replicas, true});
    step();
}

asio::awaitable<Admission> Daemon::admit(AdmissionRequest request) {
    const std::string cause = describe(request.cause);
    Admission admission = co_await admissions_.admit(std::move(request));
    if (admission.kind == Admission::Kind::refused) {
        const auto& mistakes = admission.mistakes;
        note(rollout::EventKind::refused, cause + " refused: " + admission.message +
                                              (mistakes.empty() ? "" : ": " + mistakes.front()));
        // The event has room for one.
        for (std::size_t index = 1; index < mistakes.size(); ++index)
            spdlog::error("{}", mistakes[index]);
    }
    leave_if_at_rest();
    co_return admission;
}

asio::awaitable<void> Daemon::reload_for_signal() {
    AdmissionRequest request;
    request.cause = {rollout::CauseKind::signal, "SIGHUP", ::geteuid()};
    const Admission admission = co_await admit(std::move(request));
    if (admission.kind == Admission::Kind::revision)
        spdlog::info("SIGHUP made revision {}{}{}", admission.revision,
                     admission.note.empty() ? "" : "; ", admission.note);
    else
        manager_.reload_was_nothing(os::now());
}

} // namespace svc::daemon
