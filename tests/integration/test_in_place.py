"""Workers that reload themselves, one after the other, under load without a lost request."""
import json
import os
import shlex
import signal

from harness import DEADLINES, PATIENCE, main, service, wait_until, worker
from hooks import Answering, HookTest
from load import Load

HUP = {"signal": "HUP"}
REPLICAS = 3


class InPlaceTest(HookTest):

    def setUp(self):
        super().setUp()
        self.config = self.directory / "config.json"

    def configure(self, version, **keys):
        new = self.config.with_suffix(".new")
        new.write_text(json.dumps({"version": str(version), **keys}), encoding="utf-8")
        new.rename(self.config)

    def content(self, reload=HUP, label="", verify=None, revert=None, **tables):
        in_place = {"reload": reload, **({"verify": verify} if verify else {}),
                    **({"revert": revert} if revert else {})}
        command = worker("--config", self.config, *(["--status", label] if label else []))
        return service(command, service={"inputs": [str(self.config)]},
                       rollout={"replicas": REPLICAS, "strategy": "in-place", "in_place": in_place},
                       **tables)

    def shell(self, text):
        return {"exec": ["/bin/sh", "-c", text]}

    def load(self, supervisor):
        # A worker in Python closes each connection.
        return Load(supervisor.address(), rate=150, keepalive=0)

    def by_replica(self, supervisor):
        return {entry["replica"]: entry["pid"] for entry in supervisor.workers("available")}

    def loaded(self):
        """What version each replica's worker last took from the configuration."""
        return [self.config.with_name(f"{self.config.name}.{replica}").read_text(encoding="utf-8")
                for replica in range(REPLICAS)]

    def answers(self, supervisor, version):
        self.assertEqual({str(version)}, {supervisor.get().split()[0] for _ in range(30)})


class Reload(InPlaceTest):

    def reload_under_load(self, content):
        self.configure(1)
        supervisor = self.start_settled(content)
        before = self.by_replica(supervisor)
        with self.load(supervisor) as load:
            for version in 2, 3:
                self.configure(version)
                said = self.reload(supervisor).stdout
                self.assertIn(f"revision {version} serves: 3 of 3 workers available", said)
                self.answers(supervisor, version)
        load.assert_no_failure(self)
        self.assertEqual(before, self.by_replica(supervisor))
        self.assertEqual({3}, {entry["revision"] for entry in supervisor.workers()})
        return supervisor

    def test_a_signal_reloads_each_worker_and_replaces_none(self):
        supervisor = self.reload_under_load(self.content())
        # One after the other: nobody is told before the one before has answered.
        texts = [event["text"] for event in supervisor.events.of("worker_reloaded")]
        self.assertEqual(["is told to reload itself as revision 2", "reloaded itself as revision 2"] * 3, texts[:6])

    def test_a_command_reloads_each_and_another_one_verifies_it(self):
        told = self.shell("kill -HUP $SVC_WORKER_PID")
        verify = self.shell(f'grep -q "\\"$(cat {shlex.quote(str(self.config))}.$SVC_REPLICA)\\"" '
                            f'{shlex.quote(str(self.config))}')
        self.reload_under_load(self.content(told, verify=verify))

    def test_the_commands_know_the_worker_and_both_revisions(self):
        self.configure(1)
        content = self.content(HUP, verify=self.hook("verify"))
        supervisor = self.start_settled(content)
        self.configure(2)
        self.reload(supervisor)
        self.assertEqual(REPLICAS, len(self.told("verify", SVC_REVISION=1, SVC_REASON="rollout")))
        told = self.told("verify", SVC_SERVICE="web", SVC_REVISION=2, SVC_OLD_REVISION=1, SVC_REASON="reload")
        self.assertEqual({(f"r1-{replica}", str(replica), str(pid))
                          for replica, pid in self.by_replica(supervisor).items()},
                         {(entry["SVC_WORKER"], entry["SVC_REPLICA"], entry["SVC_WORKER_PID"]) for entry in told})

    def test_a_request_reloads_and_a_request_verifies(self):
        with Answering() as server:
            self.configure(1)
            supervisor = self.start_settled(self.content(
                {"http": server.url("/reload"), "method": "POST"}, verify={"http": server.url("/verify")}))
            before = self.by_replica(supervisor)
            self.assertEqual([("GET", "/verify")] * REPLICAS, server.seen)  # of those that were started
            del server.seen[:]
            self.reload(supervisor)
            self.assertEqual([("POST", "/reload"), ("GET", "/verify")] * REPLICAS, server.seen)
            self.assertEqual(before, self.by_replica(supervisor))

    def test_apply_and_undo_reload_in_place_too(self):
        self.configure(1)
        supervisor = self.start_settled(self.content())
        before = self.by_replica(supervisor)
        self.assertIn("nothing changed", supervisor.svc("apply").stdout)
        with self.load(supervisor) as load:
            self.configure(2)
            applied = supervisor.svc("apply")
            self.assertEqual(0, applied.returncode, applied.stdout + applied.stderr)
            self.answers(supervisor, 2)
            # What the old revision read is gone, and undo says so.
            refused = supervisor.svc("undo")
            self.assertEqual(1, refused.returncode)
            self.assertIn(str(self.config), refused.stderr)
            undone = supervisor.svc("undo", "--force")
            self.assertEqual(0, undone.returncode, undone.stdout + undone.stderr)
        load.assert_no_failure(self)
        self.assertEqual(3, supervisor.status()["revision"])
        self.assertEqual(before, self.by_replica(supervisor))

    def test_what_cannot_be_reloaded_is_replaced_and_that_is_said(self):
        self.configure(1)
        supervisor = self.start_settled(self.content())
        before = self.by_replica(supervisor)
        with self.load(supervisor) as load:
            supervisor.write(self.content(label="another"))
            said = self.reload(supervisor).stdout
            supervisor.wait_for_revision(2)
        load.assert_no_failure(self)
        sentence = "its workers are replaced and not reloaded in place: the command has changed"
        self.assertIn(f"revision 2 is accepted; {sentence}\n", said)
        self.assertIn(sentence, said.splitlines()[-1])
        self.assertFalse(set(before.values()) & set(self.by_replica(supervisor).values()))
        self.assertNotIn("replaced", self.reload(supervisor).stdout)


