"""Rollouts in the hands of a person: pause, resume, abort, replace, freeze, without min_ready."""
import json
import os
import signal

from example_web import ExampleWebTest, web
from harness import (BUILD, PATIENCE, VarlinkError, main, require_root, service, wait_until,
                     worker)
from load import DRAIN

NOBODY = 65534


class SteeringTest(ExampleWebTest):

    def done(self, supervisor, *arguments):
        result = supervisor.svc(*arguments)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        return result.stdout

    def refused(self, supervisor, *arguments):
        result = supervisor.svc(*arguments)
        self.assertEqual(1, result.returncode, result.stdout + result.stderr)
        return result.stderr


class Pause(SteeringTest):

    def held_back(self, supervisor):
        """A rollout whose first new worker is not ready before it may be."""
        flag = self.directory / "flag"
        supervisor.write(service(worker("--version", "2", "--ready-when", flag),
                                 rollout={"replicas": 2}))
        client = supervisor.start_svc("reload")
        supervisor.events.wait_for("worker_launched", lambda event: event["revision"] == 2)
        return client, flag

    def test_paused_it_moves_nothing_and_resumed_it_goes_on(self):
        supervisor = self.start_settled(service(rollout={"replicas": 2}))
        client, flag = self.held_back(supervisor)
        said = self.done(supervisor, "pause", "--reason", "lunch")
        self.assertIn("the rollout of revision 2 is paused", said)
        flag.touch()
        supervisor.events.wait_for("worker_available", lambda event: event["revision"] == 2)
        status = supervisor.status()
        self.assertEqual("paused", status["rollout"][0]["phase"])
        self.assertIn("lunch", status["rollout"][0]["paused"])
        self.assertEqual([1, 1, 2], sorted(entry["revision"] for entry in status["workers"]))
        self.assertIn("is paused already", self.refused(supervisor, "pause"))
        self.assertIsNone(client.poll())
        shown = supervisor.svc("status").stdout
        self.assertRegex(shown, r"paused +for \d+s, asked for by uid \d+: lunch")
        self.done(supervisor, "resume")
        self.assertIn("is paused: asked for by uid", self.finish(client))
        self.assertEqual(2, supervisor.status()["revision"])

    def test_a_crashed_worker_of_the_serving_revision_is_started_again_meanwhile(self):
        supervisor = self.start_settled(web(1))
        supervisor.write(web(2, "--never-ready"))
        client = supervisor.start_svc("reload")
        supervisor.events.wait_for("worker_launched", lambda event: event["revision"] == 2)
        self.done(supervisor, "pause")
        victim = supervisor.pids("available")[0]
        os.kill(victim, signal.SIGKILL)
        supervisor.wait_status("two of the old ones", lambda status: 2 == len(
            [entry for entry in status["workers"]
             if entry["revision"] == 1 and entry["state"] == "available"
             and entry["pid"] != victim]))
        self.done(supervisor, "abort")
        self.finish(client, status=1)

    def test_paused_under_load_and_aborted_nothing_is_lost(self):
        supervisor = self.start_settled(web(1))
        with self.load(supervisor) as load:
            # Its second worker does not come, so that it is paused and aborted in the middle.
            second = web(2)
            second["service"]["command"] = ["/bin/sh", "-c", "[ $SVC_REPLICA = 0 ] || exec sleep 1000; exec \"$@\"", "sh",
                                            *second["service"]["command"]]
            supervisor.write(second)
            client = supervisor.start_svc("reload")
            supervisor.events.wait_for("worker_retired", lambda event: event["revision"] == 1)
            self.done(supervisor, "pause")
            said = self.done(supervisor, "abort", "--reason", "wrong one")
            self.assertIn("revision 1 serves on", said)
            self.assertIn("aborted by uid", self.finish(client, status=1))
            supervisor.wait_for_revision(1)
        load.assert_no_failure(self)
        self.assertIn("version 1", supervisor.get())

    def test_what_makes_no_sense_is_refused_with_its_reason(self):
        supervisor = self.start_settled(web(1))
        for verb in "pause", "resume", "abort", "promote":
            self.assertIn("no rollout is under way", self.refused(supervisor, verb))
        supervisor.write(web(2, "--never-ready"))
        client = supervisor.start_svc("reload")
        supervisor.events.wait_for("worker_launched", lambda event: event["revision"] == 2)
        self.assertIn("is not paused", self.refused(supervisor, "resume"))
        self.assertIn("held by nothing", self.refused(supervisor, "promote"))
        self.assertIn("is under way", self.refused(supervisor, "replace", "0"))
        self.done(supervisor, "abort")
        self.finish(client, status=1)

    def test_the_first_rollout_is_neither_paused_nor_aborted(self):
        supervisor = self.make(web(1, "--never-ready")).spawn()
        supervisor.events_when_up().wait_for("worker_launched")
        self.assertIn("the first rollout cannot be paused", self.refused(supervisor, "pause"))
        self.assertIn("the first rollout cannot be aborted", self.refused(supervisor, "abort"))

    def test_an_abort_calls_off_what_waits(self):
        supervisor = self.start_settled(service())
        flag = self.directory / "never"
        supervisor.write(service(worker("--ready-when", flag)))
        first = supervisor.start_svc("reload")
        supervisor.events.wait_for("rollout_started", lambda event: event["revision"] == 2)
        second = supervisor.start_svc("reload")
        supervisor.events.wait_for("rollout_pending", lambda event: event["revision"] == 3)
        said = self.done(supervisor, "abort")
        self.assertIn("revision 3, which waited, is called off", said)
        self.finish(first, status=1)
        self.assertIn("aborted by uid", self.finish(second, status=1))
        self.assertEqual(1, supervisor.status()["revision"])

    @require_root
    def test_who_may_only_look_steers_nothing(self):
        supervisor = self.start_settled(service())
        for verb in (["pause"], ["resume"], ["abort"], ["promote"], ["replace", "0"],
                     ["freeze", "--reason", "x"], ["unfreeze"]):
            self.assertEqual(4, supervisor.svc(*verb, user=NOBODY).returncode, verb)


