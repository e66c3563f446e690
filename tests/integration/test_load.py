"""A service under load is replaced again and again, and no request is lost."""
from harness import BUILD, QUICK, ServiceTest, main, service
from load import DRAIN, Load

RELOADS = 20 if QUICK else 100


class UnderLoad(ServiceTest):

    def web(self, *options, **tables):
        return service([str(BUILD / "examples/web/example-web"), *DRAIN, *options], **tables)

    def test_a_hundred_reloads_lose_no_new_and_no_kept_connection(self):
        supervisor = self.start(self.web("--start-delay", "20", rollout={"replicas": 2}))
        with Load(supervisor.address(), rate=400, keepalive=10) as load:
            for _ in range(RELOADS):
                self.reload(supervisor)
        load.assert_no_failure(self)
        self.assertEqual(RELOADS + 1, supervisor.status()["revision"])
        # One restart each, and not one more: nothing crashed on the way.
        self.assertEqual(0, sum(entry["restarts"] for entry in supervisor.status()["replica_list"]))

    def test_failing_versions_lose_nothing_either(self):
        good = self.web(rollout={"replicas": 2})
        bad = ["--fail-before-ready"], ["--hang-before-ready"], ["--never-ready"]
        supervisor = self.start(good)
        with Load(supervisor.address(), rate=400, keepalive=10) as load:
            for options in bad * (1 if QUICK else 4):
                supervisor.write(self.web(*options, rollout={"replicas": 2},
                                          ready={"timeout": "200ms"}))
                self.assertEqual(1, supervisor.svc("reload").returncode)
            supervisor.write(good)
            self.reload(supervisor)
        load.assert_no_failure(self)

    def test_a_single_replica_is_replaced_without_a_gap(self):
        supervisor = self.start(self.web())
        with Load(supervisor.address(), rate=200, keepalive=4) as load:
            for _ in range(RELOADS // 5):
                self.reload(supervisor)
        load.assert_no_failure(self)

    def test_scaling_up_and_down_loses_nothing(self):
        supervisor = self.start(self.web())
        with Load(supervisor.address(), rate=200, keepalive=4) as load:
            for count in [4, 1, 3, 2] * (1 if QUICK else 3):
                result = supervisor.svc("scale", count)
                self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        load.assert_no_failure(self)


if __name__ == "__main__":
    main()
