"""A supervisor that dies, and the one that comes after it."""
import os
import pathlib
import select
import shutil
import signal

from harness import PATIENCE, ServiceTest, alive, get, main, service, wait_until, worker
from supervisor import BUILD, SVCD

LAUNCH = BUILD / "src/launch/svc-launch"
SVCD_NEXT = BUILD / "tests/integration/svcd-next"


class SurvivalTest(ServiceTest):

    def begin_rollout(self, supervisor):
        """To a version that is ready once the flag is there: the flag, and the pid of its worker."""
        flag = self.directory / "flag"
        supervisor.write(service(worker("--version", "2", "--ready-when", flag)))
        supervisor.svc("reload", "--no-wait")
        supervisor.wait_status("a new worker", lambda s: [
            entry for entry in s["workers"] if entry["state"] == "starting"])
        (waiting,) = supervisor.pids("starting")
        return flag, waiting

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
        # What tells that there is something to take over goes first; the rest may go with the store.
        supervisor.manager.mark()
        self.assertNotIn("svc.state", supervisor.manager.stored)

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
        flag, waiting = self.begin_rollout(supervisor)
        supervisor.die()
        flag.touch()
        told = supervisor.manager.stored["svc.worker.2.notify"]
        wait_until("its READY=1", lambda: select.select([told], [], [], 0)[0])
        self.succeed(supervisor)
        supervisor.wait_for_revision(2)
        self.assertEqual([waiting], supervisor.pids())

    def test_a_version_that_fails_is_rolled_back(self):
        supervisor = self.start()
        old = supervisor.pids()
        flag, waiting = self.begin_rollout(supervisor)
        supervisor.die()
        os.kill(waiting, signal.SIGKILL)
        self.succeed(supervisor)
        outcome = supervisor.wait_status("the verdict", lambda s: s["rollout"][0]["phase"] == "rolled back" and s)
        self.assertEqual(old, [entry["pid"] for entry in outcome["workers"]])

    def test_a_failure_is_told_although_who_was_to_tell_it_died(self):
        told, flag = self.directory / "told", self.directory / "end"
        tell = ["/bin/sh", "-c", f"echo $SVC_REVISION $SVC_REASON >> {told}; until [ -e {flag} ]; do sleep 0.05; done"]
        supervisor = self.start(service(rollout={"failed": {"exec": tell}}))
        supervisor.write(service(["/bin/false"], rollout={"failed": {"exec": tell}}))
        supervisor.svc("reload", "--no-wait")
        lines = lambda: told.read_text(encoding="utf-8").splitlines() if told.exists() else []
        wait_until("the hook", lambda: len(lines()) == 1)
        supervisor.wait_status("the verdict", lambda s: s["rollout"][0]["phase"] == "rolled back")
        supervisor.die()
        self.succeed(supervisor)
        wait_until("the hook again", lambda: len(lines()) == 2)
        self.assertEqual(1, len(set(lines())))
        flag.touch()
        # It was told, and is not again.
        with_upgrade = supervisor.svc("upgrade")
        self.assertEqual(0, with_upgrade.returncode, with_upgrade.stderr)
        self.assertEqual(0, supervisor.stop())
        self.assertEqual(2, len(lines()))

    def test_a_stop_goes_on(self):
        supervisor = self.start(service(worker("--linger", "1")))
        pids = supervisor.pids()
        supervisor.signal(signal.SIGTERM)
        supervisor.events.wait_for("worker_stopping")
        supervisor.die()
        supervisor.succeed()
        self.assertEqual(0, supervisor.wait())
        self.assertFalse(any(map(alive, pids)))


