"""Rollouts: what becomes the serving version, what does not, and who is told."""
import json
import signal

from harness import PATIENCE, ServiceTest, command_line, main, service, worker


class Rejected(ServiceTest):
    """A failing version stops its rollout at once; the old workers are not touched."""

    def assert_rejected(self, words, content, untouched=True):
        supervisor = self.start(service(rollout={"replicas": 2}))
        before = sorted(supervisor.pids())
        # No deadline passes but the one that it has of its own.
        supervisor.write({**content, "ready": {"timeout": "1h", **content.get("ready", {})},
                          "rollout": {"progress_deadline": "2h", **content["rollout"]}})
        result = supervisor.svc("reload")
        said = result.stdout + result.stderr
        self.assertEqual(1, result.returncode, said)
        for word in words:
            self.assertIn(word, said)
        status = supervisor.status()
        self.assertEqual(1, status["revision"])
        if untouched:
            self.assertEqual(2, status["available"])
        status = supervisor.wait_status("the new ones to go", lambda s: len(s["workers"]) == 2)
        self.assertEqual([1, 1], [entry["revision"] for entry in status["workers"]])
        if untouched:
            self.assertEqual(before, sorted(entry["pid"] for entry in status["workers"]))
        return supervisor

    def test_a_version_that_exits_before_it_is_ready(self):
        supervisor = self.assert_rejected(
            ["exit status 3", "cannot open the database"],
            service(worker("--say", "cannot open the database", "--exit", "3"),
                    rollout={"replicas": 2}))
        self.assertIn(supervisor.status()["rollout"][0]["phase"], ("rolled back", "rolled_back"))
        self.assertIn("cannot open the database", supervisor.svc("status").stdout)

    def test_a_version_that_never_is_ready(self):
        self.assert_rejected(["500ms", "ready"], service(
            worker("--never-ready"), ready={"timeout": "500ms"}, rollout={"replicas": 2}))

    def test_a_version_that_dies_within_min_ready(self):
        self.assert_rejected(["exit status 9"], service(
            worker("--exit-after-ready", "0.2"), rollout={"replicas": 2, "min_ready": "1h"}))

    def test_a_version_that_cannot_be_executed(self):
        path = self.directory / "program"
        path.write_text("#!/nonexistent/interpreter\n", encoding="utf-8")
        path.chmod(0o755)
        self.assert_rejected([f"cannot execute {path}"],
                             service([str(path)], rollout={"replicas": 2}))

    def test_a_version_that_its_own_check_refuses(self):
        check = ["/bin/sh", "-c", "echo 'line 7: unknown directive'; exit 1"]
        supervisor = self.assert_rejected(
            ["unknown directive", "exit status 1"],
            service(service={"check": check}, rollout={"replicas": 2}))
        self.assertEqual([], [event for event in supervisor.events.of("worker_launched")
                              if event["revision"] > 1])

    def test_each_line_of_a_failing_check_is_a_line(self):
        supervisor = self.start(service(service={"check": ["/bin/true"]}))
        check = ["/bin/sh", "-c", "echo first; echo second >&2; exit 1"]
        supervisor.write(service(service={"check": check}))
        result = supervisor.svc("reload")
        self.assertEqual(1, result.returncode)
        self.assertEqual(["first", "second"], sorted(result.stderr.splitlines()[-2:]))

    def test_a_check_without_an_end_is_ended(self):
        self.assert_rejected(["300ms"], service(
            service={"check": ["/bin/sleep", "1000"], "check_timeout": "300ms"},
            rollout={"replicas": 2}))

    def test_a_progress_deadline_that_passes(self):
        self.assert_rejected(["progress"], service(
            worker("--never-ready"), rollout={"replicas": 2, "progress_deadline": "700ms"}))

    def test_a_second_replica_that_fails_takes_the_first_one_back(self):
        flag = self.directory / "flag"
        once = ["/bin/sh", "-c", f"mkdir {flag} 2>/dev/null || exit 4; exec " + " ".join(worker())]
        self.assert_rejected(["exit status 4"], service(once, rollout={"replicas": 2}),
                             untouched=False)  # the first old one was replaced already

    def test_the_next_good_version_is_deployed_as_if_nothing_had_been(self):
        supervisor = self.assert_rejected(["exit status 1"], service(
            ["/bin/false"], rollout={"replicas": 2}))
        supervisor.write(service(worker("--version", "3"), rollout={"replicas": 2}))
        self.reload(supervisor)
        self.assertTrue(supervisor.get().startswith("3 "))
        self.assertEqual(3, supervisor.status()["revision"])