class OnFailurePause(SteeringTest):

    def test_a_failure_is_told_at_once_and_resuming_tries_again(self):
        supervisor = self.start_settled(web(1, on_failure="pause"))
        old = sorted(supervisor.pids())
        flag = self.directory / "flag"
        once = f"[ -e {flag} ] || {{ echo 'no database' >&2; exit 5; }}; exec "
        command = " ".join([str(BUILD / "examples/web/example-web"), *DRAIN, "--version-label", "2"])
        with self.load(supervisor) as load:
            supervisor.write(service(["/bin/sh", "-c", once + command],
                                     rollout={"replicas": 2, "on_failure": "pause"}))
            said = self.refused(supervisor, "reload")
            self.assertIn("the rollout of revision 2 is paused: r2-0: exit status 5", said)
            self.assertIn("    | no database", said)
            self.assertIn("`svc resume web` tries again, `svc abort web` goes back", said)
            status = supervisor.status()
            self.assertEqual("paused", status["rollout"][0]["phase"])
            self.assertEqual(old, sorted(entry["pid"] for entry in status["workers"]))
            self.assertIn("exit status 5", self.refused(supervisor, "resume"))
            flag.touch()
            self.assertIn("revision 2 serves: ", self.done(supervisor, "resume"))
        load.assert_no_failure(self)
        self.assertIn("version 2", supervisor.get())

    def test_an_abort_goes_back(self):
        supervisor = self.start_settled(web(1, on_failure="pause"))
        supervisor.write(web(2, "--fail-before-ready", on_failure="pause"))
        self.refused(supervisor, "reload")
        self.assertIn("revision 1 serves on", self.done(supervisor, "abort"))
        self.assertEqual("rolled back", supervisor.status()["rollout"][0]["phase"])

    def test_a_reload_takes_the_place_of_one_that_failed(self):
        supervisor = self.start_settled(web(1, on_failure="pause"))
        supervisor.write(web(2, "--fail-before-ready", on_failure="pause"))
        self.refused(supervisor, "reload")
        supervisor.write(web(3, on_failure="pause"))
        self.assertIn("supersedes revision 2", self.reload(supervisor).stdout)
        self.assertIn("version 3", supervisor.get())


