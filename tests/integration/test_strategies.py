"""Recreate, blue-green and canary with real processes, under load without a lost request."""
import example_web
from harness import main, wait_until


def web(version, *options, **rollout):
    return example_web.web(version, *options, **{"replicas": 4, **rollout})


class StrategyTest(example_web.ExampleWebTest):

    def of_revision(self, supervisor, number, *states):
        return [entry for entry in supervisor.workers(*(states or ("available",)))
                if entry["revision"] == number]

    def step(self, supervisor, words):
        """Waits until the status says this of the rollout's step."""
        return supervisor.wait_status(words, lambda status: any(
            words in rollout["step"] for rollout in status["rollout"]))["rollout"][0]["step"]


class Recreate(StrategyTest):

    def test_connections_wait_for_the_new_version_and_none_is_refused(self):
        supervisor = self.start_settled(web(1, strategy="recreate"))
        with self.load(supervisor) as load:
            for version in 2, 3, 4:
                supervisor.write(web(version, "--start-delay", "100", strategy="recreate"))
                self.reload(supervisor)
        load.assert_no_failure(self)
        self.assertIn("version 4", supervisor.get())
        # No worker of a revision starts before the last one of the revision before it is gone.
        story = [(event["kind"], event["revision"]) for event in supervisor.events.seen]
        for revision in 2, 3, 4:
            launched = story.index(("worker_launched", revision))
            self.assertEqual(4, story[:launched].count(("worker_exited", revision - 1)))

    def test_a_version_that_fails_gives_the_old_one_its_place_back(self):
        supervisor = self.start_settled(web(1, strategy="recreate"))
        with self.load(supervisor) as load:
            supervisor.write(web(2, "--fail-before-ready", strategy="recreate"))
            result = supervisor.svc("reload")
            self.assertEqual(1, result.returncode, result.stdout + result.stderr)
        load.assert_no_failure(self)
        self.assertEqual(4, len(self.of_revision(supervisor, 1)))
        self.assertIn("version 1", supervisor.get())


class BlueGreen(StrategyTest):

    def test_a_second_set_takes_over_as_a_whole_by_itself(self):
        supervisor = self.start_settled(web(1, strategy="blue-green"))
        with self.load(supervisor) as load:
            supervisor.write(web(2, strategy="blue-green"))
            self.reload(supervisor)
        load.assert_no_failure(self)
        story = [(event["kind"], event["revision"]) for event in supervisor.events.seen]
        retired = story.index(("worker_retired", 1))
        self.assertEqual(4, story[:retired].count(("worker_available", 2)))
        self.assertIn("version 2", supervisor.get())

    def test_a_second_set_waits_for_the_promotion_of_a_person(self):
        content = {"strategy": "blue-green", "promote": "manual"}
        supervisor = self.start_settled(web(1, **content))
        old = sorted(supervisor.pids("available"))
        with self.load(supervisor) as load:
            supervisor.write(web(2, **content))
            client = supervisor.start_svc("reload")
            self.step(supervisor, "4 of 4 workers available, waits for svc promote")
            self.assertEqual(old, sorted(entry["pid"] for entry in self.of_revision(supervisor, 1)))
            self.assertIn("waits for svc promote", supervisor.svc("status").stdout)
            self.assertIsNone(client.poll())
            promoted = supervisor.svc("promote")
            self.assertEqual(0, promoted.returncode, promoted.stdout + promoted.stderr)
            self.assertIn("waits for svc promote", self.finish(client))
        load.assert_no_failure(self)
        self.assertEqual(4, len(supervisor.workers()))
        self.assertIn("version 2", supervisor.get())

    def test_an_old_set_is_kept_warm_and_drains_when_its_time_is_over(self):
        content = {"strategy": "blue-green", "keep_old": "1h"}
        supervisor = self.start_settled(web(1, **content))
        old = sorted(supervisor.pids("available"))
        with self.load(supervisor) as load:
            supervisor.write(web(2, **content))
            self.reload(supervisor)
            status = supervisor.status()
            self.assertIn("revision 1, 4 workers, for", status["kept"])
            self.assertEqual((2, 4), (status["revision"], status["available"]))
            self.assertEqual(old, sorted(entry["pid"] for entry in self.of_revision(supervisor, 1)))
            self.assertIn("revision 1, 4 workers", supervisor.svc("status").stdout)
            content["keep_old"] = "500ms"
            supervisor.write(web(3, **content))
            self.reload(supervisor)
            supervisor.wait_for_revision(3)
            self.assertEqual("", supervisor.status()["kept"])
        load.assert_no_failure(self)
        # Counted from an event before it took over: that one itself may have been written down late.
        launched, retired = ([event for event in supervisor.events.of(kind) if event["revision"] == revision]
                             for kind, revision in (("worker_launched", 3), ("worker_retired", 2)))
        self.assertEqual((4, 4), (len(launched), len(retired)))
        self.assertGreaterEqual(retired[0]["at"] - launched[-1]["at"], 500_000)

    def test_a_kept_set_makes_room_for_a_worker_that_is_due(self):
        content = {"strategy": "blue-green", "keep_old": "1h", "max_total": 8}
        supervisor = self.start_settled(web(1, **content))
        with self.load(supervisor) as load:
            supervisor.write(web(2, **content))
            self.reload(supervisor)
            self.assertIn("revision 1, 4 workers, for", supervisor.status()["kept"])
            replaced = supervisor.svc("replace", "0")
            self.assertEqual(0, replaced.returncode, replaced.stdout + replaced.stderr)
            supervisor.wait_for_revision(2)
        load.assert_no_failure(self)
        self.assertEqual("", supervisor.status()["kept"])
        (told,) = supervisor.events.of("keeping_ended")
        self.assertEqual("the old set of revision 1 is kept no longer: another worker is due, and max_total (8) "
                         "has no room for it", told["text"])

    def test_a_second_set_that_fails_leaves_the_first_one_untouched(self):
        supervisor = self.start_settled(web(1, strategy="blue-green"))
        old = sorted(supervisor.pids())
        with self.load(supervisor) as load:
            supervisor.write(web(2, "--fail-before-ready", strategy="blue-green"))
            self.assertEqual(1, supervisor.svc("reload").returncode)
        load.assert_no_failure(self)
        status = supervisor.wait_status("the new ones to go", lambda s: len(s["workers"]) == 4)
        self.assertEqual(old, sorted(entry["pid"] for entry in status["workers"]))