class Order(ServiceTest):

    def hold(self, supervisor, flag, version="2", **tables):
        """Starts a rollout that waits for `flag` to exist."""
        supervisor.write(service(worker("--version", version, "--ready-when", flag), **tables))
        client = supervisor.start_svc("reload")
        supervisor.events.wait_for("rollout_started", lambda event: event["revision"] > 1)
        return client

    def finish(self, client):
        out, err = client.communicate(timeout=PATIENCE)
        return client.returncode, out + err

    def test_the_old_worker_is_told_to_go_after_the_new_one_is_available(self):
        supervisor = self.start(service(rollout={"replicas": 3}))
        supervisor.events.wait_for("rollout_ended")
        self.reload(supervisor)
        supervisor.events.wait_for("rollout_ended", lambda event: event["revision"] == 2)
        available, rolling = 0, False
        for event in supervisor.events.seen:
            rolling |= event["kind"] == "rollout_started" and event["revision"] == 2
            available += (event["kind"] == "worker_available") - (event["kind"] == "worker_retired")
            if rolling:
                self.assertGreaterEqual(available, 3, "\n".join(supervisor.events.lines()))

    def test_a_reload_during_a_rollout_waits_for_its_end(self):
        flag = self.directory / "flag"
        supervisor = self.start()
        first = self.hold(supervisor, flag)
        supervisor.write(service(worker("--version", "3")))
        second = supervisor.start_svc("reload")
        supervisor.events.wait_for("rollout_pending")
        self.assertEqual(3, supervisor.status()["pending"])
        flag.touch()
        self.assertEqual(0, self.finish(first)[0])
        self.assertEqual(0, self.finish(second)[0])
        self.assertTrue(supervisor.get().startswith("3 "))

    def test_the_newest_pending_one_wins_and_all_who_wait_get_its_verdict(self):
        flag = self.directory / "flag"
        supervisor = self.start()
        first = self.hold(supervisor, flag)
        clients = []
        for version in "3", "4":
            supervisor.write(service(worker("--version", version)))
            clients.append(supervisor.start_svc("reload"))
            supervisor.events.wait_for("rollout_pending", lambda event, version=version:
                                       event["revision"] == int(version))
        flag.touch()
        self.assertEqual(0, self.finish(first)[0])
        status, said = self.finish(clients[0])
        self.assertEqual(0, status, said)
        self.assertIn("supersede", said)
        self.assertEqual(0, self.finish(clients[1])[0])
        self.assertTrue(supervisor.get().startswith("4 "))
        self.assertFalse([event for event in supervisor.events.of("worker_launched")
                          if event["revision"] == 3])

    def test_supersede_does_not_wait(self):
        supervisor = self.start()
        first = self.hold(supervisor, self.directory / "never")
        supervisor.write(service(worker("--version", "3")))
        self.reload(supervisor, "--supersede")
        status, said = self.finish(first)
        self.assertEqual(0, status, said)
        self.assertIn("supersede", said)
        self.assertTrue(supervisor.get().startswith("3 "))

    def test_two_clients_that_wait_for_one_rollout_both_get_its_failure(self):
        supervisor = self.start()
        flag = self.directory / "flag"
        supervisor.write(service(["/bin/sh", "-c", f"until [ -e {flag} ]; do sleep 0.02; done; exit 5"]))
        clients = [supervisor.start_svc("reload")]
        supervisor.events.wait_for("rollout_started", lambda event: event["revision"] == 2)
        clients.append(supervisor.start_svc("reload"))
        supervisor.events.wait_for("rollout_pending")
        clients.append(supervisor.start_svc("reload"))
        supervisor.events.wait_for("rollout_pending", lambda event: event["revision"] == 4)
        flag.touch()
        for client in clients:
            status, said = self.finish(client)
            self.assertEqual(1, status, said)
            self.assertIn("exit status 5", said)

    def test_no_wait_returns_before_the_verdict(self):
        supervisor = self.start()
        supervisor.write(service(worker("--ready-when", self.directory / "flag")))
        result = supervisor.svc("reload", "--no-wait")
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual("progressing", supervisor.status()["rollout"][0]["phase"])
        (self.directory / "flag").touch()
        supervisor.events.wait_for("rollout_ended", lambda event: event["revision"] == 2)

    def test_a_timeout_ends_the_waiting_and_not_the_rollout(self):
        self.in_time(self.ends_the_waiting)

    def ends_the_waiting(self, seconds):
        supervisor = self.start()
        flag = self.directory / "flag"
        supervisor.write(service(worker("--version", "2", "--ready-when", flag)))
        result = supervisor.svc("reload", "--timeout", f"{seconds}s")
        self.assertEqual(6, result.returncode, result.stdout + result.stderr)
        if "is accepted" not in result.stdout:
            return False
        self.assertIn("the rollout goes on", result.stderr)
        flag.touch()
        supervisor.wait_for_revision(2)
        self.assertTrue(supervisor.get().startswith("2 "))
        return True

    def test_the_story_is_told_from_its_beginning_and_goes_on(self):
        supervisor = self.start()
        told = supervisor.svc("events")
        self.assertEqual(0, told.returncode, told.stderr)
        self.assertIn("r1-0", told.stdout)
        with supervisor.start_svc("events", "--follow", "--json") as follower:
            lines = [follower.stdout.readline()]  # it is there
            self.reload(supervisor)
            supervisor.stop()
            lines += follower.stdout.readlines()
            self.assertEqual("svc: web: the supervisor has ended\n", follower.stderr.read())
        self.assertEqual(0, follower.returncode)
        kinds = [json.loads(line)["kind"] for line in lines]
        for kind in "rollout_started", "worker_ready", "worker_stopping", "rollout_ended", "stopping":
            self.assertIn(kind, kinds)

    def test_a_stop_during_a_rollout_aborts_it_and_drains_all(self):
        supervisor = self.start()
        client = self.hold(supervisor, self.directory / "never")
        self.assertEqual(0, supervisor.stop())
        status, said = self.finish(client)
        self.assertNotEqual(0, status, said)


