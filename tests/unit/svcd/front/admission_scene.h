// Admissions over a scripted daemon.
#pragma once

#include "support.h"
#include "svcd/front/admission.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace svc::daemon::test {

using svc::test::run_until;
using svc::test::settle;

namespace asio = boost::asio;

/// A daemon with behaviour: it loads what `file` says, remembers the order of things, and gives
/// numbers as policy does.
class ScriptedWorld : public AdmissionWorld {
public:
    explicit ScriptedWorld(asio::io_context& io) : check_ends(io) {
        file.spec.process.command = {"web"};
        file.spec.rollout.replicas = 2;
    }

    Loaded load(const rollout::Cause& cause) override {
        story.push_back("load " + cause.text);
        Loaded loaded;
        loaded.revision = file;
        loaded.revision.cause = cause;
        loaded.check = file.spec.process.check;
        loaded.mistakes = mistakes;
        if (!mistakes.empty())
            loaded.flaw = Loaded::Flaw::file_wrong;
        return loaded;
    }
    asio::awaitable<Loaded> revive(const AdmissionRequest& request) override {
        story.push_back("revive " + std::to_string(*request.older));
        Loaded loaded;
        loaded.revision = file;
        loaded.revision.cause = request.cause;
        loaded.revision.made_from = *request.older;
        loaded.mistakes = mistakes;
        if (!mistakes.empty())
            loaded.flaw = Loaded::Flaw::gone;
        co_return loaded;
    }
    [[nodiscard]] const rollout::State& state() const override { return known; }
    asio::awaitable<CommandResult> check(const Loaded&) override {
        story.emplace_back("check");
        CommandResult result = check_result;
        if (check_hangs) {
            check_ends.expires_after(std::chrono::hours(1));
            co_await check_ends.async_wait(asio::use_awaitable);
        }
        co_return result;
    }
    asio::awaitable<void> stage(Loaded&) override {
        story.emplace_back("stage");
        if (stage_hangs) {
            check_ends.expires_after(std::chrono::hours(1));
            co_await check_ends.async_wait(asio::use_awaitable);
        }
    }
    Result<void> open_listeners(const rollout::Spec&) override {
        story.emplace_back("open");
        if (!open_error.empty())
            return Error{open_error, 98};
        return {};
    }
    void close_unused_listeners() override { story.emplace_back("close"); }
    [[nodiscard]] MemoryNow memory() const override { return memory_now; }
    void warn(rollout::RevisionNumber revision, const std::string& sentence) override {
        warnings.push_back(std::to_string(revision) + ": " + sentence);
    }
    [[nodiscard]] std::optional<Admission> find_request(const std::string& token) const override {
        const auto found = requests.find(token);
        return found == requests.end() ? std::nullopt : std::optional(found->second);
    }
    void remember_request(const std::string& token, const Admission& admission) override {
        requests[token] = admission;
    }
    void request_rollout(rollout::Revision revision, bool supersede, bool immediate) override {
        story.push_back(immediate ? "immediate" : supersede ? "supersede" : "request");
        if (stop_comes_first)
            known.wanted = rollout::Wanted::stop;
        revision.number = known.next_revision++;
        if (stop_comes_first)
            return;
        known.current = revision.number;
        known.file_replicas = revision.spec.rollout.replicas;
        known.revisions[revision.number] = revision;
    }
    void request_abort(std::string reason) override {
        story.push_back("abort " + reason);
        known.rollout->abort_reason = reason;
    }
    void request_scale_from_file(std::uint32_t replicas) override {
        story.push_back("scale " + std::to_string(replicas));
        known.file_replicas = known.replicas = replicas;
    }

    rollout::State known;
    rollout::Revision file;
    std::vector<std::string> mistakes;
    CommandResult check_result{.succeeded = true, .how = {}, .output = {}};
    bool check_hangs = false;
    bool stage_hangs = false;
    bool stop_comes_first = false;
    std::string open_error;
    asio::steady_timer check_ends;
    std::vector<std::string> story;
    MemoryNow memory_now;
    std::vector<std::string> warnings;
    std::map<std::string, Admission> requests;
};

struct Scene {
    asio::io_context io;
    ScriptedWorld world{io};
    Admissions admissions{io.get_executor(), world};

    std::shared_ptr<std::optional<Admission>>
    ask(rollout::CauseKind kind, const std::string& text = {}, bool supersede = false) {
        auto answer = std::make_shared<std::optional<Admission>>();
        auto asking = [this, answer, kind, text, supersede]() -> asio::awaitable<void> {
            AdmissionRequest request;
            request.cause = {kind, text, 0};
            request.supersede = supersede;
            *answer = co_await admissions.admit(std::move(request));
        };
        asio::co_spawn(io, asking, asio::detached);
        settle(io);
        return answer;
    }
    Admission answered(rollout::CauseKind kind, const std::string& text = {}) {
        auto answer = ask(kind, text);
        run_until(io, [&] { return answer->has_value(); });
        return **answer;
    }
};

} // namespace svc::daemon::test
