#include "svcd/front/revive.h"

#include "os/executable.h"

#include <cerrno>
#include <filesystem>
#include <unistd.h>

namespace svc::daemon {

namespace {

using rollout::Revision;

class Reviver {
public:
    Reviver(const HistoryView& view, Revision older) : view_(view) {
        loaded_.revision = std::move(older);
    }

    Loaded revive(rollout::Cause cause, WallTime now) {
        check_release();
        check_directory();
        check_user();
        check_executable();
        Revision& revision = loaded_.revision;
        revision.made_from = revision.number;
        revision.number = 0;
        revision.state = rollout::RevisionState::candidate;
        revision.reason.clear();
        revision.made_at = now;
        revision.cause = std::move(cause);
        return std::move(loaded_);
    }

private:
    void gone(std::string text) {
        loaded_.mistakes.push_back("revision " + std::to_string(loaded_.revision.number) + ": " +
                                   std::move(text));
        loaded_.flaw = Loaded::Flaw::gone;
    }

    void check_release() {
        std::error_code ignored;
        const std::string& release = loaded_.revision.release;
        if (!release.empty() && !std::filesystem::is_directory(release, ignored))
            gone("its release directory " + release + " is gone; put it back");
    }

    void check_directory() {
        const std::string& directory = loaded_.revision.spec.process.directory;
        if (!directory.empty() && ::access(directory.c_str(), X_OK) != 0)
            gone(system_error("cannot enter its directory " + directory, errno).message);
    }

    void check_user() {
        const rollout::Credentials& then = loaded_.revision.credentials;
        if (!then.set || then.user.empty())
            return;
        const auto user = os::find_user(then.user);
        if (!user)
            gone(user.error().message);
        else if (user->uid != then.uid)
            gone("the user " + then.user + " has uid " + std::to_string(user->uid) +
                 " now, and had " + std::to_string(then.uid));
    }

    void check_executable() {
        auto found = view_.executables.find(loaded_.revision);
        if (!found) {
            gone(found.error().message +
                 "; put the old file back, or `svc reload` what is there now");
            return;
        }
        if (found->fd) {
            loaded_.executable = std::move(found->fd);
            return;
        }
        // Unchanged at its path: open it, as the loader would.
        if (loaded_.revision.executable_kind != rollout::ExecutableKind::elf)
            return;
        if (auto opened = os::open_executable(loaded_.revision.executable))
            loaded_.executable = std::move(opened->fd);
    }

    const HistoryView& view_;
    Loaded loaded_;
};

Loaded refused(std::string why) {
    Loaded loaded;
    loaded.flaw = Loaded::Flaw::gone;
    loaded.mistakes.push_back(std::move(why));
    return loaded;
}

} // namespace

Loaded revive_revision(const HistoryView& view, rollout::RevisionNumber older, rollout::Cause cause,
                       WallTime now) {
    if (older == 0) {
        const auto chosen = default_undo(view);
        if (!chosen)
            return refused(chosen.error().message);
        older = *chosen;
    }
    const std::string name = "revision " + std::to_string(older);
    if (older == view.state.current && !view.state.rollout)
        return refused(name + " serves already; `svc reload` replaces its workers");
    auto entry = find_revision(view, older);
    if (!entry.revision)
        return refused(name + " is not kept: " + entry.unreadable +
                       "; `svc history` lists what is");
    if (cause.kind == rollout::CauseKind::undo)
        cause.text = "to " + std::to_string(older) + (cause.text.empty() ? "" : ": " + cause.text);
    return Reviver(view, std::move(*entry.revision)).revive(std::move(cause), now);
}

} // namespace svc::daemon
