"""svcd@.service under a real systemd: workers, sockets and rollouts outlive their supervisor, and nothing
outlives a stop."""
import contextlib
import ctypes
import os
import pathlib
import random
import re
import threading
import time

from machine import LIBC, main  # first: it knows where the others are
from harness import QUICK
from listening import get
from load import Load
from processes import wait_until
from services import SystemdTest, content, example_web, worker

PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def freeze(pid):
    """Nothing but SIGKILL reaches the process from now on (SIGSTOP would not do: systemd sends SIGCONT with
    each of its signals). Its end is waited for, as the kernel tells its parent of it only then."""
    for request in PTRACE_SEIZE, PTRACE_INTERRUPT:
        if LIBC.ptrace(request, pid, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"cannot freeze {pid}")
    os.waitpid(pid, WALL)

    def wait():
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, WALL)
    threading.Thread(target=wait, daemon=True).start()


def two(*options, **tables):
    return content(example_web("--drain", "200", *options), rollout={"replicas": 2}, **tables)


class Death(SystemdTest):

    def test_nothing_is_lost_when_the_supervisor_is_killed_under_load(self):
        service = self.start(two())
        address, old = service.address(), service.pids()
        with Load("{}:{}".format(*address), rate=200, keepalive=4) as load:
            for _ in range(1 if QUICK else 5):
                supervisor = service.show("MainPID")
                service.die()
                service.wait_back(supervisor)
                self.assertEqual(old, service.pids())
                service.wait_show("StatusText", "revision 1, 2/2 available")
            self.assertEqual(address, service.address())
            self.succeed("reload")
        load.assert_no_failure(self)
        self.assertTrue(set(old).isdisjoint(service.pids()))
        self.succeed("stop")
        self.assert_nothing_runs(service)
        self.assertEqual(0, service.stored())

    def test_a_start_after_a_crash_makes_no_second_set(self):
        service = self.service
        # systemd lets such a start wait for that.
        service.write_drop_in("[Service]\nRestartSec=2s\n")
        self.start(two())
        old = service.pids()
        service.die()
        service.wait_show("SubState", "auto-restart")
        self.succeed("start")
        self.assertEqual(old, service.pids())
        self.assertEqual(3, len(service.processes()))

    def test_a_rollout_in_which_the_supervisor_is_killed_comes_to_its_end(self):
        service = self.start(content(rollout={"replicas": 2}))
        flag = f"{service.name}.go"
        service.write(content(worker("--version", "2", "--ready-when", f"/srv/shared/{flag}"),
                              rollout={"replicas": 2}))
        supervisor = service.show("MainPID")
        reloading = self.machine.popen("systemctl", "reload", service.unit)
        service.wait_show("StatusText", "rolling 1 → 2: 0/2 updated")
        service.die()
        reloading.communicate(timeout=20)
        service.wait_show("MainPID", lambda pid: pid not in ("0", supervisor))
        self.go(flag)
        service.wait_show("StatusText", "revision 2, 2/2 available")
        self.assertTrue(service.get().startswith("2 "))

    def test_killed_at_any_moment_of_a_reload_it_loses_nothing_and_makes_no_second_set(self):
        service = self.start(two())
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        moments = random.Random(seed)
        with Load("{}:{}".format(*service.address()), rate=200, keepalive=4) as load:
            for _ in range(4 if QUICK else 20):
                supervisor = service.show("MainPID")
                reloading = self.machine.popen("systemctl", "reload", service.unit)
                # Not for luck: the moment is the test.
                time.sleep(moments.uniform(0, 0.3))
                service.die()
                reloading.communicate(timeout=20)
                service.wait_back(supervisor)
                service.wait_status("the end of the rollout", lambda status: [
                    entry["state"] for entry in status["workers"]] == ["available", "available"])
                wait_until("nothing but one set", lambda: len(service.processes()) == 3)
        load.assert_no_failure(self)
        self.succeed("reload")

    def test_a_reload_that_nobody_took_in_does_not_keep_the_next_supervisor_away(self):
        service = self.start()
        supervisor, old = service.show("MainPID"), service.pids()
        freeze(service.supervisor())
        reloading = self.machine.popen("systemctl", "reload", service.unit)
        wait_until("svc reload", lambda: "svc reload" in str(service.processes()))
        service.die()
        reloading.communicate(timeout=20)
        self.assertNotEqual(0, reloading.returncode)
        service.wait_back(supervisor)
        self.assertEqual(old, service.pids())
        self.assertIn("has died; systemd starts it again", service.journal())

    def test_a_failed_reload_still_fails_after_a_crash(self):
        service = self.start()
        supervisor, old = service.show("MainPID"), service.pids()
        service.die()
        service.wait_back(supervisor)
        service.write(content(worker("--say", "cannot open the database", "--exit", "3")))
        self.assertEqual(1, service.systemctl("reload").returncode)
        self.assertIn("cannot open the database", service.journal())
        self.assertEqual(old, service.pids())

    def test_a_socket_unit_goes_on_over_a_crash(self):
        service = self.service
        self.socket_unit()
        self.succeed("start")
        old = service.pids()
        with Load("127.0.0.1:80", rate=50, keepalive=0) as load:
            supervisor = service.show("MainPID")
            service.die()
            service.wait_back(supervisor)
            self.assertEqual(old, service.pids())
            self.succeed("reload")
        load.assert_no_failure(self)
        self.assertEqual(f"1 {service.pids()[0]}", get(("127.0.0.1", 80)))

    def test_more_sockets_than_a_soft_limit_of_1024_come_back(self):
        service = self.service
        listeners = [{"name": f"l{number}", "address": f"unix:@{service.name}-{number}"}
                     for number in range(1100)]
        tables = content(rollout={"replicas": 1})
        tables["listener"] += listeners
        tables["service"]["limits"] = {"nofile": 4096}
        self.start(tables)
        supervisor, old = service.show("MainPID"), service.pids()
        self.assertGreater(service.stored(), 1100)
        service.die()
        service.wait_back(supervisor)
        self.assertEqual(old, service.pids())


