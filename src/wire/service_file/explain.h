// Parts of what svc check says, and the words that they share.
#pragma once

#include "wire/service_file.h"

namespace svc::wire::service_file {

/// "/usr/bin/web --verbose", bounded.
std::string command_line(const std::vector<std::string>& command);
/// "1 worker", "3 workers".
std::string workers(std::uint64_t count);
/// "run: /usr/local/bin/deregister", "send SIGHUP to it".
std::string what_in_words(const rollout::Hook& hook);
/// With its time: "run: /usr/local/bin/deregister (at most 30s)".
std::string hook_in_words(const rollout::HookSpec& hook);
/// "; if that fails, " and `what`; nothing where a failure is ignored.
std::string if_it_fails(const rollout::HookSpec& hook, std::string_view what);

std::string explain_rollout(const rollout::RolloutSpec& rollout);
/// How a worker becomes ready, when it counts as broken, and when it has served long enough.
std::string explain_health(const rollout::Spec& spec);

} // namespace svc::wire::service_file
