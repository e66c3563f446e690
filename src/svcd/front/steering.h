// What makes no sense to ask of a rollout now, and why.
#pragma once

#include "rollout/state.h"

#include <string>

namespace svc::daemon {

/// How the reason of a rollout begins that somebody took back, by `svc abort` or by an undo to what still
/// serves.
inline constexpr std::string_view aborted_by = "aborted by ";
inline constexpr std::string_view undone_by = "undone by ";
/// By which callers tell it from a failure.
bool was_asked_for(std::string_view reason);

// Each returns a sentence for the person who asked, with the remedy; empty: it can be done. They
// say beforehand what record() would pass over without a word.

std::string why_not_pause(const rollout::State& state);
std::string why_not_resume(const rollout::State& state);
/// What waits behind the rollout can be called off even where the rollout itself cannot be aborted.
std::string why_not_abort(const rollout::State& state);
std::string why_not_promote(const rollout::State& state);
std::string why_not_replace(const rollout::State& state, std::uint32_t replica);
std::string why_not_freeze(const rollout::State& state);
std::string why_not_unfreeze(const rollout::State& state);
/// A new revision: while rollouts are frozen there is none.
std::string why_no_rollout(const rollout::State& state);

/// "the rollout of revision 7 is taken back; revision 8, which waited, is called off": of an abort now.
std::string describe_taking_back(const rollout::State& state);
/// The rollout goes forward and has something to go back to.
bool can_go_back(const rollout::State& state);
/// The rollout failed, and on_failure is "pause": nothing happens before a person comes.
bool paused_by_failure(const rollout::State& state);
/// Of the rollout to `revision`: "paused: …", "waits for svc promote"; empty: it moves.
std::string standstill_of(const rollout::State& state, rollout::RevisionNumber revision);

} // namespace svc::daemon
