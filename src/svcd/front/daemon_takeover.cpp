// How a supervisor begins: anew, or where an earlier one ended.
#include "svcd/front/daemon.h"

#include "os/clock.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <spdlog/spdlog.h>

namespace svc::daemon {

namespace asio = boost::asio;

Result<Daemon::Beginning> Daemon::begin() {
    Beginning beginning;
    auto left = host_->find_left(passed_.kept);
    if (left && *left) {
        if (auto survivors = host_->take_over(**left, passed_.kept)) {
            begin_from(std::move(**left), *survivors, beginning);
            return beginning;
        } else {
            left = survivors.error();
        }
    }
    if (left && !*left && passed_.upgraded)
        return Error{"the program before this one passed no state"};
    if (!left && passed_.upgraded)
        return left.error(); // the program before us can
    if (!left) {
        host_->forget_left();
        note(rollout::EventKind::warning, "what the last supervisor left cannot be taken over (" +
                                              left.error().message +
                                              "): starting anew; what still runs of it ends first");
    }
    listeners_->adopt_by_address(passed_.kept);
    beginning.state.service = settings_.name;
    // Numbers go on after what is on disk, readable or not.
    if (const auto known = host_->history().numbers(); !known.empty())
        beginning.state.next_revision = known.back() + 1;
    if (host_->history().last_completed(beginning.state.next_revision))
        beginning.state.fallback = rollout::Fallback::left;
    return beginning;
}

void Daemon::begin_from(wire::Snapshot left, const rollout::Survivors& survivors,
                        Beginning& beginning) {
    events_.take_over(left.ledger.events);
    host_->ledger().generation = left.ledger.generation + 1;
    host_->ledger().requests = std::move(left.ledger.requests);
    host_->ledger().metrics = std::move(left.ledger.metrics);
    host_->ledger().upgrade_problem = settings_.upgrade_problem;
    std::vector<rollout::Event> events;
    beginning.state = std::move(left.state);
    beginning.actions = rollout::recover(beginning.state, survivors, os::now(), events).actions;
    beginning.taken_over = true;
    note(rollout::EventKind::supervisor,
         "this supervisor goes on where the last one ended: " +
             std::to_string(survivors.running.size()) +
             (survivors.running.size() == 1 ? " worker runs" : " workers run"));
    if (!settings_.upgrade_problem.empty())
        note(rollout::EventKind::warning,
             "the supervisor was not upgraded: the new program could not go on (" +
                 settings_.upgrade_problem + "), and the old one has everything again");
    for (const rollout::Event& event : events) {
        report(event); // which counts nothing before there is a Supervisor
        count_event(metric_totals(), event, beginning.state, os::now());
    }
}

Result<void> Daemon::go_on(bool taken_over) {
    if (auto opened = host_->open_vault(); !opened)
        spdlog::warn("{}; if this supervisor is killed, its workers are not taken over",
                     opened.error().message);
    std::set<std::string> known;
    // What the state takes for ended and still runs is a leftover: its pidfd had no place in the store.
    for (const auto& [id, worker] : state().workers)
        if (rollout::has_process(worker))
            known.insert(worker.name);
    // And of what ended while there was no supervisor, the rest is killed already.
    Cgroups& cgroups = host_->cgroups();
    for (const std::string& name : cgroups.ending())
        known.insert(name);
    leftovers_ =
        std::make_unique<Leftovers>(io_, settings_.runtime_dir + "/notify", known, cgroups.fd());
    cgroups.sweep();
    if (leftovers_->empty())
        leftovers_.reset();
    else
        note(rollout::EventKind::warning, "no supervisor knows " + leftovers_->describe() +
                                              ", left by an earlier one: told to end");
    // Before the first step, and with nobody's fds in the store but ours.
    metrics_server_.resume(metrics_addresses(), passed_.kept);
    if (taken_over) {
        reopen_metrics();
        host_->catch_up(state());
    }
    host_->publish(state());
    for (const std::string& name : passed_.kept.names())
        store_.remove(name);
    passed_.kept = {};
    if (!leftovers_) {
        start_serving(taken_over);
        return {};
    }
    leftovers_->end(host_->history(), longest_grace, [this, taken_over] {
        leftovers_.reset();
        if (!taken_over)
            start_serving(false);
    });
    if (taken_over)
        start_serving(true);
    return {};
}

void Daemon::start_serving(bool taken_over) {
    if (taken_over)
        step();
    // One that died before its first rollout began has nothing to go on with.
    if (phase() != Phase::booting || state().rollout || !state().revisions.empty())
        return;
    auto booting = [this]() -> asio::awaitable<void> { co_await boot(); };
    asio::co_spawn(io_, booting, asio::detached);
}

} // namespace svc::daemon