class Failure(InPlaceTest):
    """The second of three workers fails over it."""

    def fail_at_the_second(self, said, timeout="60s", **content):
        """Which fails over it within `timeout`, if the first one is through by then: else report is None."""
        self.config = self.directory / "config.json"
        self.configure(1)
        supervisor = self.start_settled(self.content(**content))
        before = self.by_replica(supervisor)
        with self.load(supervisor) as load:
            self.configure(2, **said)
            supervisor.write(self.content(**content, ready={"timeout": timeout}))
            report = self.refused_reload(supervisor)
            supervisor.wait_for_revision(1)
        load.assert_no_failure(self)
        if "rolled back: r1-0: " in report and f"within {timeout}" in report:
            return supervisor, before, None
        self.assertIn("revision 2 failed and was rolled back: r1-1: ", report)
        self.assertEqual(REPLICAS, len(self.by_replica(supervisor)))
        return supervisor, before, report

    def restore(self):
        """A revert that puts the old file back and tells the worker."""
        old = json.dumps({"version": "1"})
        return self.shell(f"echo {shlex.quote(old)} >{shlex.quote(str(self.config))}.$SVC_REPLICA.old && "
                          f"mv {shlex.quote(str(self.config))}.$SVC_REPLICA.old {shlex.quote(str(self.config))} && "
                          "kill -HUP $SVC_WORKER_PID")

    def test_without_revert_those_that_were_told_are_replaced(self):
        self.in_time(self.is_replaced)

    def is_replaced(self, seconds):
        supervisor, before, report = self.fail_at_the_second({"silent_at": ["1"]}, timeout=f"{seconds}s")
        if not report or "    | keeps version 1" not in report and seconds != DEADLINES[-1]:
            return False
        self.assertIn(f"in-place reload failed: it did not say RELOADING=1 and then READY=1 within {seconds}s", report)
        self.assertIn("    | keeps version 1", report)
        after = self.by_replica(supervisor)
        self.assertEqual([False, False, True], [before[replica] == after[replica] for replica in range(REPLICAS)])
        return True

    def test_with_revert_they_go_back_and_stay(self):
        self.in_time(self.goes_back)

    def goes_back(self, seconds):
        self.config = self.directory / "config.json"  # which the revert names
        supervisor, before, report = self.fail_at_the_second({"half_at": ["1"]}, timeout=f"{seconds}s",
                                                             revert=self.restore())
        if not report or "it did not say RELOADING=1" in report and seconds != DEADLINES[-1]:
            return False
        self.assertIn(f"it said RELOADING=1, but not READY=1 within {seconds}s", report)
        self.assertEqual(before, self.by_replica(supervisor))
        self.assertEqual(["1"] * REPLICAS, self.loaded())
        self.answers(supervisor, 1)
        texts = [event["text"] for event in supervisor.events.of("worker_reloaded")]
        self.assertEqual(2, texts.count("is told to go back to revision 1"))
        return True

    def test_a_verification_that_fails_tells_why(self):
        self.in_time(self.is_not_verified)

    def is_not_verified(self, seconds):
        hook = self.hook("verify", "--say", "still the old one", "--exit", "2", "--only-replica", "1",
                         "--only-revision", "2")
        _, _, report = self.fail_at_the_second({}, timeout=f"{seconds}s500ms", verify=hook)
        # Again a second later, and so on.
        if not report or len(self.told("verify ended", SVC_WORKER="r1-1")) < 2 and seconds != DEADLINES[-1]:
            return False
        self.assertIn(f"it was not verified within {seconds}s500ms: exit status 2 (still the old one)", report)
        self.assertIn("    | still the old one", report)
        self.assertLessEqual(2, len(self.told("verify ended", SVC_WORKER="r1-1")))
        return True

    def test_a_verification_without_an_end_is_ended(self):
        self.in_time(self.verification_is_ended)

    def verification_is_ended(self, seconds):
        hook = self.hook("verify", "--say", "asks", "--until", self.directory / "never", "--only-replica", "1",
                         "--only-revision", "2")
        _, _, report = self.fail_at_the_second({}, timeout=f"{seconds}s", verify=hook)
        if not report or not self.told("verify", SVC_WORKER="r1-1"):
            return False
        self.assertIn(f"its verification was not done within {seconds}s", report)
        self.assertIn("    | asks", report)
        self.gone("verify")
        return True

    def test_a_worker_that_cannot_be_told_fails_it(self):
        told = self.shell("if [ $SVC_REPLICA = 1 ]; then echo no such command; exit 5; fi; kill -HUP $SVC_WORKER_PID")
        _, _, report = self.fail_at_the_second({}, reload=told)
        self.assertIn("it could not be told: exit status 5 (no such command)", report)

    def test_a_worker_that_dies_over_it_fails_it(self):
        supervisor, before, report = self.fail_at_the_second({"die_at": ["1"]})
        self.assertIn("r1-1: exit status 7", report)
        self.assertIn("    | cannot do what version 2 wants", report)
        self.assertEqual(before[2], self.by_replica(supervisor)[2])


