#include "svcd/front/revive.h"

#include "base/text.h"
#include "os/executable.h"
#include "os/files.h"
#include "svcd/host/hooks/launch_plan.h"

#include <cerrno>
#include <filesystem>
#include <unistd.h>

namespace svc::daemon {

namespace {

using rollout::Revision;
using rollout::State;

/// It was the serving revision once, whether or not its outcome could be written.
bool has_served(const State& state, const HistoryEntry& entry) {
    if (entry.completed())
        return true;
    const auto known = state.revisions.find(entry.number);
    return known != state.revisions.end() &&
           (known->second.state == rollout::RevisionState::current ||
            known->second.state == rollout::RevisionState::retired);
}

/// "rolled back", and so on; its supervisor may have ended before it knew.
std::string fate_of(const HistoryEntry& entry) {
    if (!entry.outcome)
        return "never completed";
    switch (entry.outcome->verdict) {
    case rollout::Verdict::complete:
        return "completed";
    case rollout::Verdict::rolled_back:
        return "was rolled back";
    case rollout::Verdict::failed:
        return "failed";
    case rollout::Verdict::superseded:
        return "was superseded";
    case rollout::Verdict::aborted:
        return "was aborted";
    }
    fatal("fate_of(): no such verdict");
}

class Reviver {
public:
    Reviver(const HistoryView& view, HistoryEntry older) : view_(view), older_(std::move(older)) {
        loaded_.revision = std::move(*older_.revision);
    }

    Loaded revive(const AdmissionRequest& request, WallTime now) {
        check_release();
        check_directory();
        check_user();
        check_executable();
        check_inputs(request.as_it_is_now);
        Revision& revision = loaded_.revision;
        const bool served = has_served(view_.state, older_);
        revision.made_from = served ? revision.number : 0;
        if (!served)
            loaded_.check = expand_release(revision.spec.process.check, revision.release);
        revision.number = 0;
        revision.state = rollout::RevisionState::candidate;
        revision.reason.clear();
        revision.made_at = now;
        revision.cause = cause_of(request.cause, served);
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

    /// Their content is not kept: an old program with a new configuration is no way back, and nobody should
    /// believe that it is. But it may be better than what serves.
    void check_inputs(bool as_they_are_now) {
        for (rollout::FileIdentity& then : loaded_.revision.input_identities) {
            const auto stat = os::stat_file(then.path);
            const auto now = stat ? std::optional(*stat) : std::nullopt;
            const bool same = now ? is_same_file(then, *now) : then.inode == 0;
            if (same)
                continue;
            if (as_they_are_now) {
                then =
                    now ? identity_of(then.path, *now) : rollout::FileIdentity{.path = then.path};
                continue;
            }
            const std::string how =
                then.inode == 0 ? "it was not there" : "it " + describe_change(then, now);
            gone("its input " + printable(then.path, 400) + " changed since it was made (" + how +
                 "); put the old file back, or take it as it is now with `svc undo --force`");
        }
    }

    rollout::Cause cause_of(rollout::Cause asked, bool served) {
        if (asked.kind != rollout::CauseKind::undo)
            return asked;
        std::string text = "to " + std::to_string(older_.number);
        if (!served)
            text += ", which " + fate_of(older_);
        asked.text = text + (asked.text.empty() ? "" : ": " + asked.text);
        return asked;
    }

    const HistoryView& view_;
    HistoryEntry older_;
    Loaded loaded_;
};

} // namespace

Loaded refuse_to_revive(std::string why) {
    Loaded loaded;
    loaded.flaw = Loaded::Flaw::gone;
    loaded.mistakes.push_back(std::move(why));
    return loaded;
}

Result<HistoryEntry> choose_older(const HistoryView& view, rollout::RevisionNumber older) {
    const State& state = view.state;
    if (older == 0) {
        const auto chosen = default_undo(view);
        if (!chosen)
            return chosen.error();
        older = *chosen;
    }
    const std::string name = "revision " + std::to_string(older);
    if (older == state.current && !state.rollout)
        return Error{name + " serves already; `svc reload` replaces its workers"};
    if (state.rollout && older == state.rollout->from &&
        state.rollout->phase == rollout::RolloutPhase::rolling_back)
        return Error{"revision " + std::to_string(state.rollout->to) + " is being rolled back to " +
                     name + " already"};
    if (state.rollout && older == state.rollout->to)
        return Error{"the rollout of " + name + " is under way; wait for its end"};
    auto entry = find_revision(view, older);
    if (!entry.revision)
        return Error{name + " is not kept: " + entry.unreadable + "; `svc history` lists what is"};
    return entry;
}

Loaded revive_revision(const HistoryView& view, HistoryEntry chosen,
                       const AdmissionRequest& request, WallTime now) {
    return Reviver(view, std::move(chosen)).revive(request, now);
}

} // namespace svc::daemon