class Store(SystemdTest):

    def test_more_fds_than_it_takes_are_told(self):
        service = self.service
        service.write_drop_in("[Service]\nFileDescriptorStoreMax=6\nEnvironment=FDSTORE=6\n")
        self.start(two())
        self.assertRegex(service.journal(), "one fd more than the store of fds takes.*FileDescriptorStoreMax=")
        self.assertEqual(2, service.status()["available"])
        self.succeed("stop")
        self.assert_nothing_runs(service)

    def test_ten_reloads_leave_nothing_in_it(self):
        service = self.start(two())
        self.succeed("reload")  # the executable of the revision before is kept, too
        service.wait_status("the old workers to go", lambda status: len(status["workers"]) == 2)
        settled = service.stored()
        self.assertGreater(settled, 5)
        for _ in range(10):
            self.succeed("reload")
        wait_until(f"the store to have {settled} fds again, which has {service.stored()}",
                   lambda: service.stored() == settled)


class Restart(SystemdTest):

    def test_restart_replaces_the_supervisor_and_keeps_workers_and_sockets(self):
        service = self.start(two())
        address, old = service.address(), service.pids()
        with Load("{}:{}".format(*address), rate=200, keepalive=4) as load:
            for _ in range(1 if QUICK else 5):
                supervisor = service.show("MainPID")
                self.succeed("restart")
                self.assertNotEqual(supervisor, service.show("MainPID"))
                self.assertEqual(old, service.pids())
            self.succeed("reload")
        load.assert_no_failure(self)
        self.assertEqual(address, service.address())
        self.assertEqual("0", service.show("NRestarts"))

    def test_a_manager_that_was_upgraded_has_everything_still(self):
        service = self.start(two())
        supervisor, old, stored = service.show("MainPID"), service.pids(), service.stored()
        self.assertEqual(0, self.machine.run("systemctl", "daemon-reexec").returncode)
        self.assertEqual(stored, service.stored())
        service.die()
        service.wait_back(supervisor)
        self.assertEqual(old, service.pids())
        self.succeed("reload")

    def test_a_reload_goes_on_over_an_upgrade(self):
        service = self.start()
        supervisor = service.show("MainPID")
        flag = f"{service.name}.go"
        service.write(content(worker("--version", "2", "--ready-when", f"/srv/shared/{flag}")))
        reloading = self.machine.popen("systemctl", "reload", service.unit)
        service.wait_show("StatusText", "rolling 1 → 2: 0/1 updated")
        self.succeed("kill", "--kill-whom=main", "--signal=USR2")
        wait_until("the upgrade", lambda: "goes on where the last one ended" in service.journal())
        self.assertIsNone(reloading.poll())
        self.go(flag)
        _, said = reloading.communicate(timeout=20)
        self.assertEqual(0, reloading.returncode, said)
        self.assertEqual(supervisor, service.show("MainPID"))
        self.assertTrue(service.get().startswith("2 "))

    def test_an_upgrade_keeps_the_process_and_its_workers(self):
        service = self.start(two())
        supervisor, old = service.show("MainPID"), service.pids()
        with Load("{}:{}".format(*service.address()), rate=200, keepalive=4) as load:
            self.succeed("kill", "--kill-whom=main", "--signal=USR2")
            wait_until("the upgrade", lambda: "goes on where the last one ended" in service.journal())
            self.assertEqual(supervisor, service.show("MainPID"))
            self.assertEqual("active", service.show("ActiveState"))
            self.assertEqual(old, service.pids())
            self.succeed("reload")
        load.assert_no_failure(self)
        self.succeed("stop")
        self.assert_nothing_runs(service)