class Started(InPlaceTest):
    """A worker that is started reads the files as they are then: it is verified, too."""

    def verify(self):
        """Each revision's version is its number."""
        return self.shell(f'said=$(cat {shlex.quote(str(self.config))}.$SVC_REPLICA); '
                          'if [ "$said" != $SVC_REVISION ]; then echo it is version $said; exit 3; fi')

    def test_after_a_crash_it_counts_once_it_is_verified(self):
        self.configure(1)
        supervisor = self.start_settled(self.content(verify=self.verify(), ready={"timeout": "1500ms"}))
        self.configure(2)  # and nobody has reloaded
        os.kill(supervisor.pids("available")[0], signal.SIGKILL)
        failed = supervisor.events.wait_for("worker_restarting", lambda event: "verified" in event["text"])
        self.assertIn("was not ready within 1s500ms; it was not verified: exit status 3 (it is version 2)",
                      failed["text"])
        name = failed["worker_name"]
        self.assertFalse([event for event in supervisor.events.of("worker_ready") if event["worker_name"] == name])
        self.assertEqual(REPLICAS - 1, supervisor.status()["available"])
        self.answers(supervisor, 1)
        self.configure(1)
        supervisor.wait_status("all of them", lambda status: status["available"] == REPLICAS)

    def test_a_rollback_without_revert_serves_nothing_but_the_old_revision(self):
        self.configure(1)
        content = self.content(verify=self.verify(), ready={"timeout": "1s"})
        content["rollout"]["progress_deadline"] = "3s"
        supervisor = self.start_settled(content)
        self.configure(2, die_at=["1"])
        report = self.refused_reload(supervisor)
        self.assertIn("r1-1: exit status 7", report)
        self.assertIn("revision 1 could not be brought back within 3s", report)
        ready = {event["worker_name"] for event in supervisor.events.of("worker_ready")}
        self.assertEqual({f"r1-{replica}" for replica in range(REPLICAS)}, ready)
        self.assertIn("verification (exit status 3", supervisor.wait_status(
            "one that is not verified", lambda status: any(
                "exit status 3" in entry["waits_for"] for entry in status["workers"]))["workers"].__repr__())
        self.configure(1)
        supervisor.wait_status("the old revision", lambda status: [1] * REPLICAS == [
            entry["revision"] for entry in status["workers"] if entry["state"] == "available"])
        self.answers(supervisor, 1)


