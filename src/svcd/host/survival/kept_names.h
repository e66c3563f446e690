// The names of what is in the fd store. They are a protocol between a supervisor and the next one, as the
// image is.
#pragma once

#include "rollout/state.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace svc::daemon {

/// `what` of a worker: pidfd (of the process that leads its group), main (if that is another one), notify,
/// output (the read end of a pipe), journal (its output stream), ready.
inline std::string kept_name(rollout::WorkerId worker, std::string_view what) {
    return "svc.worker." + std::to_string(worker) + "." + std::string(what);
}

/// The executable of a revision, held open.
inline std::string kept_executable(rollout::RevisionNumber revision) {
    return "svc.executable." + std::to_string(revision);
}

inline constexpr const char* kept_lock = "svc.lock";       ///< in an upgrade only
inline constexpr const char* kept_control = "svc.control"; ///< the listening control socket
/// A socket of the MetricsServer. Numbers are given in the order in which they are opened.
inline constexpr std::string_view kept_metrics = "svc.metrics.";
/// In an upgrade only: the clients of the control socket (front/carried_clients.h).
inline constexpr const char* kept_clients = "svc.clients";
inline std::string kept_client(std::size_t index) {
    return "svc.client." + std::to_string(index);
}
/// A socket of the ListenerTable. Numbers are given in the order in which they are opened, and none twice.
inline std::string kept_listener(std::uint64_t number) {
    return "svc.listener." + std::to_string(number);
}

} // namespace svc::daemon
