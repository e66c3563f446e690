"""Undo really goes back, or says why it cannot before it touches anything."""
import json
import os
import signal

from harness import PATIENCE, main, service, wait_until, worker
from load import DRAIN, Load
from replacing import CHANGES, CrashTest, elf, put, put_over, version_of

CANARY = {"strategy": "canary", "steps": [{"size": 1, "hold": "manual"}]}


class UndoTest(CrashTest):
    def done(self, supervisor, *arguments):
        result = supervisor.svc(*arguments)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        return result.stdout

    def refused(self, supervisor, *arguments):
        """Refused, and nothing was touched: no revision was made, every worker runs on."""
        before = sorted(supervisor.pids())
        newest = supervisor.call("History")["revisions"][-1]["revision"]
        result = supervisor.svc(*arguments)
        self.assertEqual(1, result.returncode, result.stdout + result.stderr)
        self.assertEqual(before, sorted(supervisor.pids()))
        self.assertEqual(newest, supervisor.call("History")["revisions"][-1]["revision"])
        return result.stderr

    def finish(self, client, status):
        out, err = client.communicate(timeout=PATIENCE)
        self.assertEqual(status, client.returncode, out + err)
        return out + err

    def deploy(self, supervisor, version, *options, **tables):
        supervisor.write(service(worker("--version", version, *options), **tables))

    def assert_serves(self, supervisor, version, revision):
        supervisor.wait_for_revision(revision)
        self.assertTrue(supervisor.get().startswith(f"{version} "), supervisor.get())

    def cause(self, supervisor):
        return supervisor.status()["cause"]


class Executable(CrashTest):
    def test_goes_back_to_one_that_was_replaced_and_loses_no_request(self):
        for name in ("renamed over", "deleted"):
            with self.apart(name) as directory:
                web = put(directory / "web", elf("1"))
                supervisor = self.start(service([str(web), *DRAIN], rollout={"replicas": 2}))
                with Load(supervisor.address(), rate=200, keepalive=4) as load:
                    CHANGES[name](web, elf("2"))
                    put(web, elf("2"))
                    self.reload(supervisor)
                    self.assertEqual({"2"}, {version_of(pid) for pid in supervisor.pids("available")})
                    undone = supervisor.svc("undo", "--cause", "it was slow")
                    self.assertEqual(0, undone.returncode, undone.stdout + undone.stderr)
                    self.assertEqual({"1"}, {version_of(pid) for pid in supervisor.pids("available")})
                load.assert_no_failure(self)
                status = supervisor.status()
                self.assertEqual((3, "undo to 1: it was slow"), (status["revision"], status["cause"]))
                # And a crash after it starts that one again.
                os.kill(supervisor.pids("available")[0], signal.SIGKILL)
                status = supervisor.wait_status("two workers again", lambda s: s["available"] == 2 and
                                                s["replica_list"][0]["restarts"] +
                                                s["replica_list"][1]["restarts"] == 1)
                self.assertEqual({"1"}, {version_of(worker["pid"]) for worker in status["workers"]})

    def test_is_refused_when_it_was_overwritten(self):
        one, two = (put(self.directory / name, elf(name)) for name in ("1", "2"))
        supervisor = self.run_one([one])
        supervisor.write(service([str(two)], rollout={"replicas": 1}))
        self.reload(supervisor)
        put_over(one, elf("3"))
        refused = supervisor.svc("undo")
        self.assertEqual(1, refused.returncode)
        self.assertIn(f"{one} changed since revision 1 was made (it was overwritten at", refused.stderr)
        self.assertEqual("2", version_of(supervisor.pids("available")[0]))

    def test_goes_back_to_a_copy_after_the_supervisor_was_restarted(self):
        web = put(self.directory / "web", elf("1"))
        content = service([str(web)], rollout={"replicas": 1},
                          service={"command": [web], "keep_executable": "copy"})
        supervisor = self.start(content)
        put(web, elf("2"))
        supervisor.stop()
        supervisor.start()
        self.assertEqual("2", version_of(supervisor.pids("available")[0]))
        undone = supervisor.svc("undo", "--to", "1")
        self.assertEqual(0, undone.returncode, undone.stdout + undone.stderr)
        self.assertEqual("1", version_of(supervisor.pids("available")[0]))
        pid = self.kill_worker(supervisor)
        self.assertEqual("1", version_of(self.comes_back(supervisor, pid)))

    def test_without_a_copy_one_that_is_gone_is_refused_after_a_restart(self):
        web = put(self.directory / "web", elf("1"))
        supervisor = self.run_one([web])
        put(web, elf("22"))
        supervisor.stop()
        supervisor.start()
        refused = supervisor.svc("undo", "--to", "1")
        self.assertEqual(1, refused.returncode)
        self.assertIn(f"{web} changed since revision 1 was made (it was replaced at", refused.stderr)
        self.assertIn("put the old file back", refused.stderr)