class Steered(InPlaceTest):
    """Between two workers: the second one's command waits for a gate."""

    def halfway(self, **keys):
        self.gate = self.directory / "gate"
        told = self.shell(f"while [ $SVC_REPLICA$SVC_REASON = 1reload ] && [ ! -e {self.gate} ]; do sleep 0.02; done; "
                          "kill -HUP $SVC_WORKER_PID")
        self.configure(1)
        supervisor = self.start_settled(self.content(told, **keys))
        before = self.by_replica(supervisor)
        self.configure(2)
        client = supervisor.start_svc("reload")
        supervisor.events.wait_for("worker_reloaded", lambda event: event["worker_name"] == "r1-1")
        return supervisor, before, client

    def wait_for_reload(self, supervisor, name):
        supervisor.events.wait_for("worker_reloaded", lambda event: event["worker_name"] == name
                                   and event["text"].startswith("reloaded itself"))

    def test_a_pause_holds_the_next_one_until_it_goes_on(self):
        supervisor, before, client = self.halfway()
        self.assertIn("its reload as revision 2", supervisor.svc("status").stdout)
        with self.load(supervisor) as load:
            self.assertEqual(0, supervisor.svc("pause", "--reason", "lunch").returncode)
            self.gate.touch()
            self.wait_for_reload(supervisor, "r1-1")  # it was told already
            status = supervisor.status()
            self.assertEqual([2, 2, 1], [entry["revision"] for entry in status["workers"]])
            self.assertEqual(["2", "2", "1"], self.loaded())
            self.assertIn("lunch", status["rollout"][0]["paused"])
            self.assertEqual(0, supervisor.svc("resume").returncode)
            self.finish(client)
        load.assert_no_failure(self)
        self.assertEqual(before, self.by_replica(supervisor))
        self.assertEqual(["2"] * REPLICAS, self.loaded())
        texts = [(event["kind"], event["worker_name"]) for event in supervisor.events.seen]
        self.assertLess(texts.index(("rollout_resumed", "")), texts.index(("worker_reloaded", "r1-2")))

    def test_an_abort_takes_back_those_that_were_reloaded(self):
        supervisor, before, client = self.halfway(revert=HUP)
        with self.load(supervisor) as load:
            aborting = supervisor.start_svc("abort", "--reason", "lunch")
            supervisor.events.wait_for("rollout_rolling_back")
            self.configure(1)
            self.gate.touch()
            self.assertIn("revision 2 was taken back; revision 1 serves on", self.finish(aborting))
            self.finish(client, status=1)
        load.assert_no_failure(self)
        self.assertEqual(before, self.by_replica(supervisor))
        self.assertEqual(["1"] * REPLICAS, self.loaded())
        self.assertEqual({1}, {entry["revision"] for entry in supervisor.workers()})

    def test_a_stop_in_the_middle_leaves_nobody(self):
        supervisor, _, client = self.halfway()
        self.assertEqual(0, supervisor.stop())
        client.communicate(timeout=PATIENCE)
        self.assertNotEqual(0, client.returncode)
        wait_until("the control socket to be gone", lambda: not supervisor.control.exists())


if __name__ == "__main__":
    main()