class DuringTheBoot(ServiceTest):
    """A reload that comes before the first revision is complete."""

    def boot(self, content):
        supervisor = self.make(content).spawn()
        supervisor.events_when_up().wait_for("worker_launched")
        return supervisor

    def wait_pending(self, supervisor):
        supervisor.events.wait_for("rollout_pending", lambda event: event["revision"] == 2)
        status = supervisor.status()
        self.assertEqual((2, "progressing", 1), (status["pending"], status["rollout"][0]["phase"],
                                                 status["rollout"][0]["to"]))
        self.assertNotIn("READY=1", supervisor.manager.messages)

    def assert_second_serves(self, supervisor):
        supervisor.wait_for_revision(2)
        self.assertTrue(supervisor.get().startswith("2 "))
        supervisor.manager.wait_for("READY=1")

    def test_a_hangup_waits_for_the_boot_and_is_done_then(self):
        flag = self.directory / "flag"
        supervisor = self.boot(service(worker("--ready-when", flag)))
        supervisor.write(service(worker("--version", "2")))
        supervisor.signal(signal.SIGHUP)
        self.wait_pending(supervisor)
        flag.touch()
        self.assert_second_serves(supervisor)
        verdicts = [(event["revision"], event["verdict"])
                    for event in supervisor.events.of("rollout_ended")]
        self.assertEqual([(1, "complete"), (2, "complete")], verdicts)

    def test_svc_reload_waits_for_the_boot_and_gets_its_verdict(self):
        flag = self.directory / "flag"
        supervisor = self.boot(service(worker("--ready-when", flag)))
        supervisor.write(service(worker("--version", "2")))
        client = supervisor.start_svc("reload")
        self.wait_pending(supervisor)
        self.assertIsNone(client.poll())
        flag.touch()
        out, err = client.communicate(timeout=PATIENCE)
        self.assertEqual(0, client.returncode, out + err)
        self.assertIn("revision 2 waits for the rollout of revision 1", out)
        self.assertIn("revision 2 serves: 1 of 1 worker available", out)
        self.assert_second_serves(supervisor)

    def test_a_boot_that_fails_makes_way_for_the_reload_that_waits(self):
        flag = self.directory / "flag"
        supervisor = self.boot(service(
            ["/bin/sh", "-c", f"until [ -e {flag} ]; do sleep 0.02; done; exit 5"]))
        supervisor.write(service(worker("--version", "2")))
        client = supervisor.start_svc("reload")
        self.wait_pending(supervisor)
        flag.touch()
        out, err = client.communicate(timeout=PATIENCE)
        self.assertEqual(0, client.returncode, out + err)
        self.assert_second_serves(supervisor)


