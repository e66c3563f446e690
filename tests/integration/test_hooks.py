"""Hooks of workers and of rollouts: what they know, what their failures do, and that they end."""
import os
import signal

import example_web
from harness import main, service, wait_until, worker
from hooks import Answering, HookTest

FIRST = ("pre_start", "post_ready")
LAST = ("pre_stop", "post_stop")
TABLES = {"pre_start": "service", "post_ready": "ready", "pre_stop": "stop", "post_stop": "stop",
          "before": "rollout", "after": "rollout", "failed": "rollout", "analysis": "rollout"}


def web(version, hooks=(), *options, **rollout):
    content = example_web.web(version, *options, **rollout)
    for name, hook in dict(hooks).items():
        content.setdefault(TABLES[name], {})[name] = hook
    return content


class Environment(HookTest):

    def all_hooks(self):
        return {name: self.hook(name) for name in TABLES if name not in ("analysis", "failed")}

    def test_each_hook_of_a_rollout_knows_what_the_manual_promises(self):
        supervisor = self.start_settled(web(1, self.all_hooks()))
        self.assertEqual("0", self.told("before", SVC_REVISION=1)[0]["SVC_OLD_REVISION"])
        self.assertEqual("boot", self.told("before", SVC_REVISION=1)[0]["SVC_REASON"])
        with self.load(supervisor) as load:
            supervisor.write(web(2, self.all_hooks()))
            self.reload(supervisor, "--cause", "a new one")
        load.assert_no_failure(self)
        # The verdict comes before the last old worker's last hook.
        wait_until("the last hooks", lambda: len(self.told("post_stop")) == 2)
        names = {1: {"r1-0", "r1-1"}, 2: {"r2-0", "r2-1"}}
        for name, revision, reason in (("pre_start", 1, "rollout"), ("post_ready", 1, "rollout"),
                                       ("pre_start", 2, "rollout"), ("post_ready", 2, "rollout"),
                                       ("pre_stop", 1, "replaced"), ("post_stop", 1, "replaced")):
            with self.subTest(name, revision=revision):
                entries = self.told(name, SVC_SERVICE="web", SVC_REVISION=revision, SVC_REASON=reason)
                self.assertEqual(names[revision], {entry["SVC_WORKER"] for entry in entries})
                self.assertEqual({"0", "1"}, {entry["SVC_REPLICA"] for entry in entries})
                old = "0" if (name in FIRST and revision == 1) else "1"
                self.assertEqual({old}, {entry["SVC_OLD_REVISION"] for entry in entries})
                if name != "pre_start":
                    pids = {event["worker_name"]: entry["SVC_WORKER_PID"] for entry in entries
                            for event in supervisor.events.seen if event["worker_name"] == entry["SVC_WORKER"]}
                    self.assertEqual(2, len(set(pids.values())))
                if name == "post_stop":
                    self.assertEqual({("0", "exit status 0")}, {
                        (entry["SVC_EXIT_STATUS"], entry["SVC_EXIT_REASON"]) for entry in entries})
        for name in "before", "after":
            (entry,) = self.told(name, SVC_SERVICE="web", SVC_REVISION=2)
            self.assertEqual(("reload: a new one", "1"), (entry["SVC_REASON"], entry["SVC_OLD_REVISION"]))

    def test_the_process_id_is_the_workers(self):
        supervisor = self.start_settled(web(1, {"post_ready": self.hook("post_ready")}))
        self.assertEqual({str(pid) for pid in supervisor.pids()},
                         {entry["SVC_WORKER_PID"] for entry in self.told("post_ready")})

    def test_a_worker_outside_a_rollout_has_a_reason_too(self):
        supervisor = self.start_settled(web(1, self.all_hooks()))
        (pid,) = [entry["pid"] for entry in supervisor.workers() if entry["replica"] == 0]
        os.kill(pid, signal.SIGKILL)
        ended = self.wait_for_hook("post_stop", SVC_WORKER="r1-0")
        self.assertEqual(("exited", "9", "0"), (ended["SVC_REASON"], ended["SVC_EXIT_STATUS"],
                                                ended["SVC_OLD_REVISION"]))
        self.wait_for_hook("post_ready", SVC_WORKER="r1-0.1", SVC_REASON="restarted")
        self.assertEqual(0, supervisor.svc("scale", "3").returncode)
        self.wait_for_hook("post_ready", SVC_WORKER="r1-2", SVC_REASON="scaled_up")
        self.assertEqual(0, supervisor.svc("scale", "2").returncode)
        self.wait_for_hook("pre_stop", SVC_WORKER="r1-2", SVC_REASON="scaled_down")
        self.assertEqual(0, supervisor.svc("replace", "1").returncode)
        self.wait_for_hook("post_ready", SVC_WORKER="r1-1.1", SVC_REASON="recycled")
        self.assertEqual(0, supervisor.stop())
        self.assertTrue(self.told("pre_stop", SVC_WORKER="r1-0.1", SVC_REASON="stopped"))

    def test_each_kind_does_its_work(self):
        marks = self.directory / "marks"
        with Answering() as server:
            def content(version):
                return service(worker("--version", version, "--marks", marks),
                               service={"pre_start": {"http": server.url("/pre-start")}},
                               ready={"post_ready": {"signal": "SIGUSR2"}},
                               stop={"pre_stop": {"sleep": "100ms"},
                                     "post_stop": {"http": server.url("/post-stop"), "method": "POST"}},
                               rollout={"replicas": 1, "before": {"http": server.url("/before")},
                                        "after": {"sleep": "50ms"}})
            supervisor = self.start(content(1))
            supervisor.write(content(2))
            self.reload(supervisor)
            # A signal hook is over once it is sent; and the verdict comes before the old worker's last hook.
            wait_until("the signal", lambda: "SIGUSR2" in marks.read_text(encoding="utf-8"))
            wait_until("the last hook", lambda: len(server.seen) > 4)
            self.assertEqual([("GET", "/before"), ("GET", "/pre-start")] * 2 + [("POST", "/post-stop")],
                             server.seen)
            server.status = 503
            supervisor.write(content(3))
            self.assertIn("the hook before the rollout failed", self.refused_reload(supervisor))