class Which(UndoTest):
    def test_what_serves_or_never_was_is_refused(self):
        supervisor = self.start(service(worker("--version", "1")))
        for arguments, words in ((("--to", "1"), "serves already"), (("--to", "9"), "is not kept"),
                                 ((), "no revision that completed before revision 1")):
            self.assertIn(words, self.refused(supervisor, "undo", *arguments))

    def test_an_undo_of_an_undo_goes_forward_again(self):
        supervisor = self.start(service(worker("--version", "1")))
        self.deploy(supervisor, 2)
        self.reload(supervisor)
        for revision, version, older in ((3, 1, 1), (4, 2, 2), (5, 1, 3)):
            self.done(supervisor, "undo")
            self.assert_serves(supervisor, version, revision)
            self.assertEqual(f"undo to {older}", self.cause(supervisor))
        # The service file is none of its business, and the next reload reads it.
        self.reload(supervisor)
        self.assert_serves(supervisor, 2, 6)

    def test_now_it_does_not_wait_for_min_ready(self):
        supervisor = self.start(service(worker("--version", "1")))
        self.deploy(supervisor, 2, rollout={"min_ready": "1h", "progress_deadline": "2h"})
        self.reload(supervisor, "--now")
        self.deploy(supervisor, 3)
        self.reload(supervisor)
        self.done(supervisor, "undo", "--now", "--to", "2", "--cause", "CVE")
        self.assert_serves(supervisor, 2, 4)
        self.assertEqual("undo to 2: CVE", self.cause(supervisor))

    def test_one_that_never_completed_is_proved_as_a_new_one(self):
        """Its check runs, its steps are waited for, and it is rolled back if it fails again."""
        flag, checked = self.directory / "flag", self.directory / "checked"
        supervisor = self.start(service(worker("--version", "1"), rollout={"replicas": 2}))
        content = {"service": {"command": ["/bin/sh", "-c", f"test -e {flag} || exit 3; exec \"$@\"", "sh",
                                           *worker("--version", "2")],
                               "check": ["/bin/sh", "-c", f"echo >>{checked}"]},
                   "rollout": {"replicas": 2, **CANARY}}
        supervisor.write(service(**content))
        self.assertEqual(1, supervisor.svc("reload").returncode)
        again = supervisor.svc("undo", "--to", "2")
        self.assertEqual(1, again.returncode, again.stdout + again.stderr)
        self.assertEqual(1, supervisor.status()["revision"])
        flag.touch()
        client = supervisor.start_svc("undo", "--to", "2", "--cause", "try")
        supervisor.wait_status("its first step", lambda status: any(
            "waits for svc promote" in one["step"] for one in status["rollout"]))
        self.done(supervisor, "promote")
        self.finish(client, 0)
        self.assert_serves(supervisor, 2, 4)
        self.assertEqual("undo to 2, which was rolled back: try", self.cause(supervisor))
        self.assertEqual(3, len(checked.read_text().splitlines()))
        # Now it has served: back and forth again without check and steps.
        self.done(supervisor, "undo")
        self.done(supervisor, "undo")
        self.assert_serves(supervisor, 2, 6)
        self.assertEqual(3, len(checked.read_text().splitlines()))


