// Vault: the State and the Ledger where they survive this supervisor.
#pragma once

#include "svcd/host/survival/fd_store.h"
#include "wire/image.h"

#include <functional>
#include <optional>
#include <string>

namespace svc::daemon {

/// The memory file in which they stand has its place in the fd store, under this name. It is there for as
/// long as there is something to take over: a supervisor that ended on purpose leaves none.
inline constexpr const char* state_name = "svc.state";

/// What is published in such a file.
Result<wire::ReadImage> read_state(int fd);

/// publish() writes what changed (wire/image.h says how) and is cheap when nothing did. What it wrote
/// stays readable whatever happens to us afterwards, with no system call of ours left to make.
///
class Vault {
public:
    /// `warn`: of a state that cannot be written, once.
    Vault(FdStore& store, std::function<void(const std::string& text)> warn)
        : store_(store), warn_(std::move(warn)) {}

    /// What an earlier supervisor left, and its file, in which we go on writing. nullopt: it left
    /// nothing. The error says why it cannot be used; then open() begins a new one.
    Result<std::optional<wire::Snapshot>> take_over(KeptFds& kept);
    /// A new file, unless one was taken over; it is in the store from now on.
    Result<void> open();

    /// -1: it is not open.
    [[nodiscard]] int fd() const { return file_.get(); }

    /// False: it could not be written, and what was published before stands.
    bool publish(const rollout::State& state, const wire::Ledger& ledger);
    /// What was taken over is of no use, and nobody is to find it again; open() begins anew.
    void forget();
    /// On purpose: nobody is to take over from us.
    void give_up();

private:
    FdStore& store_;
    std::function<void(const std::string& text)> warn_;
    UniqueFd file_;
    wire::ImageWriter writer_;
    bool warned_ = false;
};

} // namespace svc::daemon