class Failures(HookTest):
    """`fail` takes the rollout back, `ignore` only reports it."""

    def content(self, version, name, on_failure):
        options = ["--say", "told by the balancer", "--exit", "3"]
        return web(version, {name: self.hook(name, *options, on_failure=on_failure)})

    def first(self, name, on_failure):
        return self.content(1, name, on_failure) if name in LAST else web(1)

    def test_one_that_counts_takes_the_rollout_back_and_is_shown(self):
        words = {"pre_start": "r2-0: pre-start hook failed",
                 "post_ready": "r2-0: post-ready hook failed", "pre_stop": "pre-stop hook failed",
                 "post_stop": "post-stop hook failed", "before": "the hook before the rollout failed",
                 "after": "the hook after the rollout failed"}
        for name, sentence in words.items():
            with self.apart(name):
                supervisor = self.start_settled(self.first(name, "fail"))
                with self.load(supervisor) as load:
                    supervisor.write(web(2) if name in LAST else self.content(2, name, "fail"))
                    said = self.refused_reload(supervisor)
                    self.assertIn("revision 2 failed and was rolled back", said)
                    self.assertIn(sentence, said)
                    self.assertIn("exit status 3 (told by the balancer)", said)
                    self.assertIn("    | told by the balancer", said)
                    supervisor.wait_for_revision(1)
                load.assert_no_failure(self)

    def test_one_that_does_not_count_is_reported(self):
        for name in (*FIRST, *LAST, "before", "after"):
            with self.apart(name):
                supervisor = self.start_settled(self.first(name, "ignore"))
                with self.load(supervisor) as load:
                    supervisor.write(web(2) if name in LAST else self.content(2, name, "ignore"))
                    self.reload(supervisor)
                load.assert_no_failure(self)
                event = supervisor.events.wait_for("hook_failed")
                self.assertIn("exit status 3 (told by the balancer)", event["text"])
                supervisor.wait_log("\ntold by the balancer\n")

    def test_one_that_takes_too_long_is_ended_and_what_it_wrote_is_shown(self):
        for name in (*FIRST, "before", "after"):
            with self.apart(name):
                self.in_time(lambda seconds, name=name: self.takes_longer(name, seconds))

    def takes_longer(self, name, seconds):
        supervisor = self.start_settled(web(1))
        hook = self.hook(name, "--say", "asks the balancer", "--until", self.directory / "never",
                         timeout=f"{seconds}s", on_failure="fail")
        supervisor.write(web(2, {name: hook}))
        said = self.refused_reload(supervisor)
        self.assertIn(f"failed: it took longer than {seconds}s", said)
        if not self.told(name):  # it could not write anything before
            return False
        self.assertIn("    | asks the balancer", said)
        self.gone(name)
        return True

    def test_what_a_hook_writes_is_bounded(self):
        supervisor = self.start_settled(web(1))
        supervisor.write(web(2, {"before": self.hook("before", "--lines", 5000, "--exit", "1")}))
        said = self.refused_reload(supervisor)
        self.assertIn("line 4999 ", said)
        self.assertLess(len(said), 8192)
        self.assertLess(len(supervisor.svc("status").stdout), 16384)