class Meanwhile(UndoTest):
    def test_frozen_it_is_refused_with_the_reason(self):
        supervisor = self.start(service(worker("--version", "1")))
        self.reload(supervisor)
        self.done(supervisor, "freeze", "--reason", "quarter end")
        self.assertIn("quarter end", self.refused(supervisor, "undo"))

    def taken_back(self, supervisor, client, old, *arguments):
        """An undo while another revision is rolled out: what serves goes on, and no worker of it is replaced."""
        said = self.done(supervisor, "undo", *arguments)
        self.assertIn("revision 1 still serves: the rollout of revision 2 is taken back", said)
        self.assertIn("revision 2 was taken back; revision 1 serves on", said)
        self.assertIn("revision 2 was taken back: undone by uid", self.finish(client, 1))
        self.assert_serves(supervisor, 1, 1)
        self.assertEqual(old, supervisor.pids("available"))
        self.assertEqual([1, 2], [one["revision"] for one in supervisor.call("History")["revisions"]])

    def test_to_what_still_serves_it_takes_a_rollout_back_that_progresses_or_is_paused(self):
        for pause in (False, True):
            with self.apart("paused" if pause else "progressing"):
                never = self.directory / "never"
                supervisor = self.start(service(worker("--version", "1")))
                old = supervisor.pids("available")
                self.deploy(supervisor, 2, "--ready-when", never)
                client = supervisor.start_svc("reload")
                supervisor.events.wait_for("worker_launched", lambda event: event["revision"] == 2)
                self.assertIn("revision 2 is under way", self.refused(supervisor, "undo", "--to", "2"))
                if pause:
                    self.done(supervisor, "pause", "--reason", "lunch")
                self.taken_back(supervisor, client, old, *(("--to", "1") if pause else ()))

    def test_another_one_than_it_started_from_waits_for_a_rollout_unless_told_otherwise(self):
        flag = self.directory / "flag"
        supervisor = self.start(service(worker("--version", "1")))
        self.deploy(supervisor, 2)
        self.reload(supervisor)
        self.deploy(supervisor, 3, "--ready-when", flag)
        client = supervisor.start_svc("reload")
        supervisor.events.wait_for("worker_launched", lambda event: event["revision"] == 3)
        undo = supervisor.start_svc("undo", "--to", "1")
        supervisor.events.wait_for("rollout_pending", lambda event: event["revision"] == 4)
        self.done(supervisor, "undo", "--to", "1", "--supersede")
        self.finish(client, 0)
        self.finish(undo, 0)
        self.assert_serves(supervisor, 1, 5)

    def test_a_step_that_is_held_is_taken_back(self):
        supervisor = self.start(service(worker("--version", "1"), rollout={"replicas": 2, **CANARY}))
        self.deploy(supervisor, 2, rollout={"replicas": 2, **CANARY})
        client = supervisor.start_svc("reload")
        supervisor.wait_status("its first step", lambda status: any(
            "waits for svc promote" in one["step"] for one in status["rollout"]))
        self.done(supervisor, "freeze", "--reason", "quarter end") # no rollout begins, and one may be ended
        self.assertIn("revision 2 was taken back; revision 1 serves on", self.done(supervisor, "undo"))
        self.finish(client, 1)
        self.assert_serves(supervisor, 1, 1)

    def test_the_steps_of_the_older_revision_are_skipped(self):
        supervisor = self.start(service(worker("--version", "1"), rollout={"replicas": 2, **CANARY}))
        self.deploy(supervisor, 2)
        self.reload(supervisor)
        self.done(supervisor, "undo")
        self.assert_serves(supervisor, 1, 3)

    def test_while_one_is_rolled_back_it_is_refused(self):
        flag = self.directory / "flag"
        flag.touch()
        rollout = {"max_surge": 0, "max_unavailable": 1}
        supervisor = self.start(service(worker("--version", "1", "--ready-when", flag), rollout=rollout))
        flag.unlink()
        self.deploy(supervisor, 2, "--exit", "3", rollout=rollout)
        client = supervisor.start_svc("reload")
        supervisor.wait_status("the way back", lambda status: any(
            one["phase"] == "rolling back" for one in status["rollout"]))
        for arguments in (("undo",), ("undo", "--to", "1")):
            result = supervisor.svc(*arguments)
            self.assertEqual(1, result.returncode)
            self.assertIn("revision 2 is being rolled back to revision 1 already", result.stderr)
        flag.touch()
        self.finish(client, 1)
        self.assert_serves(supervisor, 1, 1)

    def test_while_the_old_workers_still_drain_it_begins_at_once(self):
        flag = self.directory / "flag"
        supervisor = self.start(service(worker("--version", "1", "--end-when", flag)))
        self.deploy(supervisor, 2)
        self.done(supervisor, "reload", "--no-wait-drain")
        self.assertTrue(supervisor.workers("draining", "stopping"))
        self.done(supervisor, "undo", "--no-wait-drain")
        self.assertEqual(3, supervisor.status()["revision"])
        flag.touch()
        self.assert_serves(supervisor, 1, 3)