class Replace(SteeringTest):

    def test_one_worker_is_replaced_by_another_of_its_revision(self):
        supervisor = self.start_settled(web(1))
        before = {entry["replica"]: entry["pid"] for entry in supervisor.workers()}
        with self.load(supervisor) as load:
            said = self.done(supervisor, "replace", "1")
            self.assertIn("the worker of replica 1 is replaced by r1-1.1", said)
            status = supervisor.wait_status("the old one to be gone", lambda status: len(status["workers"]) == 2)
        load.assert_no_failure(self)
        after = {entry["replica"]: entry["pid"] for entry in status["workers"]}
        self.assertEqual(before[0], after[0])
        self.assertNotEqual(before[1], after[1])
        self.assertEqual(1, status["revision"])
        self.assertIn("they are 0 to 1", self.refused(supervisor, "replace", "2"))

    def test_a_worker_that_is_being_replaced_says_so(self):
        flag = self.directory / "flag"
        flag.touch()
        supervisor = self.start_settled(service(worker("--ready-when", flag)))
        flag.unlink()
        client = supervisor.start_svc("replace", "0")
        supervisor.events.wait_for("worker_launched", lambda event: "r1-0.1" in event["worker_name"])
        waits = supervisor.workers("available")[0]["waits_for"]
        self.assertIn("is being replaced, asked for by uid", waits)
        self.assertIn("is being replaced already", self.refused(supervisor, "replace", "0"))
        flag.touch()
        self.finish(client)


class Freeze(SteeringTest):

    def test_every_rollout_is_refused_with_the_reason_until_it_is_over(self):
        supervisor = self.start_settled(web(1))
        self.done(supervisor, "freeze", "--reason", "quarter end")
        for verb in "reload", "apply":
            said = self.refused(supervisor, verb)
            self.assertRegex(said, r"rollouts are frozen by uid \d+: quarter end")
        supervisor.signal(signal.SIGHUP)
        supervisor.events.wait_for("refused", lambda event: "SIGHUP" in event["text"]
                                   and "quarter end" in event["text"])
        self.assertIn("already", self.refused(supervisor, "freeze", "--reason", "mine"))
        self.assertRegex(supervisor.svc("status").stdout, r"frozen +by uid \d+: quarter end")
        self.assertEqual(1, supervisor.status()["revision"])
        self.done(supervisor, "unfreeze")
        self.assertIn("not frozen", self.refused(supervisor, "unfreeze"))
        self.reload(supervisor)

    def test_crashes_are_started_again_and_a_scale_works(self):
        supervisor = self.start_settled(web(1))
        self.done(supervisor, "freeze", "--reason", "quarter end")
        victim = supervisor.pids()[0]
        os.kill(victim, signal.SIGKILL)
        supervisor.wait_status("two again", lambda s: s["available"] == 2 and victim not in
                               [entry["pid"] for entry in s["workers"]])
        self.done(supervisor, "scale", "3")
        self.assertEqual(3, supervisor.status()["available"])

    def test_a_freeze_has_a_reason(self):
        supervisor = self.start_settled(web(1))
        self.assertEqual(2, supervisor.svc("freeze").returncode)
        with self.assertRaises(VarlinkError) as caught:
            supervisor.call("Freeze")
        self.assertEqual("InvalidParameter", caught.exception.name)


class Now(SteeringTest):

    def test_a_reload_now_does_not_wait_for_min_ready(self):
        supervisor = self.start_settled(web(1))
        supervisor.write(web(2, min_ready="1h", progress_deadline="2h"))
        with self.load(supervisor) as load:
            self.reload(supervisor, "--now", timeout=PATIENCE)
        load.assert_no_failure(self)
        self.assertIn("version 2", supervisor.get())

    def test_json_ends_with_a_verdict(self):
        supervisor = self.start_settled(web(1))
        supervisor.write(web(2))
        lines = self.done(supervisor, "replace", "0", "--json").splitlines()
        self.assertEqual("replaced", json.loads(lines[-1])["verdict"])
        wait_until("the end", lambda: len(supervisor.workers()) == 2)


if __name__ == "__main__":
    main()