class Upgrade(SurvivalTest):

    def upgrade(self, supervisor, story="goes on where the last one ended", kind="supervisor"):
        """By SIGUSR2; waits for the story that the program in place of this one tells."""
        last = supervisor.events.last
        supervisor.signal(signal.SIGUSR2)
        return supervisor.events.wait_for(kind, lambda event: story in event["text"], after=last)

    def test_the_process_and_the_workers_stay(self):
        supervisor = self.start(service(rollout={"replicas": 3}))
        pid, pids, address = supervisor.pid, supervisor.pids(), supervisor.address()
        self.upgrade(supervisor)
        self.assertEqual((pid, pids, address),
                         (supervisor.status()["supervisor_pid"], supervisor.pids("available"), supervisor.address()))
        self.assertTrue(supervisor.get().startswith("1 "))
        self.assertEqual("svcd\n", pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="utf-8"))
        self.reload(supervisor)
        self.assertFalse(any(map(alive, pids)))
        self.assertEqual(0, supervisor.stop())

    def test_a_worker_that_ends_later_tells_how(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        self.upgrade(supervisor)
        os.kill(supervisor.pids()[0], signal.SIGSEGV)
        self.assertIn("SIGSEGV", supervisor.events.wait_for("worker_exited")["text"])
        supervisor.wait_status("two workers", lambda s: s["available"] == 2)

    def test_again_and_again_no_fd_is_left_over(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        self.upgrade(supervisor)
        fds = sorted(os.listdir(f"/proc/{supervisor.pid}/fd"))
        for _ in range(5):
            self.upgrade(supervisor)
        supervisor.drop_events()
        wait_until("as many fds as before",
                   lambda: len(os.listdir(f"/proc/{supervisor.pid}/fd")) <= len(fds))

    def test_it_comes_once_a_busy_manager_has_taken_what_it_was_told(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        last = supervisor.events.last
        with supervisor.manager.busy():
            self.assertEqual(0, supervisor.svc("scale", "1").returncode)
            supervisor.wait_status("the other to be gone", lambda status: len(status["workers"]) == 1)
            supervisor.signal(signal.SIGUSR2)
            supervisor.status()
        # Half of what it would be given up after: nothing else happens that would wake it.
        supervisor.events.wait_for("supervisor", lambda event: "goes on where" in event["text"], 30, after=last)

    def test_a_rollout_goes_on(self):
        supervisor = self.start()
        flag, waiting = self.begin_rollout(supervisor)
        self.upgrade(supervisor)
        self.assertEqual([waiting], supervisor.pids("starting"))
        flag.touch()
        supervisor.wait_for_revision(2)

    def test_a_probe_that_runs_is_ended_and_begun_anew(self):
        asked = self.directory / "asked"
        probe = {"exec": ["/bin/sh", "-c", f"echo $$$$ >> {asked}; exec sleep 1000"], "timeout": "1h", "interval": "1s",
                 "initial_delay": "0s"}
        supervisor = self.start(service(live={"probe": probe}))
        pids = lambda: list(map(int, asked.read_text(encoding="utf-8").split())) if asked.exists() else []
        wait_until("the probe", lambda: len(pids()) == 1)
        self.upgrade(supervisor)
        wait_until("the probe of the next program", lambda: len(pids()) == 2)
        first, second = pids()
        wait_until("the end of the first", lambda: not os.path.exists(f"/proc/{first}"))
        self.assertTrue(alive(second))
        self.assertEqual(1, supervisor.status()["available"])

    def test_without_a_manager_too(self):
        supervisor = self.make()
        del supervisor.environment["NOTIFY_SOCKET"]
        supervisor.spawn()
        supervisor.events_when_up().wait_for("rollout_ended")
        pids = supervisor.pids()
        self.upgrade(supervisor)
        self.assertEqual(pids, supervisor.pids("available"))

    def test_a_program_that_cannot_go_on_is_refused(self):
        copy = self.directory / "svcd"
        shutil.copy2(SVCD, copy)
        supervisor = self.make(environment={"SVC_LAUNCH": str(LAUNCH)})
        supervisor.arguments[supervisor.arguments.index(str(SVCD))] = str(copy)
        supervisor.start()
        pids = supervisor.pids()
        shutil.copy2("/bin/ls", self.directory / "new")
        (self.directory / "new").rename(copy)
        supervisor.signal(signal.SIGUSR2)
        refused = supervisor.events.wait_for("refused")
        self.assertIn("unrecognized option '--check-state'", refused["text"])
        self.assertIn("nothing was changed", refused["text"])
        self.reload(supervisor)
        self.assertFalse(any(map(alive, pids)))


    def test_to_a_later_version_of_the_state_and_back(self):
        program = self.directory / "svcd"
        shutil.copy2(SVCD, program)
        supervisor = self.make(service(rollout={"replicas": 2}), environment={"SVC_LAUNCH": str(LAUNCH)})
        supervisor.arguments[supervisor.arguments.index(str(SVCD))] = str(program)
        supervisor.start()
        pids = supervisor.pids()
        for other in SVCD_NEXT, SVCD:
            shutil.copy2(other, self.directory / "new")
            (self.directory / "new").rename(program)
            self.upgrade(supervisor)
            self.assertTrue(os.path.samefile(f"/proc/{supervisor.pid}/exe", program))
            self.assertEqual(pids, supervisor.pids("available"))
        self.reload(supervisor)

    def test_a_program_that_fails_when_it_goes_on_gives_everything_back(self):
        launcher = self.directory / "svc-launch"
        shutil.copy2(LAUNCH, launcher)
        supervisor = self.make(service(rollout={"replicas": 2}), environment={"SVC_LAUNCH": str(launcher)})
        supervisor.start()
        pid, pids = supervisor.pid, supervisor.pids()
        launcher.unlink()  # the new program looks for it; the old one holds it open
        self.upgrade(supervisor, "the old one has everything again", kind="warning")
        self.assertEqual((pid, pids), (supervisor.status()["supervisor_pid"], supervisor.pids("available")))
        self.reload(supervisor)
        self.assertEqual(2, len(supervisor.pids("available")))


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

    def test_after_a_state_of_no_use_the_next_death_is_survived(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        first = supervisor.pids()
        supervisor.die()
        supervisor.manager.lose("svc.listener.1")
        self.succeed(supervisor)
        self.assertIn("the fd store has no svc.listener.1", supervisor.log)
        self.assertFalse(any(map(alive, first)))
        second = supervisor.pids("available")
        self.assertEqual(2, len(second))
        supervisor.die()
        self.succeed(supervisor)
        self.assertEqual(second, supervisor.pids("available"))

    def test_a_worker_that_had_no_place_in_the_store_is_not_doubled(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        lost, other = supervisor.pids()
        supervisor.die()
        supervisor.manager.lose("svc.worker.1.pidfd")
        self.succeed(supervisor)
        self.assertIn(f"no supervisor knows process {lost} (r1-0)", supervisor.log)
        wait_until("its end", lambda: not alive(lost))
        status = supervisor.wait_status("two workers", lambda s: s["available"] == 2)
        self.assertIn(other, [entry["pid"] for entry in status["workers"]])

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
