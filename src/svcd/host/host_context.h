// HostContext: what the parts of the DaemonHost share. One for the life of the host.
#pragma once

#include "svcd/host/children/child_table.h"
#include "svcd/host/history/executables.h"
#include "svcd/host/host_callbacks.h"
#include "svcd/host/listeners/listeners.h"
#include "svcd/host/output/error_sink.h"
#include "svcd/host/output/output_relay.h"
#include "svcd/host/survival/cgroups.h"
#include "svcd/host/survival/vault.h"
#include "svcd/host/worker_output.h"

#include <map>
#include <memory>

namespace svc::daemon {

struct HostContext {
    HostContext(boost::asio::io_context& context, const Settings& fixed, ListenerTable& table,
                FdStore& kept, HostCallbacks calls, UniqueFd held_launcher)
        : io(context), settings(fixed), listeners(table), store(kept), callbacks(std::move(calls)),
          launcher(std::move(held_launcher)), vault(kept, callbacks.warn), history(fixed.state_dir),
          executables(history, kept), cgroups(context, callbacks.warn), errors(context, 2),
          inspect_listeners(context, [this] { listeners.inspect_all(); }) {}
    HostContext(const HostContext&) = delete;
    HostContext& operator=(const HostContext&) = delete;

    boost::asio::io_context& io;
    const Settings& settings;
    ListenerTable& listeners;
    FdStore& store;
    HostCallbacks callbacks;
    UniqueFd launcher; ///< svc-launch as it was when we started
    Vault vault;
    wire::Ledger ledger; ///< what is published beside the State
    History history;
    Executables executables;
    Cgroups cgroups;
    ChildTable children;
    ErrorSink errors;
    OutputPlaces places;
    /// One look at all listeners for any number of workers that started, became ready or ended in
    /// one step: a look costs some microseconds a listener.
    Later inspect_listeners;
    /// Of processes that ended while descendants of theirs still hold the pipe.
    std::map<const OutputRelay*, std::unique_ptr<OutputRelay>> lingering;

    [[nodiscard]] std::string notify_directory() const { return settings.runtime_dir + "/notify"; }

    /// Passes on what still comes, until the end of file.
    void let_linger(std::unique_ptr<OutputRelay> relay) {
        if (!relay)
            return;
        const OutputRelay* key = relay.get();
        relay->when_closed([this, key] { lingering.erase(key); });
        lingering.emplace(key, std::move(relay));
    }
};

} // namespace svc::daemon
