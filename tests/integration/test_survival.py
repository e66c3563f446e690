"""A supervisor that dies, and the one that comes after it."""
import os
import signal

from harness import PATIENCE, ServiceTest, alive, get, main, service, wait_until, worker


class SurvivalTest(ServiceTest):

    def succeed(self, supervisor, after=None, **options):
        """The next supervisor, once it has told its manager that the service is ready."""
        said = len(supervisor.manager.messages)
        supervisor.succeed(**options)
        supervisor.manager.wait_for("READY=1", after=said, alive=lambda: supervisor.process.poll() is None)
        return supervisor


class Death(SurvivalTest):

    def test_the_workers_serve_on_and_the_next_supervisor_has_them(self):
        supervisor = self.start(service(rollout={"replicas": 3}))
        address, pids = supervisor.address(), supervisor.pids()
        before = supervisor.status()
        supervisor.die()
        self.assertTrue(all(map(alive, pids)))
        self.assertTrue(get(address).startswith("1 "))
        self.succeed(supervisor)
        self.assertEqual(pids, supervisor.pids("available"))
        after = supervisor.status()
        for key in "revision", "cause", "replicas", "available":
            self.assertEqual(before[key], after[key])
        self.assertEqual(address, supervisor.address())
        self.reload(supervisor)
        self.assertFalse(any(map(alive, pids)))
        self.assertEqual(3, len(supervisor.pids("available")))
        self.assertEqual(0, supervisor.stop())
        self.assertEqual({}, supervisor.manager.stored)

    def test_one_that_died_meanwhile_is_noticed_with_its_exit_status(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        victim, other = supervisor.pids()
        supervisor.die()
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)  # it came to us when its parent died
        self.succeed(supervisor)
        exited = supervisor.events.wait_for("worker_exited")
        self.assertIn("SIGKILL", exited["text"])
        status = supervisor.wait_status("two workers", lambda s: s["available"] == 2)
        self.assertIn(other, [entry["pid"] for entry in status["workers"]])

    def test_one_that_dies_later_is_noticed_with_its_exit_status(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        victim, other = supervisor.pids()
        supervisor.die()
        self.succeed(supervisor)
        os.kill(victim, signal.SIGSEGV)
        os.waitpid(victim, 0)  # it came to us when its parent died
        exited = supervisor.events.wait_for("worker_exited")
        self.assertIn("SIGSEGV", exited["text"])
        supervisor.wait_status("two workers", lambda s: s["available"] == 2)
        self.assertIn(other, supervisor.pids())

    def test_a_rollout_is_finished(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        flag = self.directory / "flag"
        supervisor.write(service(worker("--version", "2", "--ready-when", flag), rollout={"replicas": 2}))
        client = supervisor.start_svc("reload", "--no-wait")
        client.communicate(timeout=PATIENCE)
        (waiting,) = supervisor.wait_status("a new worker", lambda s: [
            entry for entry in s["workers"] if entry["state"] == "starting"]) and supervisor.pids("starting")
        supervisor.die()
        self.succeed(supervisor)
        self.assertEqual([waiting], supervisor.pids("starting"))
        flag.touch()
        supervisor.wait_for_revision(2)
        self.assertIn(waiting, supervisor.pids())

    def test_a_ready_that_nobody_read_counts(self):
        supervisor = self.start()
        flag = self.directory / "flag"
        supervisor.write(service(worker("--version", "2", "--ready-when", flag)))
        supervisor.svc("reload", "--no-wait")
        supervisor.wait_status("a new worker", lambda s: [
            entry for entry in s["workers"] if entry["state"] == "starting"])
        (waiting,) = supervisor.pids("starting")
        supervisor.die()
        flag.touch()
        wait_until("its READY=1", lambda: self.waits_in_socket(supervisor, "r2-0"))
        self.succeed(supervisor)
        supervisor.wait_for_revision(2)
        self.assertEqual([waiting], supervisor.pids())

    @staticmethod
    def waits_in_socket(supervisor, name):
        fd = next(fd for stored, fd in supervisor.manager.stored.items()
                  if stored.endswith(".notify") and os.readlink(f"/proc/self/fd/{fd}") and
                  any(stored == f"svc.worker.{number}.notify" for number in (2,)))
        import select
        return bool(select.select([fd], [], [], 0)[0])

    def test_a_version_that_fails_is_rolled_back(self):
        supervisor = self.start()
        old = supervisor.pids()
        flag = self.directory / "flag"
        supervisor.write(service(worker("--version", "2", "--ready-when", flag)))
        supervisor.svc("reload", "--no-wait")
        supervisor.wait_status("a new worker", lambda s: [
            entry for entry in s["workers"] if entry["state"] == "starting"])
        (waiting,) = supervisor.pids("starting")
        supervisor.die()
        os.kill(waiting, signal.SIGKILL)
        self.succeed(supervisor)
        outcome = supervisor.wait_status("the verdict", lambda s: s["rollout"][0]["phase"] == "rolled back" and s)
        self.assertEqual(old, [entry["pid"] for entry in outcome["workers"]])

    def test_a_stop_goes_on(self):
        supervisor = self.start(service(worker("--linger", "1")))
        pids = supervisor.pids()
        supervisor.signal(signal.SIGTERM)
        supervisor.events.wait_for("worker_stopping")
        supervisor.die()
        supervisor.succeed()
        self.assertEqual(0, supervisor.wait())
        self.assertFalse(any(map(alive, pids)))


class LostState(SurvivalTest):

    def test_what_cannot_be_read_is_a_cold_start_without_a_second_set(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        pids = supervisor.pids()
        supervisor.die()
        os.pwrite(supervisor.manager.stored["svc.state"], b"x" * 100, 0)
        os.pwrite(supervisor.manager.stored["svc.state"], b"x" * 100, 1 << 32)
        self.succeed(supervisor)
        self.assertIn("what the last supervisor left cannot be taken over", supervisor.log)
        self.assertFalse(any(map(alive, pids)))
        self.assertEqual(2, len(supervisor.pids("available")))

    def test_nothing_kept_is_a_cold_start_without_a_second_set(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        pids = supervisor.pids()
        supervisor.die()
        supervisor.manager.forget()
        said = len(supervisor.manager.messages)
        supervisor.spawn()
        supervisor.manager.wait_for("READY=1", after=said)
        self.assertIn("left by an earlier one", supervisor.log)
        self.assertFalse(any(map(alive, pids)))
        self.assertEqual(2, len(supervisor.pids("available")))


if __name__ == "__main__":
    main()
