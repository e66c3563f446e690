"""Revisions on disk: what is kept, what is shown, and what a boot falls back to."""
import json
import os
import signal
import subprocess

from harness import BUILD, ServiceTest, main, require_root, service, worker

WEB = BUILD / "examples/web/example-web"


def revisions(supervisor):
    result = supervisor.svc("history", "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["revisions"]


class HistoryTest(ServiceTest):
    def restart(self, supervisor):
        """Ends what runs and starts it again, up to READY=1."""
        supervisor.stop()
        supervisor.start()

    def place(self, supervisor, number):
        return supervisor.state / "web" / "revisions" / str(number)


class Kept(HistoryTest):
    def test_every_rollout_has_its_revision_with_cause_who_and_result(self):
        supervisor = self.start()
        self.reload(supervisor, "--cause", "CVE fix")
        supervisor.write(service(worker("--exit", "3", "--say", "no database")))
        self.assertEqual(1, supervisor.svc("reload").returncode)
        listed = revisions(supervisor)
        self.assertEqual([(1, "boot", "complete"), (2, "reload: CVE fix", "complete"),
                          (3, "reload", "rolled back")],
                         [(one["revision"], one["cause"], one["result"]) for one in listed])
        self.assertEqual([False, True, False], [one["serving"] for one in listed])
        self.assertEqual(os.geteuid(), listed[1]["uid"])
        self.assertLessEqual(listed[1]["began_us"], listed[1]["ended_us"])
        self.assertIn("exit status 3", listed[2]["reason"])
        shown = supervisor.svc("history", 3)
        self.assertIn("no database", shown.stdout)
        table = supervisor.svc("history").stdout
        self.assertIn("REVISION", table)
        self.assertIn("reload: CVE fix", table)

    def test_numbers_go_on_after_a_restart(self):
        supervisor = self.start()
        self.reload(supervisor)
        self.restart(supervisor)
        self.assertEqual(3, supervisor.status()["revision"])
        self.assertEqual([1, 2, 3], [one["revision"] for one in revisions(supervisor)])

    def test_the_bound_is_kept_and_the_serving_one_is_never_dropped(self):
        supervisor = self.start(service(rollout={"history": 2}))
        for _ in range(3):
            self.reload(supervisor)
        self.assertEqual([3, 4], [one["revision"] for one in revisions(supervisor)])
        supervisor.write(service(worker("--exit", "1"), rollout={"history": 2}))
        for _ in range(3):
            self.assertEqual(1, supervisor.svc("reload").returncode)
        self.assertEqual([3, 4, 7], [one["revision"] for one in revisions(supervisor)])
        supervisor.write(service(rollout={"history": 2}))
        self.assertEqual(0, supervisor.svc("undo").returncode)

    def test_values_of_environment_files_are_nowhere_but_in_a_file_of_root(self):
        (self.directory / "web.env").write_text("TOKEN=tell-nobody\n")
        supervisor = self.start(service(service={"command": worker(), "environment_files":
                                                 [self.directory / "web.env"]}))
        (self.directory / "web.env").write_text("TOKEN=tell-nobody-2\n")
        self.reload(supervisor)
        for arguments in (("history",), ("history", 1), ("history", 2, "--json"), ("diff",),
                          ("diff", 1), ("diff", 1, 2, "--json"), ("status", "--json"), ("events", "--json")):
            result = supervisor.svc(*arguments)
            self.assertEqual(0, result.returncode, result.stderr)
            self.assertNotIn("tell-nobody", result.stdout)
        self.assertIn("TOKEN", supervisor.svc("history", 1).stdout)
        self.assertIn("web.env: TOKEN changed", supervisor.svc("diff", 1).stdout)
        (self.directory / "web.env").write_text("OTHER=tell-nobody-3\n")
        shown = supervisor.svc("diff").stdout
        self.assertIn("web.env: OTHER added, TOKEN removed", shown)
        self.assertNotIn("tell-nobody", shown)
        self.assertIn("tell-nobody", (self.place(supervisor, 1) / "revision.json").read_text())
        for path in self.place(supervisor, 1).iterdir():
            self.assertEqual(0o600, path.stat().st_mode & 0o777, path)
        for path in (self.place(supervisor, 1), self.place(supervisor, 1).parent):
            self.assertEqual(0o700, path.stat().st_mode & 0o777, path)

    def test_diff_shows_old_and_new_values(self):
        supervisor = self.start()
        supervisor.write(service(worker("--version", "2"), rollout={"min_ready": "10ms"}))
        self.reload(supervisor)
        for arguments in ((1, 2), (1,)):
            shown = supervisor.svc("diff", *arguments).stdout
            self.assertIn("revision 1 → 2", shown)
            self.assertIn("service file: service.command:\n    - [", shown)
            self.assertIn('"--version", "2"]', shown)
            self.assertIn('service file: rollout.min_ready: "0s" → "10ms"', shown)
        self.assertIn("no difference", supervisor.svc("diff", 2, 2).stdout)
        self.assertEqual(1, supervisor.svc("diff", 2, 9).returncode)

    def test_diff_without_a_number_is_what_a_reload_would_change(self):
        web = self.directory / "web"
        web.write_bytes(WEB.read_bytes())
        web.chmod(0o755)
        supervisor = self.start(service([str(web)]))
        self.assertIn("a reload would change nothing", supervisor.svc("diff").stdout)
        web.unlink()
        web.write_bytes(WEB.read_bytes() + b"2")
        web.chmod(0o755)
        supervisor.write(service([str(web)], rollout={"replicas": 3, "max_surge": "50%"}))
        shown = supervisor.svc("diff").stdout
        self.assertIn("revision 1 → the service file as it is now", shown)
        self.assertIn('service file: rollout.max_surge: 1 → "50%"', shown)
        self.assertIn("service file: rollout.replicas: 1 → 3", shown)
        self.assertRegex(shown, rf"executable {web}:\n +- \d+ bytes of .*, inode \d+.*\n +\+ \d+ bytes of")
        found = json.loads(supervisor.svc("diff", "--json").stdout)
        self.assertEqual((1, 0), (found["from"], found["to"]))
        self.assertEqual(("1", "3"), next((one["before"], one["after"]) for one in found["differences"]
                                          if one["what"].endswith("rollout.replicas")))
        self.assertEqual(1, supervisor.status()["revision"])
        supervisor.write("[service]\nnonsense = 1\n")
        wrong = supervisor.svc("diff")
        self.assertEqual(5, wrong.returncode)
        self.assertIn("nonsense", wrong.stderr)

    @require_root
    def test_who_may_only_look_sees_no_values_of_the_service_file(self):
        supervisor = self.start()
        supervisor.write(service(worker("--version", "tell-nobody")))
        self.reload(supervisor)
        shown = supervisor.svc("diff", 1, user=65534)
        self.assertEqual(0, shown.returncode, shown.stderr)
        self.assertIn("service.command", shown.stdout)
        self.assertNotIn("tell-nobody", shown.stdout)
        self.assertEqual(4, supervisor.svc("diff", user=65534).returncode)

    def test_a_bound_of_one_keeps_what_serves_what_served_before_and_the_newest(self):
        supervisor = self.start(service(rollout={"history": 1}))
        for _ in range(2):
            self.reload(supervisor)
        self.assertEqual([2, 3], [one["revision"] for one in revisions(supervisor)])
        supervisor.write(service(worker("--exit", "1"), rollout={"history": 1}))
        for _ in range(3):
            self.assertEqual(1, supervisor.svc("reload").returncode)
        listed = revisions(supervisor)
        self.assertEqual([2, 3, 6], [one["revision"] for one in listed])
        self.assertEqual([False, True, False], [one["serving"] for one in listed])
        # The next supervisor's first one fails: what served is what it finds.
        self.restart(supervisor)
        status = supervisor.status()
        self.assertIn("boot: revision 3 again", status["cause"])
        self.assertIn(3, [one["revision"] for one in revisions(supervisor)])

    def test_a_broken_directory_is_listed_and_harms_nobody(self):
        supervisor = self.start()
        self.reload(supervisor)
        (self.place(supervisor, 1) / "revision.json").write_bytes(b"\xff{")
        self.place(supervisor, 99).mkdir()
        (self.place(supervisor, "not-a-number")).mkdir()
        self.restart(supervisor)
        listed = {one["revision"]: one for one in revisions(supervisor)}
        self.assertEqual({1, 2, 99, 100}, set(listed))
        self.assertIn("revision.json", listed[1]["unreadable"])
        self.assertTrue(listed[99]["unreadable"])
        self.assertIn("unreadable", supervisor.svc("history").stdout)
        self.assertEqual(1, supervisor.svc("undo", "--to", "1").returncode)
        self.assertEqual(0, supervisor.svc("undo").returncode)


class NotWritable(HistoryTest):
    def assert_everything_else_works(self, supervisor):
        began = supervisor.events.last
        self.reload(supervisor)
        event = supervisor.events.wait_for("history", after=began)
        self.assertIn("is not kept as it should be in the history", event["text"])
        self.assertEqual(1, len(supervisor.events.of("history")))
        self.assertIn("not kept as it should be", supervisor.log)
        pid = supervisor.pids("available")[0]
        os.kill(pid, signal.SIGKILL)
        supervisor.wait_status("a new worker", lambda status: status["available"] == 1 and
                               status["workers"][0]["pid"] != pid)
        undone = supervisor.svc("undo")
        self.assertEqual(0, undone.returncode, undone.stdout + undone.stderr)
        return event["text"]

    def assert_rolls_back(self, supervisor):
        pids = supervisor.pids("available")
        supervisor.write(service(worker("--exit", "1")))
        result = supervisor.svc("reload")
        self.assertEqual(1, result.returncode, result.stdout + result.stderr)
        self.assertIn("rolled back", result.stdout + result.stderr)
        self.assertEqual(pids, supervisor.pids("available"))

    def test_an_unusable_directory_is_told_once_and_blocks_nothing(self):
        supervisor = self.start()
        place = self.place(supervisor, 1).parent
        place.rename(place.with_name("away"))
        place.write_text("in the way")
        self.assert_everything_else_works(supervisor)

    @require_root
    def test_a_full_disk_is_told_with_the_remedy_and_blocks_nothing(self):
        (self.directory / "state").mkdir()
        mount = f"mount -t tmpfs -o size=16k none {self.directory}/state && exec \"$@\""
        supervisor = self.make(prefix=("unshare", "--mount", "sh", "-c", mount, "sh"))
        try:
            supervisor.start()
        except AssertionError:
            if "permission denied" in supervisor.log.lower():
                self.skipTest("nothing can be mounted here")
            raise
        text = self.assert_everything_else_works(supervisor)
        self.assertIn("No space left on device; make room", text)
        self.assert_rolls_back(supervisor)
        # With room again the next one is kept again.
        subprocess.run(["nsenter", f"--mount=/proc/{supervisor.pid}/ns/mnt", "mount", "-o",
                        "remount,size=1m", str(self.directory / "state")], check=True)
        supervisor.write(service())
        self.reload(supervisor)
        newest = revisions(supervisor)[-1]
        self.assertEqual((supervisor.status()["revision"], "complete", ""),
                         (newest["revision"], newest["result"], newest["unreadable"]))

    def test_a_limit_of_file_sizes_is_told_and_blocks_nothing(self):
        supervisor = self.start(prefix=("prlimit", "--fsize=16384"))
        supervisor.write(service(service={"command": worker(), "environment": {"BIG": "x" * 40000}}))
        text = self.assert_everything_else_works(supervisor)
        self.assertIn("File too large", text)
        self.assert_rolls_back(supervisor)


class Boot(HistoryTest):
    def fall_back(self, content):
        """A service that completed once, and a boot with a file that cannot work."""
        supervisor = self.start(service(worker("--version", "good")))
        self.reload(supervisor)
        supervisor.stop()
        supervisor.write(content)
        return supervisor.start()

    def assert_fell_back(self, supervisor, number):
        status = supervisor.status()
        self.assertEqual((number, 1), (status["revision"], status["available"]))
        self.assertIn("boot: revision 2 again", status["cause"])
        self.assertTrue(supervisor.get().startswith("good "))
        self.assertIn("falling back to revision 2", supervisor.log)
        # A service like any other from here on.
        supervisor.write(service(worker("--version", "mended")))
        self.reload(supervisor)
        self.assertTrue(supervisor.get().startswith("mended "))
        self.assertEqual(0, supervisor.stop())

    def test_a_wrong_file_falls_back_to_the_last_that_completed(self):
        self.assert_fell_back(self.fall_back("[service]\nnonsense = 1\n"), 3)

    def test_a_version_that_fails_falls_back_to_the_last_that_completed(self):
        self.assert_fell_back(self.fall_back(service(worker("--exit", "1"))), 4)

    def test_without_a_completed_revision_a_wrong_file_is_still_status_5(self):
        supervisor = self.make("[service]\nnonsense = 1\n")
        supervisor.spawn()
        self.assertEqual(5, supervisor.wait())

    def test_a_fallback_that_is_gone_ends_the_supervisor(self):
        copy = self.directory / "web"
        copy.write_bytes(WEB.read_bytes())
        copy.chmod(0o755)
        supervisor = self.start(service([str(copy)]))
        supervisor.stop()
        copy.unlink()
        supervisor.write(service(worker("--exit", "1")))
        supervisor.spawn()
        self.assertEqual(1, supervisor.wait())
        self.assertIn("changed since revision 1 was made (it is gone)", supervisor.log)


if __name__ == "__main__":
    main()
