// Admission: what happens to a reload before it is a rollout.
#pragma once

#include "rollout/state.h"
#include "svcd/front/loader.h"
#include "svcd/front/memory_check.h"
#include "svcd/front/wakeup.h"
#include "svcd/host/hooks/commands.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace svc::daemon {

struct AdmissionRequest {
    rollout::Cause cause; ///< kind apply: only if something changed
    bool supersede = false;
    bool immediate = false; ///< without min_ready
    /// From an older revision instead of the service file; 0: the last that completed before the
    /// serving one.
    std::optional<rollout::RevisionNumber> older;
    bool as_it_is_now = false; ///< of an older one: its inputs need not be what they were
    bool has_fallback = false; ///< boot: something else is tried if this is refused
    std::string token; ///< the caller's name for it: under one that is known it was made before
};

/// What became of a request.
struct Admission {
    enum class Kind {
        revision,   ///< made: `revision` is its number, its rollout is requested
        taken_back, ///< undo to what still serves: `revision` is the one whose rollout was running
        scaled,     ///< apply: only `replicas` changed
        unchanged,  ///< apply: nothing did; `revision` is the one that has it all
        refused,    ///< nothing was changed; `error`, `message` and `mistakes` say why
    };
    Kind kind = Kind::refused;
    rollout::RevisionNumber revision = 0;
    std::uint32_t replicas = 0;        ///< scaled: the new target
    std::vector<std::string> changed;  ///< apply
    std::string note;                  ///< revision: what somebody may not expect of its rollout;
                                       ///< taken_back: what was done
    std::string_view error;            ///< one of wire::control_error
    std::string message;               ///< one sentence, then the check's output
    std::vector<std::string> mistakes; ///< all of them
};

/// What admission needs from the daemon; a test scripts it.
class AdmissionWorld {
public:
    virtual ~AdmissionWorld() = default;
    virtual Loaded load(const rollout::Cause& cause) = 0;
    /// A new revision made from request.older, if what that needs is still there and unchanged.
    virtual boost::asio::awaitable<Loaded> revive(const AdmissionRequest& request) = 0;
    [[nodiscard]] virtual const rollout::State& state() const = 0;
    /// Runs service.check of a candidate; cancelling ends it.
    virtual boost::asio::awaitable<CommandResult> check(const Loaded& candidate) = 0;
    /// Reads, copies and writes what the history keeps of a candidate.
    virtual boost::asio::awaitable<void> stage(Loaded& candidate) = 0;
    virtual Result<void> open_listeners(const rollout::Spec& spec) = 0;
    /// Closes what no revision in use needs.
    virtual void close_unused_listeners() = 0;
    /// What the workers use now, and what there is.
    [[nodiscard]] virtual MemoryNow memory() const = 0;
    /// Something about what is about to be requested is doubtful.
    virtual void warn(rollout::RevisionNumber revision, const std::string& sentence) = 0;
    /// What a request of this name came to, here or under an earlier supervisor; nullopt: there was none.
    [[nodiscard]] virtual std::optional<Admission> find_request(const std::string& token) const = 0;
    /// What one is about to come to. It is published with what the next request_…() comes to, or neither is.
    virtual void remember_request(const std::string& token, const Admission& admission) = 0;
    /// Observes RolloutRequested and steps.
    virtual void request_rollout(rollout::Revision revision, bool supersede, bool immediate) = 0;
    /// Observes AbortRequested and steps.
    virtual void request_abort(std::string reason) = 0;
    /// Observes ScaleRequested{from_file} and steps.
    virtual void request_scale_from_file(std::uint32_t replicas) = 0;
};

/// What the caller of a file that cannot be used is told.
Admission refuse_to_load(const Loaded& loaded);

/// One request at a time, in the order of arrival:
///
///   waiting for its turn → loading → checking (service.check) → staging → opening listeners → requested
///                        │    └──────────┴────────────────────────┴──────────┴→ refused
///                        └→ taken back: an undo to the revision that serves while another one is rolled out
///
/// What can never happen: two requests between loading and requested at once (the second would
/// compare with, or bind over, what the first is about to change); a refused request leaves a
/// listener open that was not; a request is admitted after a stop was asked for, or after boot was
/// refused, which ends the daemon; a request but the boot's is admitted while rollouts are frozen; two
/// requests of the same name do what they ask for twice.
class Admissions {
public:
    Admissions(boost::asio::any_io_executor executor, AdmissionWorld& world);
    ~Admissions();

    /// The request goes on even if nobody waits for its answer any more.
    boost::asio::awaitable<Admission> admit(AdmissionRequest request);
    /// A stop was asked for: ends a check that runs, refuses what waits.
    void stop();
    /// Nothing is being admitted.
    [[nodiscard]] bool idle() const { return !taken_ && queue_.empty(); }
    /// Requests whose turn has not come.
    [[nodiscard]] std::size_t waiting() const { return queue_.size(); }

private:
    class Turn;
    boost::asio::awaitable<Admission> admit_now(const AdmissionRequest& request);
    boost::asio::awaitable<std::optional<Admission>> checked(const Loaded& candidate);
    /// Both are ended by a stop; the error says why.
    boost::asio::awaitable<std::string> interruptible(boost::asio::awaitable<void> work);
    std::optional<Admission> take_back(const AdmissionRequest& request);
    std::optional<Admission> unchanged_or_scaled(const AdmissionRequest& request,
                                                 const rollout::Revision& candidate,
                                                 std::vector<std::string>& changed);
    [[nodiscard]] std::string scarcity_of(const rollout::Revision& candidate) const;
    /// Right before its request is made.
    void remember(const AdmissionRequest& request, const Admission& admission);
    Admission open_and_request(rollout::Revision candidate, const AdmissionRequest& request);

    boost::asio::any_io_executor executor_;
    AdmissionWorld& world_;
    bool taken_ = false;
    bool boot_refused_ = false;
    std::deque<Wakeup*> queue_;
    boost::asio::cancellation_signal stop_check_;
};

} // namespace svc::daemon
