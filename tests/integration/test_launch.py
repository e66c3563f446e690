"""Starting a worker: what it gets, and how exactly a failure is told."""
import json
import os
import pathlib

from harness import ServiceTest, get, main, require_root, service, worker

NOBODY = 65534


class WhatALauncherReports(ServiceTest):
    """Each test deploys a version that cannot be started on top of one that serves."""

    def assert_rejected(self, words, content):
        supervisor = self.start()
        before = supervisor.pids()
        # It is told at once: not when a deadline is over.
        supervisor.write({**content, "ready": {"timeout": "1h"}, "rollout": {"progress_deadline": "2h"}})
        result = supervisor.svc("reload")
        said = result.stdout + result.stderr
        self.assertEqual(1, result.returncode, said)
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(before, supervisor.pids("available"), "the old worker serves on")
        self.assertEqual(f"1 {before[0]}", supervisor.get())

    def script(self, text, mode=0o755):
        path = self.directory / "program"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return str(path)

    def test_a_program_that_does_not_exist_is_named(self):
        self.assert_rejected(["/nonexistent/program", "No such file or directory"],
                             service(["/nonexistent/program"]))

    def test_a_program_without_permission_to_execute_is_named(self):
        path = self.script("#!/bin/sh\nexit 0\n", 0o644)
        self.assert_rejected([path, "Permission denied"], service([path]))

    def test_a_missing_interpreter_is_told_apart_from_a_missing_script(self):
        path = self.script("#!/nonexistent/interpreter\n")
        self.assert_rejected([f"cannot execute {path}: No such file or directory", "interpreter"],
                             service([path]))

    def test_a_file_of_an_unknown_format_is_named(self):
        path = self.script("\x7fnothing")
        self.assert_rejected([f"cannot execute {path}: Exec format error"], service([path]))

    def test_a_user_that_does_not_exist_is_named(self):
        self.assert_rejected(["no-such-user"], service(service={"user": "no-such-user"}))

    def test_a_directory_that_does_not_exist_is_named(self):
        self.assert_rejected(["/nonexistent/directory", "No such file or directory"],
                             service(service={"directory": "/nonexistent/directory"}))

    def test_an_environment_file_that_does_not_exist_is_named(self):
        self.assert_rejected(["/nonexistent/web.env", "No such file or directory"],
                             service(service={"environment_files": ["/nonexistent/web.env"]}))

    @require_root
    def test_a_program_that_the_workers_user_may_not_reach_is_named(self):
        hidden = self.directory / "hidden"
        hidden.mkdir()
        path = hidden / "program"
        path.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        path.chmod(0o755)
        hidden.chmod(0o700)
        self.assert_rejected([f"cannot execute {path}: Permission denied"],
                             service([str(path)], service={"user": "nobody"}))

    def test_a_first_version_that_cannot_start_ends_the_supervisor_with_its_reason(self):
        path = self.script("#!/nonexistent/interpreter\n")
        supervisor = self.make(service([path])).spawn()
        self.assertNotEqual(0, supervisor.wait())
        self.assertIn(f"cannot execute {path}: No such file or directory", supervisor.log)


