// Which members the state's types have, for the JSON codec. Here and not beside the types, so that
// src/rollout and src/base stay free of Boost. A member or an enumerator that is missing here does
// not compile in tests/unit/wire/described_test.cpp.
//
// The order is the order of the JSON text; nothing depends on it.
#pragma once

#include "rollout/event.h"
#include "rollout/state.h"

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

namespace svc {

BOOST_DESCRIBE_ENUM(AddressFamily, ipv4, ipv6, unix_path, unix_abstract, systemd)
BOOST_DESCRIBE_ENUM(SocketType, stream, datagram, seqpacket)
BOOST_DESCRIBE_STRUCT(Address, (), (family, type, host, port))
BOOST_DESCRIBE_STRUCT(ListenerOptions, (),
                      (v6only, reuse_port, free_bind, transparent, bind_to_device, nonblock, mode,
                       owner, group, backlog, tcp_fastopen, defer_accept, keepalive, nodelay,
                       receive_buffer, send_buffer, mark))

} // namespace svc

namespace svc::rollout {

// spec.h
BOOST_DESCRIBE_ENUM(ListenerScope, service, revision, worker)
BOOST_DESCRIBE_STRUCT(ListenerSpec, (), (name, address, options, scope))
BOOST_DESCRIBE_STRUCT(ResourceLimit, (), (soft, hard))
BOOST_DESCRIBE_STRUCT(ExecHook, (), (command))
BOOST_DESCRIBE_STRUCT(SleepHook, (), (length))
BOOST_DESCRIBE_STRUCT(SignalHook, (), (signal))
BOOST_DESCRIBE_STRUCT(HttpHook, (), (method, address, host_header, target))
BOOST_DESCRIBE_ENUM(HookFailure, ignore, fail)
BOOST_DESCRIBE_STRUCT(HookSpec, (), (what, timeout, on_failure))
BOOST_DESCRIBE_STRUCT(HttpProbe, (), (url, listener))
BOOST_DESCRIBE_STRUCT(TcpProbe, (), (address))
BOOST_DESCRIBE_STRUCT(ProbeSpec, (),
                      (what, initial_delay, interval, timeout, success_threshold,
                       failure_threshold))
BOOST_DESCRIBE_ENUM(ProbeKind, startup, ready, verify, live)
BOOST_DESCRIBE_ENUM(Session, process_group, session)
BOOST_DESCRIBE_ENUM(SocketProtocol, listen_fds, server_starter, nginx, php_fpm, unicorn, puma,
                    einhorn)
BOOST_DESCRIBE_ENUM(ListenPid, set, omit)
BOOST_DESCRIBE_ENUM(ErrorOutput, capture, inherit)
BOOST_DESCRIBE_ENUM(KeepExecutable, open, copy)
BOOST_DESCRIBE_STRUCT(ProcessSpec, (),
                      (command, release, inputs, check, check_timeout, directory, user, group,
                       supplementary_groups, environment, environment_files, umask, limits, nice,
                       oom_score_adj, no_new_privileges, session, protocols, listen_pid,
                       error_output, keep_executable, pre_start))
BOOST_DESCRIBE_ENUM(ReadyOn, notify, started, fd, probe, accepting, ipc)
BOOST_DESCRIBE_ENUM(NotifyAccess, main, group, all)
BOOST_DESCRIBE_STRUCT(ReadySpec, (),
                      (on, notify_access, timeout, delay, fd, startup, probe, post_ready))
BOOST_DESCRIBE_STRUCT(LiveSpec, (), (watchdog, probe))
BOOST_DESCRIBE_STRUCT(RecycleSpec, (), (max_age, max_memory, interval))
BOOST_DESCRIBE_STRUCT(LimitsSpec, (),
                      (memory_max, memory_high, cpu_weight, cpu_max, tasks_max, io_weight))
BOOST_DESCRIBE_STRUCT(Share, (), (value, percent))
BOOST_DESCRIBE_ENUM(Strategy, rolling, recreate, blue_green, canary, in_place)
BOOST_DESCRIBE_STRUCT(InPlaceSpec, (), (reload, verify, revert))
BOOST_DESCRIBE_ENUM(MemoryCheck, off, warn, refuse)
BOOST_DESCRIBE_ENUM(OnFailure, rollback, pause)
BOOST_DESCRIBE_STRUCT(RolloutStage, (), (size, hold))
BOOST_DESCRIBE_STRUCT(RolloutSpec, (),
                      (replicas, strategy, max_surge, max_unavailable, min_ready, progress_deadline,
                       max_total, on_failure, stages, before, analysis, after, failed, in_place,
                       memory_check, keep_old, history))
BOOST_DESCRIBE_STRUCT(StopSpec, (),
                      (pre_stop, post_stop, wait_idle, signal, grace, min_stop, grace_max))
BOOST_DESCRIBE_ENUM(RestartPolicy, always, on_failure, never)
BOOST_DESCRIBE_STRUCT(RestartSpec, (), (policy, backoff_min, backoff_max))
BOOST_DESCRIBE_ENUM(LogOutput, automatic, journal, inherit, capture, prefix, file)
BOOST_DESCRIBE_STRUCT(LogSpec, (), (output, file, mode))
BOOST_DESCRIBE_STRUCT(MetricsSpec, (), (listen))
BOOST_DESCRIBE_STRUCT(Spec, (),
                      (process, listeners, ready, live, rollout, stop, restart, recycle, log,
                       limits, metrics))

// revision.h
BOOST_DESCRIBE_STRUCT(FileIdentity, (), (path, device, inode, size, modified_ns, changed_ns))
BOOST_DESCRIBE_ENUM(ExecutableKind, unknown, elf, script)
BOOST_DESCRIBE_STRUCT(Credentials, (), (set, uid, gid, groups, user, home, shell))
BOOST_DESCRIBE_ENUM(CauseKind, boot, reload, apply, signal, undo)
BOOST_DESCRIBE_STRUCT(Cause, (), (kind, text, uid))
BOOST_DESCRIBE_ENUM(RevisionState, candidate, current, retired, failed, superseded)
BOOST_DESCRIBE_STRUCT(Revision, (),
                      (number, state, reason, spec, executable, command, release, file_environment,
                       credentials, executable_identity, executable_kind, build_id, sha256,
                       program_identity, program_sha256, input_identities, cause, made_from,
                       in_place, made_at, service_file))

// state.h
BOOST_DESCRIBE_ENUM(WorkerPhase, preparing, spawning, spawned, recording, recorded, executing,
                    starting, ready, available, draining, stopping, killing, exited, finished)
BOOST_DESCRIBE_ENUM(Retirement, none, replaced, scaled_down, failed, taken_back, stopped)
BOOST_DESCRIBE_ENUM(ExitStatus::Kind, unknown, code, signal, launch)
BOOST_DESCRIBE_STRUCT(ExitStatus, (), (kind, value, core_dumped, out_of_memory, detail))
BOOST_DESCRIBE_ENUM(HookPoint, pre_start, post_ready, pre_stop, post_stop)
BOOST_DESCRIBE_STRUCT(Worker, (),
                      (id, revision, replica, attempt, name, phase, pid, since, launched_at,
                       executed_at, ready_at, available_at, start_deadline, retirement,
                       retirement_reason, drain_began, stop_deadline, running_hook, idle_deadline,
                       counting_since, counted_at, connections, started_up, said_ready, verifying,
                       post_ready_done, watched, probe_text, failing, becoming, excess_memory,
                       stale, status_text, notified_errno, reloading, announced_stop, signal_sent,
                       kill_failure, exit, last_output, output_due))
BOOST_DESCRIBE_STRUCT(Replica, (),
                      (index, restarts, failing_revision, failures, next_start, held_down,
                       last_exit, launches))
BOOST_DESCRIBE_ENUM(RolloutPhase, progressing, rolling_back)
BOOST_DESCRIBE_ENUM(RolloutHook, before, analysis, after)
BOOST_DESCRIBE_ENUM(HookProgress, due, running, passed)
BOOST_DESCRIBE_STRUCT(Rollout, (),
                      (from, to, phase, began, progressed, most_available, previous_replicas,
                       previous_file_replicas, reason, last_output, immediate, paused_at,
                       pause_reason, failure, abort_reason, stage, stage_reached, promoted,
                       analysis, before, after, hook_began))
BOOST_DESCRIBE_ENUM(Verdict, complete, rolled_back, failed, superseded, aborted)
BOOST_DESCRIBE_STRUCT(Outcome, (),
                      (revision, verdict, reason, successor, last_output, began, ended))
BOOST_DESCRIBE_ENUM(Fallback, none, left, due, asked)
BOOST_DESCRIBE_ENUM(Wanted, run, stop, stop_now, ended)
BOOST_DESCRIBE_STRUCT(State, (),
                      (service, wanted, stop_reason, failed, next_revision, next_worker, replicas,
                       file_replicas, current, previous, fallback, kept, kept_until, frozen,
                       pending, pending_supersedes, pending_immediate, rollout, revisions,
                       replica_list, workers, outcomes))

// event.h
BOOST_DESCRIBE_ENUM(EventKind, rollout_requested, rollout_pending, rollout_started,
                    rollout_rolling_back, rollout_paused, rollout_resumed, rollout_stage,
                    rollout_ended, keeping_ended, frozen, scaled, worker_launched, worker_ready,
                    worker_available, worker_status, worker_retired, worker_stopping, worker_killed,
                    kill_failed, worker_exited, worker_restarting, hook_failed, worker_recycled,
                    probe_failed, worker_reloaded, stopping, listener, listener_damaged, warning,
                    refused, supervisor, history)
BOOST_DESCRIBE_STRUCT(Event, (), (sequence, at, kind, revision, worker, worker_name, verdict, text))

} // namespace svc::rollout

namespace svc::wire {

/// The "kind" that stands for a variant's alternative in JSON.
template <class T>
inline constexpr const char* variant_kind = nullptr;
template <>
inline constexpr const char* variant_kind<rollout::ExecHook> = "exec";
template <>
inline constexpr const char* variant_kind<rollout::SleepHook> = "sleep";
template <>
inline constexpr const char* variant_kind<rollout::SignalHook> = "signal";
template <>
inline constexpr const char* variant_kind<rollout::HttpHook> = "http";
template <>
inline constexpr const char* variant_kind<rollout::HttpProbe> = "http";
template <>
inline constexpr const char* variant_kind<rollout::TcpProbe> = "tcp";

} // namespace svc::wire