class Needs(UndoTest):
    """What a revision needs besides its executable."""

    def test_a_release_directory_that_was_moved_or_overwritten(self):
        for change, words in ((lambda path: path.rename(path.with_name("away")), "put it back"),
                              (lambda path: put_over(path / "app.py", b"#!/bin/false\n"),
                               "changed since revision 1 was made (it was overwritten at")):
            with self.apart(words.partition(" ")[0]):
                releases = self.directory / "releases"
                current = self.directory / "current"
                content = service(service={"command": ["${release}/app.py"], "release": current})
                supervisor = None
                for version in "12":
                    release = releases / version
                    release.mkdir(parents=True)
                    program = worker()[-1]
                    text = open(program, encoding="utf-8").read().replace('default="1"', f'default="{version}"')
                    put(release / "app.py", f"#!/usr/bin/python3 -SE\n{text}".encode())
                    new = self.directory / "new"
                    new.symlink_to(release)
                    new.rename(current)
                    if supervisor:
                        self.reload(supervisor)
                    else:
                        supervisor = self.start(content)
                change(releases / "1")
                self.assertIn(words, self.refused(supervisor, "undo"))
                self.assertTrue(supervisor.get().startswith("2 "))

    def test_an_environment_file_that_is_gone_is_in_the_history(self):
        file = self.directory / "web.env"
        file.write_text("TOKEN=old\n")
        supervisor = self.start(service(service={"command": worker(), "environment_files": [file]}))
        file.write_text("TOKEN=new\n")
        self.reload(supervisor)
        file.unlink()
        self.assertEqual("new", json.loads(supervisor.get("/env"))["TOKEN"])
        self.done(supervisor, "undo")
        supervisor.wait_for_revision(3)
        self.assertEqual("old", json.loads(supervisor.get("/env"))["TOKEN"])

    def test_a_working_directory_that_is_gone_is_refused(self):
        home = self.directory / "home"
        home.mkdir()
        supervisor = self.start(service(service={"command": worker(), "directory": home}))
        self.deploy(supervisor, 2)
        self.reload(supervisor)
        home.rmdir()
        self.assertIn(f"cannot enter its directory {home}", self.refused(supervisor, "undo"))

    def test_an_input_that_changed_is_refused_and_taken_as_it_is_by_force(self):
        for change, how in ((lambda path: put(path, b"2"), "it was replaced at"),
                            (lambda path: put_over(path, b"2"), "it was overwritten at"),
                            (lambda path: path.unlink(), "it is gone")):
            with self.apart(how):
                config = put(self.directory / "web.conf", b"1")
                supervisor = self.start(service(service={"command": worker("--version", "1"),
                                                         "inputs": [config]}))
                change(config)
                self.deploy(supervisor, 2)
                self.reload(supervisor)
                said = self.refused(supervisor, "undo")
                self.assertIn(f"its input {config} changed since it was made ({how}", said)
                self.assertIn("svc undo --force", said)
                self.done(supervisor, "undo", "--force")
                self.assert_serves(supervisor, 1, 3)

    def test_a_boot_falls_back_whatever_its_inputs_are(self):
        config = put(self.directory / "web.conf", b"1")
        content = {"service": {"command": worker("--version", "1"), "inputs": [config]}}
        supervisor = self.start(service(**content))
        supervisor.stop()
        put(config, b"2")
        supervisor.write("[service]\nnonsense = 1\n")
        supervisor.start()
        wait_until("the old version", lambda: supervisor.get().startswith("1 "))


if __name__ == "__main__":
    main()