class WhatAWorkerGets(ServiceTest):

    def test_scripts_with_an_interpreter_line_work(self):
        path = self.directory / "program"
        path.write_text("#!/bin/sh\nexec " + " ".join(worker()) + ' "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        supervisor = self.start(service([str(path), "--version", "script"]))
        self.assertTrue(supervisor.get().startswith("script "))

    def test_its_environment_is_what_the_service_file_and_the_protocols_say(self):
        file = self.directory / "web.env"
        file.write_text('# a comment\nFROM_FILE="two words"\nBOTH=file\n', encoding="utf-8")
        content = service(service={"environment": {"FROM_TABLE": "1", "BOTH": "table"},
                                   "environment_files": [str(file), "-/nonexistent.env"]},
                          rollout={"replicas": 2})
        leaks = {"LISTEN_FDNAMES": "stored", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1",
                 "FDSTORE": "7", "LISTEN_PIDFDID": "1"}
        supervisor = self.start(content, environment=leaks)
        environment = json.loads(supervisor.get("/env"))
        self.assertEqual("two words", environment["FROM_FILE"])
        self.assertEqual("1", environment["FROM_TABLE"])
        self.assertEqual("web", environment["SVC_SERVICE"])
        self.assertEqual("1", environment["SVC_REVISION"])
        self.assertIn(environment["SVC_REPLICA"], ("0", "1"))
        self.assertEqual("1", environment["LISTEN_FDS"])
        self.assertEqual("http", environment["LISTEN_FDNAMES"])
        self.assertNotEqual(str(supervisor.manager.path), environment["NOTIFY_SOCKET"])
        for name in set(leaks) - {"LISTEN_FDNAMES"}:
            self.assertNotIn(name, environment)

    def test_two_replicas_have_notify_sockets_of_their_own(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        sockets = {pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"NOTIFY_SOCKET=")[1]
                   .split(b"\0")[0] for pid in supervisor.pids()}
        self.assertEqual(2, len(sockets))

    @require_root
    def test_credentials_limits_and_the_like_are_set(self):
        supervisor = self.start(service(service={
            "user": "nobody", "supplementary_groups": ["daemon"], "directory": "/usr",
            "umask": "0027", "nice": 5, "oom_score_adj": 500, "no_new_privileges": True,
            "session": "session", "limits": {"nofile": [512, 600]}}))
        pid = supervisor.pids()[0]
        facts = json.loads(supervisor.get("/self?v=umask"))
        self.assertEqual((NOBODY, NOBODY), (facts["uid"], facts["gid"]))
        self.assertIn(1, facts["groups"])
        self.assertEqual(("/usr", 0o027, 5), (facts["cwd"], facts["umask"], facts["nice"]))
        self.assertEqual((pid, pid), (facts["sid"], facts["pgid"]))
        self.assertEqual("500\n", supervisor.get("/proc?v=oom_score_adj"))
        self.assertIn("NoNewPrivs:\t1", supervisor.get("/proc?v=status"))
        limits = supervisor.get("/proc?v=limits")
        self.assertRegex(limits, r"Max open files +512 +600 ")
        self.assertEqual("/", json.loads(supervisor.get("/env"))["HOME"][:1])

    def test_it_leads_a_process_group_and_blocks_no_signal(self):
        supervisor = self.start()
        facts = json.loads(supervisor.get("/self"))
        self.assertEqual(supervisor.pids()[0], facts["pgid"])
        self.assertIn("SigBlk:\t0000000000000000", supervisor.get("/proc?v=status"))

    def test_signals_that_the_supervisor_was_born_ignoring_are_default_in_a_worker(self):
        # nohup(1) ignores SIGHUP; a shell's background job ignores SIGINT.
        supervisor = self.start(prefix=["/usr/bin/env", "--ignore-signal=HUP", "--block-signal=USR1"])
        ignored = next(line for line in supervisor.get("/proc?v=status").splitlines()
                       if line.startswith("SigIgn"))
        self.assertEqual(0, int(ignored.split()[1], 16) & 1, "SIGHUP is signal 1")
        self.assertIn("SigBlk:\t0000000000000000", supervisor.get("/proc?v=status"))

    def test_the_descriptor_limit_is_the_one_from_before_the_supervisor_raised_its_own(self):
        supervisor = self.start(prefix=["/usr/bin/prlimit", "--nofile=900:2000"])
        self.assertRegex(supervisor.get("/proc?v=limits"), r"Max open files +900 +2000 ")

    def test_a_release_link_is_resolved_once_a_revision(self):
        for version in "1", "2":
            directory = self.directory / f"release-{version}"
            directory.mkdir()
            (directory / "version").write_text(version, encoding="utf-8")
        link = self.directory / "current"
        link.symlink_to(self.directory / "release-1")
        content = service(worker("--version", "${release}"), service={"release": str(link)})
        supervisor = self.start(content)
        self.assertIn("release-1 ", supervisor.get())
        new = self.directory / "new"
        new.symlink_to(self.directory / "release-2")
        new.rename(link)
        # A crash never deploys: the replacement starts from the release of its revision.
        old = supervisor.pids()[0]
        os.kill(old, 9)
        supervisor.wait_status("a new worker", lambda status: any(
            entry["state"] == "available" and entry["pid"] != old for entry in status["workers"]))
        address = supervisor.address()
        self.assertIn("release-1 ", get(address))
        self.reload(supervisor)
        self.assertIn("release-2 ", get(address))


if __name__ == "__main__":
    main()
