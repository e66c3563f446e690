"""A service file that changes the number of replicas together with the version."""
from harness import BUILD, ServiceTest, main, service
from load import DRAIN, Load

# What a new version does wrong, and words of the reason that is given.
FAULTS = {
    "exits before it is ready": (["--fail-before-ready"], {}, "exit status 1 before it was ready"),
    "is not ready in time": (["--hang-before-ready"], {"ready": {"timeout": "500ms"}}, "not ready within 500ms"),
    "crashes within min_ready": (["--crash-after-ready", "50"], {"rollout": {"min_ready": "5m"}}, "within min_ready"),
}


def web(*options, replicas, rollout=None, **tables):
    return service([str(BUILD / "examples/web/example-web"), *DRAIN, *options],
                   rollout={"replicas": replicas, **(rollout or {})}, **tables)


class FailingVersion(ServiceTest):
    """The old number of old workers serves on, whatever number the new version asked for."""

    def assert_nobody_was_touched(self, before, asked):
        supervisor = self.start(web(replicas=before))
        supervisor.events.wait_for("rollout_ended", lambda event: event["revision"] == 1)
        pids = sorted(supervisor.pids())
        self.assertEqual(before, len(pids))
        began = supervisor.events.last
        with Load(supervisor.address(), rate=200, keepalive=4) as load:
            for fault, (options, tables, reason) in FAULTS.items():
                with self.subTest(fault):
                    supervisor.write(web(*options, replicas=asked, **tables))
                    result = supervisor.svc("reload")
                    said = result.stdout + result.stderr
                    self.assertEqual(1, result.returncode, said)
                    self.assertIn(reason, said)
                    self.assertIn("The old revision serves on.", said)
                    self.assertEqual(before, supervisor.status()["replicas"])
        load.assert_no_failure(self)
        status = supervisor.wait_status("the new workers to go", lambda s: len(s["workers"]) == before)
        self.assertEqual(pids, sorted(entry["pid"] for entry in status["workers"]))
        self.assertEqual((1, before), (status["revision"], status["available"]))
        for event in supervisor.events.seen:
            if event["sequence"] > began and event["worker_name"]:
                self.assertNotEqual(1, event["revision"], event["text"])

    def test_of_one_that_asks_for_more(self):
        self.assert_nobody_was_touched(before=2, asked=5)

    def test_of_one_that_asks_for_fewer(self):
        self.assert_nobody_was_touched(before=4, asked=1)

    def test_a_good_version_then_gets_the_number_that_it_asks_for(self):
        supervisor = self.start(web(replicas=3))
        supervisor.write(web("--fail-before-ready", replicas=1))
        self.assertEqual(1, supervisor.svc("reload").returncode)
        for asked in 1, 4:
            supervisor.write(web("--version-label", f"of-{asked}", replicas=asked))
            self.reload(supervisor)
            status = supervisor.status()
            self.assertEqual((asked, asked), (status["replicas"], status["available"]))
            self.assertEqual(asked, len(status["workers"]))


if __name__ == "__main__":
    main()