class Failed(HookTest):
    """The hook that tells somebody that a rollout failed."""

    def broken(self, version, *options, **rollout):
        return web(version, {"failed": self.hook("failed", *options)}, "--fail-before-ready", **rollout)

    def test_it_runs_at_a_rollback_with_the_reason_and_does_not_delay_it(self):
        gate = self.directory / "gate"
        supervisor = self.start_settled(web(1))
        with self.load(supervisor) as load:
            supervisor.write(self.broken(2, "--until", gate))
            self.assertIn("failed and was rolled back", self.refused_reload(supervisor))
        load.assert_no_failure(self)
        entry = self.wait_for_hook("failed")
        self.assertFalse(self.told("failed ended"))
        self.assertIn("exit status 1 before it was ready", entry["SVC_REASON"])
        self.assertEqual(("2", "1"), (entry["SVC_REVISION"], entry["SVC_OLD_REVISION"]))
        gate.touch()
        self.wait_for_hook("failed ended")
        self.gone("failed")
        self.assertEqual(1, len(self.told("failed")))

    def test_a_later_failure_without_one_does_not_begin_it_again(self):
        gate = self.directory / "gate"
        supervisor = self.start_settled(web(1))
        supervisor.write(self.broken(2, "--until", gate))
        self.refused_reload(supervisor)
        self.wait_for_hook("failed")
        supervisor.write(web(3, {}, "--fail-before-ready"))
        self.refused_reload(supervisor)
        gate.touch()
        self.wait_for_hook("failed ended")
        self.assertEqual(1, len(self.told("failed")))
        self.gone("failed")

    def test_a_later_failure_with_one_ends_it(self):
        supervisor = self.start_settled(web(1))
        supervisor.write(self.broken(2, "--until", self.directory / "never"))
        self.refused_reload(supervisor)
        self.wait_for_hook("failed", SVC_REVISION="2")
        supervisor.write(self.broken(3))
        self.refused_reload(supervisor)
        self.wait_for_hook("failed ended", SVC_REVISION="3")
        self.gone("failed")
        self.assertEqual(["2", "3"], [entry["SVC_REVISION"] for entry in self.told("failed")])

    def test_it_runs_at_a_pause_by_failure(self):
        supervisor = self.start_settled(web(1))
        supervisor.write(self.broken(2, on_failure="pause"))
        self.assertIn("is paused", self.refused_reload(supervisor))
        self.assertIn("exit status 1", self.wait_for_hook("failed")["SVC_REASON"])
        self.gone("failed")

    def test_it_tells_of_an_abort_too(self):
        supervisor = self.start_settled(web(1))
        supervisor.write(web(2, {"failed": self.hook("failed")}, strategy="blue-green", promote="manual"))
        client = supervisor.start_svc("reload")
        supervisor.wait_status("it to wait", lambda status: any(
            "waits for svc promote" in rollout["step"] for rollout in status["rollout"]))
        self.assertEqual(0, supervisor.svc("abort", "--reason", "not today").returncode)
        self.finish(client, status=1)
        self.assertIn("not today", self.wait_for_hook("failed")["SVC_REASON"])
        self.gone("failed")

    def test_the_supervisor_waits_for_it_when_the_first_rollout_failed(self):
        gate = self.directory / "gate"
        supervisor = self.make(self.broken(1, "--until", gate)).spawn()
        entry = self.wait_for_hook("failed")
        self.assertIn("exit status 1 before it was ready", entry["SVC_REASON"])
        supervisor.manager.wait_for("STOPPING=1")
        wait_until("the control socket to be gone", lambda: not supervisor.control.exists())
        self.assertIsNone(supervisor.process.poll())
        gate.touch()
        self.assertEqual(1, supervisor.wait())
        self.assertTrue(self.told("failed ended"))

    def test_a_stop_does_not_wait_for_it(self):
        supervisor = self.make(self.broken(1, "--until", self.directory / "never")).spawn()
        self.wait_for_hook("failed")
        wait_until("the control socket to be gone", lambda: not supervisor.control.exists())
        self.assertEqual(1, supervisor.stop())
        self.gone("failed")

    def test_that_it_fails_itself_is_said(self):
        supervisor = self.start_settled(web(1))
        supervisor.write(self.broken(2, "--say", "no line", "--exit", "4"))
        self.refused_reload(supervisor)
        event = supervisor.events.wait_for("hook_failed")
        self.assertEqual("the hook for a failed rollout failed: exit status 4 (no line)", event["text"])