class ScaleAndApply(ServiceTest):

    def test_scale_changes_the_number_and_makes_no_revision(self):
        supervisor = self.start()
        old = supervisor.pids()[0]
        for count in 3, 1:
            result = supervisor.svc("scale", count)
            self.assertEqual(0, result.returncode, result.stderr)
            supervisor.wait_status(f"{count} workers", lambda s, count=count:
                                   len(s["workers"]) == count == s["available"])
        self.assertEqual([old], supervisor.pids())
        self.assertEqual(1, supervisor.status()["revision"])

    def test_a_scale_whose_workers_do_not_come_up_fails_with_their_reason(self):
        flag = self.directory / "broken"
        command = ["/bin/sh", "-c", f'test -e {flag} && exit 3; exec "$@"', "sh", *map(str, worker())]
        for policy, words in ("always", "is tried again"), ("never", "stays down"):
            supervisor = self.start(service(command, rollout={"replicas": 1}, restart={"policy": policy}))
            flag.touch()
            result = supervisor.svc("scale", 3)
            self.assertEqual(1, result.returncode, result.stdout + result.stderr)
            for text in "1 of 3 workers are available", "replica 2 failed (exit status 3)", words:
                self.assertIn(text, result.stdout + result.stderr)
            flag.unlink()
            supervisor.close()

    def test_a_scale_lasts_over_a_reload(self):
        supervisor = self.start()
        supervisor.svc("scale", 2)
        self.reload(supervisor)
        self.assertEqual(2, supervisor.status()["replicas"])
        self.assertEqual(2, supervisor.status()["available"])

    def test_a_changed_number_alone_scales_and_replaces_nobody(self):
        supervisor = self.start()
        old = supervisor.pids()[0]
        supervisor.write(service(rollout={"replicas": 3}))
        result = supervisor.svc("apply")
        self.assertEqual(0, result.returncode, result.stderr)
        status = supervisor.wait_status("three", lambda s: s["available"] == 3)
        self.assertIn(old, [entry["pid"] for entry in status["workers"]])
        self.assertEqual(1, status["revision"])

    def test_apply_without_a_change_does_nothing_and_says_so(self):
        supervisor = self.start()
        old = supervisor.pids()
        result = supervisor.svc("apply")
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertIn("unchanged", (result.stdout + result.stderr).replace("nothing changed",
                                                                           "unchanged"))
        self.assertEqual(old, supervisor.pids())

    def test_apply_says_what_changed(self):
        environment = self.directory / "web.env"
        environment.write_text("A=1\n", encoding="utf-8")
        data = self.directory / "web.conf"
        data.write_text("x", encoding="utf-8")
        tables = {"service": {"environment_files": [str(environment)], "inputs": [str(data)]}}
        supervisor = self.start(service(**tables))
        changes = [
            ("web.env", lambda: environment.write_text("A=2\n", encoding="utf-8")),
            ("web.conf", lambda: data.write_text("yy", encoding="utf-8")),
            ("min_ready", lambda: supervisor.write(service(rollout={"min_ready": "10ms"}, **tables))),
        ]
        for revision, (word, change) in enumerate(changes, 2):
            change()
            result = supervisor.svc("apply")
            self.assertEqual(0, result.returncode, result.stderr)
            self.assertIn(word, result.stdout + result.stderr)
            self.assertEqual(revision, supervisor.status()["revision"])

    def test_json_is_what_a_program_reads(self):
        supervisor = self.start()
        pid = supervisor.status()["workers"][0]["pid"]
        result = supervisor.svc("status", "web", "--json")
        self.assertEqual(pid, json.loads(result.stdout)["workers"][0]["pid"])
        # Without a name it is all of them, however many there are.
        (only,) = json.loads(supervisor.svc("status", "--json").stdout)
        self.assertEqual(pid, only["status"]["workers"][0]["pid"])

    def test_status_shows_what_one_asks_first(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        self.reload(supervisor, "--cause", "CVE-2026-1")
        text = supervisor.svc("status").stdout
        pids = [str(pid) for pid in supervisor.pids()]
        for word in ["web", "CVE-2026-1", "revision 2", "2/2 available", *pids]:
            self.assertIn(word, text)

    def test_nobody_but_the_workers_runs_the_command(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        for pid in supervisor.pids():
            self.assertIn("worker.py", command_line(pid))


if __name__ == "__main__":
    main()
