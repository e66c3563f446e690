// Parts of what svc check says, and the words that they share. A sentence says what happens, when, and what if not;
// in brackets stands the key that changes it.
#pragma once

#include "wire/service_file.h"

namespace svc::wire::service_file {

/// "/usr/bin/nginx -g 'daemon off;'", bounded.
std::string command_line(const std::vector<std::string>& command);
/// "1 worker", "3 workers".
std::string workers(std::uint64_t count);
/// "run: /usr/local/bin/deregister", "send SIGHUP to it".
std::string what_in_words(const rollout::Hook& hook);
/// With its time: "run: /usr/local/bin/deregister (at most 30s)".
std::string hook_in_words(const rollout::HookSpec& hook);
/// "; if that fails, " and `what`; nothing where a failure is ignored, or for a wait, which has none.
std::string if_it_fails(const rollout::HookSpec& hook, std::string_view what);

/// One paragraph each; without lines where the file asks for nothing of the kind.
Paragraph explain_listeners(const rollout::Spec& spec);
Paragraph explain_readiness(const rollout::Spec& spec);
Paragraph explain_watching(const rollout::Spec& spec);
Paragraph explain_rollout(const rollout::Spec& spec);
Paragraph explain_stop(const rollout::StopSpec& stop);
Paragraph explain_limits(const rollout::Spec& spec);
Paragraph explain_log(const rollout::Spec& spec, std::string_view name);
Paragraph explain_metrics(const rollout::Spec& spec);

} // namespace svc::wire::service_file