class Stops(HookTest):
    SHOWN = {"pre_start": ["pre-start hook"], "post_ready": ["post-ready hook"], "pre_stop": ["pre-stop hook"],
             "post_stop": ["post-stop hook"], "before": ["the hook before the rollout runs"],
             "after": ["the hook after the rollout runs"], "analysis": ["analysis runs"],
             "failed": ["exit status 1 before it was ready"]}

    def test_a_hook_without_an_end_outlives_no_supervisor(self):
        never = self.directory / "never"
        for name in TABLES:
            with self.apart(name):
                hook = {name: self.hook(name, "--until", never)}
                rollout = {"strategy": "canary", "steps": [{"size": 1, "hold": "0"}]} if name == "analysis" else {}
                broken = ["--fail-before-ready"] if name == "failed" else []
                supervisor = self.start_settled(web(1, hook if name in LAST else {}))
                supervisor.write(web(2, {} if name in LAST else hook, *broken, **rollout))
                self.assertEqual(0, supervisor.svc("reload", "--no-wait").returncode)
                self.wait_for_hook(name)
                shown = supervisor.svc("status").stdout
                for word in self.SHOWN[name]:
                    self.assertIn(word, shown)
                supervisor.signal(signal.SIGTERM)
                supervisor.manager.wait_for("STOPPING=1")
                if name in LAST:  # it is part of a worker's end, which has its grace
                    wait_until("both to have begun", lambda: len(self.told(name)) == 2)
                    supervisor.signal(signal.SIGTERM)
                self.assertEqual(0, supervisor.wait())
                self.gone(name)


if __name__ == "__main__":
    main()