class Canary(StrategyTest):
    TIMED = {"strategy": "canary", "steps": [{"size": 1, "hold": "500ms"}]}
    HELD = {"strategy": "canary", "steps": [{"size": 1, "hold": "manual"},
                                            {"size": "75%", "hold": "200ms"}]}

    def test_a_hold_ends_by_itself_and_by_a_promotion(self):
        supervisor = self.start_settled(web(1, **self.HELD))
        with self.load(supervisor) as load:
            supervisor.write(web(2, **self.HELD))
            client = supervisor.start_svc("reload")
            self.step(supervisor, "step 1 of 2, 1 of 4 workers new, waits for svc promote")
            status = supervisor.wait_status("one new one beside three old ones",
                                            lambda s: len(s["workers"]) == 4)
            self.assertEqual([1, 1, 1, 2], sorted(w["revision"] for w in status["workers"]))
            self.assertEqual(0, supervisor.svc("promote", "--no-wait").returncode)
            self.assertIn("revision 2 serves: ", self.finish(client))
        load.assert_no_failure(self)
        texts = [event["text"] for event in supervisor.events.of("rollout_stage")]
        self.assertIn("step 1 of 2 serves: 1 of 4 workers; waits for svc promote", texts)
        self.assertIn("step 2 of 2 serves: 3 of 4 workers; goes on in 200ms", texts)
        self.assertEqual({2}, {worker["revision"] for worker in supervisor.workers()})

    def test_an_analysis_that_passes_lets_it_go_on(self):
        seen = self.directory / "seen"
        analysis = {"exec": ["/bin/sh", "-c", f"echo $SVC_STEP $SVC_OLD_REVISION $SVC_REVISION >{seen}"]}
        supervisor = self.start_settled(web(1, **self.TIMED))
        with self.load(supervisor) as load:
            supervisor.write(web(2, **self.TIMED, analysis=analysis))
            self.reload(supervisor)
        load.assert_no_failure(self)
        self.assertEqual("1 1 2\n", seen.read_text(encoding="utf-8"))

    def test_an_analysis_that_fails_takes_it_back_and_is_shown(self):
        analysis = {"exec": ["/bin/sh", "-c", "echo '5 % of the requests fail'; exit 3"]}
        supervisor = self.start_settled(web(1, **self.TIMED))
        with self.load(supervisor) as load:
            supervisor.write(web(2, **self.TIMED, analysis=analysis))
            result = supervisor.svc("reload")
            said = result.stdout + result.stderr
            self.assertEqual(1, result.returncode, said)
            self.assertIn("the analysis failed: exit status 3", said)
            self.assertIn("    | 5 % of the requests fail", said)
        load.assert_no_failure(self)
        self.assertEqual(4, len(self.of_revision(supervisor, 1)))
        self.assertIn("5 % of the requests fail", supervisor.svc("status").stdout)

    def test_an_analysis_without_an_end_is_a_failed_one(self):
        supervisor = self.start_settled(web(1, **self.TIMED))
        supervisor.write(web(2, **self.TIMED, analysis={"exec": ["/bin/sleep", "1000"], "timeout": "300ms"}))
        result = supervisor.svc("reload")
        self.assertEqual(1, result.returncode)
        self.assertIn("the analysis failed: it took longer than 300ms", result.stderr)

    def test_a_canary_is_aborted_and_everything_is_as_before(self):
        supervisor = self.start_settled(web(1, **self.HELD))
        with self.load(supervisor) as load:
            supervisor.write(web(2, **self.HELD))
            client = supervisor.start_svc("reload")
            self.step(supervisor, "waits for svc promote")
            aborted = supervisor.svc("abort", "--reason", "too slow")
            self.assertEqual(0, aborted.returncode, aborted.stdout + aborted.stderr)
            self.assertIn("revision 2 was taken back; revision 1 serves on", aborted.stdout)
            self.assertIn("aborted by uid", self.finish(client, status=1))
        load.assert_no_failure(self)
        wait_until("the new one to go", lambda: not self.of_revision(
            supervisor, 2, "available", "draining", "stopping"))
        self.assertEqual(4, len(self.of_revision(supervisor, 1)))

    def test_a_reload_while_it_is_held_takes_its_place_and_says_so(self):
        supervisor = self.start_settled(web(1, **self.HELD))
        supervisor.write(web(2, **self.HELD))
        client = supervisor.start_svc("reload")
        self.step(supervisor, "waits for svc promote")
        supervisor.write(web(3))
        result = self.reload(supervisor)
        self.assertIn("revision 3 is accepted and supersedes revision 2", result.stdout)
        self.assertIn("superseded by revision 3", self.finish(client))
        self.assertIn("version 3", supervisor.get())


if __name__ == "__main__":
    main()
