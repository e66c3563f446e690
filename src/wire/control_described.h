// Which members the control protocol's messages have: described.h for control.h.
#pragma once

#include "wire/control.h"
#include "wire/described.h"

namespace svc::wire {

BOOST_DESCRIBE_STRUCT(ReloadCall, (), (cause, supersede, immediate, wait, wait_drained, token))
BOOST_DESCRIBE_STRUCT(UndoCall, (),
                      (to, cause, supersede, immediate, wait, wait_drained, force, token))
BOOST_DESCRIBE_STRUCT(FollowCall, (),
                      (revision, token, wait_drained, taken_back, replicas, replica, stop))
BOOST_DESCRIBE_STRUCT(UpgradeReply, (), (generation))
BOOST_DESCRIBE_STRUCT(RevisionCall, (), (revision))
BOOST_DESCRIBE_STRUCT(DiffCall, (), (from, to))
BOOST_DESCRIBE_STRUCT(StatusCall, (), (connections, usage))
BOOST_DESCRIBE_STRUCT(ScaleCall, (), (replicas, wait))
BOOST_DESCRIBE_STRUCT(StopCall, (), (now, wait))
BOOST_DESCRIBE_STRUCT(PauseCall, (), (reason))
BOOST_DESCRIBE_STRUCT(ContinueCall, (), (wait, wait_drained))
BOOST_DESCRIBE_STRUCT(AbortCall, (), (reason, wait))
BOOST_DESCRIBE_STRUCT(ReplaceCall, (), (replica, wait))
BOOST_DESCRIBE_STRUCT(FreezeCall, (), (reason))
BOOST_DESCRIBE_STRUCT(EventsCall, (), (since, newest, follow))
BOOST_DESCRIBE_STRUCT(TimelineCall, (), (revision))
BOOST_DESCRIBE_STRUCT(WorkerStatus, (),
                      (name, revision, replica, state, pid, age_us, waits_for, status_text, memory,
                       tasks, connections, cpu_us))
BOOST_DESCRIBE_STRUCT(ReplicaStatus, (), (index, restarts, failures, waits_for))
BOOST_DESCRIBE_STRUCT(ListenerStatus, (), (name, address, sockets, backlog, problem, queue, drops))
BOOST_DESCRIBE_STRUCT(RolloutStatus, (),
                      (phase, from, to, updated, reason, last_output, step, paused, failure,
                       ended_ago_us))
BOOST_DESCRIBE_STRUCT(ServiceStatus, (),
                      (service, summary, revision, cause, revision_made_at_us, replicas, available,
                       pending, kept, frozen, stopping, supervisor_pid, generation, version,
                       upgrade_problem, service_file, rollout, workers, replica_list, listeners,
                       guarantee, cgroup, limits_problem, metrics, supervisor_cpu_us,
                       supervisor_memory))
BOOST_DESCRIBE_STRUCT(RevisionSummary, (),
                      (revision, cause, uid, made_at_us, began_us, ended_us, result, reason,
                       made_from, serving, unreadable))
BOOST_DESCRIBE_STRUCT(HistoryReply, (), (revisions))
BOOST_DESCRIBE_STRUCT(RevisionReply, (),
                      (summary, last_output, command, release, executable, build_id, sha256,
                       program, copy, user, environment_names, guarantee, service_file))
BOOST_DESCRIBE_STRUCT(Difference, (), (what, before, after))
BOOST_DESCRIBE_STRUCT(DiffReply, (), (from, to, differences))
BOOST_DESCRIBE_STRUCT(WorkerTrack, (),
                      (name, revision, replica, launched_us, ready_us, available_us, drain_us,
                       stop_us, ended_us, ended, failed))
BOOST_DESCRIBE_STRUCT(TimelineMark, (), (at_us, text))
BOOST_DESCRIBE_STRUCT(Timeline, (),
                      (revision, from, began_us, strategy, result, reason, length_us, until_us,
                       open, workers, marks, cut))
BOOST_DESCRIBE_STRUCT(WorkerProgress, (),
                      (name, revision, replica, state, since_us, waits_for, left_us, length_us,
                       note, failed))
BOOST_DESCRIBE_STRUCT(Progress, (),
                      (state, from, step, waits_for, left_us, length_us, revision, text, worker,
                       updated, available, replicas, workers, worker_list, verdict, reason,
                       last_output, changed))
BOOST_DESCRIBE_STRUCT(MetricSample, (), (name, labels, value))
BOOST_DESCRIBE_STRUCT(MetricFamily, (), (name, type, unit, help, samples))
BOOST_DESCRIBE_STRUCT(MetricsReply, (), (families))
BOOST_DESCRIBE_STRUCT(Refusal, (), (message, mistakes))

} // namespace svc::wire