class Watchdog(SystemdTest):

    def frozen(self, how):
        service = self.service
        service.write_drop_in("[Service]\nWatchdogSec=1s\nTimeoutAbortSec=1s\n")
        self.start(two())
        supervisor, old = service.show("MainPID"), service.pids()
        with Load("{}:{}".format(*service.address()), rate=100, keepalive=2) as load:
            how(service)
            service.wait_back(supervisor)
            self.assertEqual(old, service.pids())
        load.assert_no_failure(self)
        self.assertIn("Watchdog timeout", service.journal())

    def test_a_supervisor_that_was_stopped_is_restarted_and_the_workers_live(self):
        self.frozen(lambda service: self.succeed("kill", "--kill-whom=main", "--signal=STOP"))

    def test_so_is_one_that_takes_no_signal(self):
        self.frozen(lambda service: freeze(service.supervisor()))

    def test_one_that_has_nothing_to_do_answers(self):
        service = self.service
        service.write_drop_in("[Service]\nWatchdogSec=1s\n")
        self.start()
        for _ in range(4):
            last = service.show("WatchdogTimestampMonotonic")
            service.wait_show("WatchdogTimestampMonotonic", lambda now, last=last: now != last)
        self.assertEqual("0", service.show("NRestarts"))


    def test_so_does_one_that_was_upgraded(self):
        service = self.service
        service.write_drop_in("[Service]\nWatchdogSec=1s\n")
        self.start()
        supervisor = service.show("MainPID")
        self.succeed("kill", "--kill-whom=main", "--signal=USR2")
        wait_until("the upgrade", lambda: "goes on where the last one ended" in service.journal())
        for _ in range(4):
            last = service.show("WatchdogTimestampMonotonic")
            service.wait_show("WatchdogTimestampMonotonic", lambda now, last=last: now != last)
        self.assertEqual(supervisor, service.show("MainPID"))


class Stop(SystemdTest):
    """No worker is left, whatever the supervisor is doing."""

    def assert_all_end(self, service):
        # systemctl waits for the unit that it was told, not for its companion.
        wait_until("the companion's end", lambda: not service.processes())
        self.assert_nothing_runs(service)
        self.assertEqual(0, service.stored())

    def test_while_the_supervisor_takes_no_signal(self):
        service = self.service
        service.write_drop_in("[Service]\nTimeoutStopSec=1s\n")
        self.start(two())
        freeze(service.supervisor())
        self.succeed("stop")
        self.assert_nothing_runs(service)
        self.assert_all_end(service)

    def test_while_the_supervisor_is_stopped(self):
        service = self.start(two())
        self.succeed("kill", "--kill-whom=main", "--signal=STOP")
        self.succeed("stop")
        self.assert_all_end(service)

    def test_while_it_waits_to_be_started_again(self):
        service = self.service
        service.write_drop_in("[Service]\nRestartSec=60s\n")
        self.start(two())
        old = set(service.pids())
        service.die()
        service.wait_show("SubState", "auto-restart")
        self.assertEqual(2, len(service.processes()))
        self.succeed("stop")
        self.assert_all_end(service)
        self.succeed("start")
        self.assertTrue(old.isdisjoint(service.pids()))
        self.assertEqual(2, service.status()["available"])

    def test_right_after_it_was_killed(self):
        service = self.start(two())
        for _ in range(2 if QUICK else 5):
            service.die()
            self.succeed("stop")
            self.assert_all_end(service)
            self.succeed("start")

    def test_and_a_start_at_once_begins_after_the_end(self):
        service = self.service
        service.write_drop_in("[Service]\nRestartSec=60s\n")
        self.start(content(worker("--linger", "1"), rollout={"replicas": 2}))
        old = set(service.pids())
        service.die()
        service.wait_show("SubState", "auto-restart")
        self.succeed("stop")
        self.succeed("start")
        self.assertTrue(old.isdisjoint(service.pids()))
        self.assertEqual(3, len(service.processes()))


class Inherited(SystemdTest):
    """What the unit sets for the supervisor is not the workers'."""

    def test_limits_and_the_preference_of_the_oom_killer_are_as_without_it(self):
        service = self.start()
        supervisor = pathlib.Path(f"/proc/{service.supervisor()}")
        (pid,) = (pid for pid, line in service.processes().items() if "worker.py" in line)
        process = pathlib.Path(f"/proc/{pid}")
        own = (supervisor / "oom_score_adj").read_text().strip()
        if own == "0":
            print("systemd may not lower oom_score_adj here: not seen")
        else:
            self.assertEqual("-500", own)
        self.assertEqual("0", (process / "oom_score_adj").read_text().strip())
        limits = re.search(r"Max open files +(\d+) +(\d+)", (process / "limits").read_text())
        self.assertEqual("1024", limits.group(1))
        environment = (process / "environ").read_bytes().decode()
        for name in "WATCHDOG_USEC", "WATCHDOG_PID", "FDSTORE", "SVC_WORKER_NOFILE", "LISTEN_FDNAMES=svc.":
            self.assertNotIn(name, environment)

    def test_the_exposure_that_systemd_sees_is_shown(self):
        service = self.start()
        said = self.machine.run("systemd-analyze", "security", "--no-pager", service.unit)
        overall = [line for line in said.stdout.splitlines() if "Overall exposure" in line]
        self.assertEqual(1, len(overall), said.stdout + said.stderr)
        print(overall[0].strip())


if __name__ == "__main__":
    main(SystemdTest.use)
