"""svcd@.service with Delegate=yes under a real systemd: one cgroup a worker, over crashes, restarts and stops."""
import contextlib
import os
import pathlib
import re

from machine import main  # first: it knows where the others are
from cgroups import groups_in, processes_of
from processes import PATIENCE, alive, wait_until
from services import SystemdTest, content, worker

SUPERVISOR = "supervisor"


def disable(control, controller):
    with contextlib.suppress(OSError):  # gone, or another test's group has it
        control.write_text(f"-{controller}", encoding="ascii")


class CgroupTest(SystemdTest):

    def group(self):
        """The unit's, from here."""
        return next(pathlib.Path(directory) for directory, _, _ in os.walk(self.machine.cgroup)
                    if os.path.basename(directory) == self.service.unit)

    def workers_groups(self):
        return [name for name in groups_in(self.group()) if name.startswith("r")]

    def straying(self, **tables):
        """A service whose worker has a descendant in another session that has forgotten its environment; and a
        function that says which process that is, as seen from here."""
        command = ["/bin/sh", "-c", "env -i setsid sleep 1000 & exec \"$@\"", "sh", *worker()]

        def stray():
            return wait_until("the stray", lambda: [
                pid for pid, line in self.service.processes().items() if line.strip() == "sleep 1000"])[0]
        return content(command, **tables), stray

    def enable_a_controller(self):
        """For the unit's children, as the supervisor does where [limits] need it. Whatever the kernel has will do;
        what systemd does not know of (hugetlb) has to come down to the unit first."""
        top = self.machine.cgroup.parent
        there = (top / "cgroup.controllers").read_text(encoding="ascii").split()
        if not there:
            print("skipped: cgroups of version 2 have no controller here")
            self.skipTest("no controller")
        # unshare(1), which waits for systemd, is in the way.
        (top / "cgroup.procs").write_text(str(self.machine.process.pid), encoding="ascii")
        for group in [*reversed(self.group().relative_to(top).parents), self.group().relative_to(top)]:
            control = top / group / "cgroup.subtree_control"
            if there[0] not in control.read_text(encoding="ascii").split():
                control.write_text(f"+{there[0]}", encoding="ascii")
                self.addCleanup(disable, control, there[0])  # the last one first
        self.assertIn(there[0], self.enabled())

    def enabled(self):
        return (self.group() / "cgroup.subtree_control").read_text(encoding="ascii").split()


class Groups(CgroupTest):

    def test_each_worker_has_one_and_the_supervisor_the_leaf(self):
        service = self.start(content(worker("--fork", "1"), rollout={"replicas": 2}))
        self.assertEqual(["r1-0", "r1-1"], self.workers_groups())
        self.assertEqual([], processes_of(self.group()))
        self.assertIn(service.supervisor(), processes_of(self.group() / SUPERVISOR))
        for name in self.workers_groups():
            self.assertEqual(2, len(processes_of(self.group() / name)))
        self.assertIn("each worker has a cgroup of its own", service.journal())
        self.succeed("reload")
        wait_until("the new groups alone", lambda: self.workers_groups() == ["r2-0", "r2-1"])
        self.succeed("stop")
        self.assert_nothing_runs(service)

    def test_without_delegation_they_are_process_groups_and_it_is_told(self):
        service = self.service
        service.write_drop_in("[Service]\nDelegate=no\n")
        self.start(content(limits={"memory_max": "64M"}))
        why = f"the unit {service.unit} has no Delegate=yes"
        self.assertIn(f"workers have no cgroups ({why})", service.journal())
        self.assertEqual(f"memory_max is not enforced: {why}", service.status()["limits_problem"])
        self.assertEqual([], groups_in(self.group()))

    def test_where_the_mark_cannot_be_read_the_manager_is_asked(self):
        service = self.service
        self.start()
        supervisor = service.show("MainPID")
        os.removexattr(self.group(), "user.delegate")  # as systemd before 251; the other one is for CAP_SYS_ADMIN
        self.succeed("kill", "--kill-whom=main", "--signal=USR2")
        wait_until("the upgrade", lambda: "goes on where the last one ended" in service.journal())
        self.assertEqual(supervisor, service.show("MainPID"))
        self.assertNotIn("user.delegate", os.listxattr(self.group()))
        self.assertEqual(2, service.journal().count("each worker has a cgroup of its own"))

    def test_a_worker_that_needs_more_than_its_memory_is_told_of(self):
        service = self.start(content(limits={"memory_max": "64M"}, rollout={"replicas": 2}))
        if "memory" not in self.enabled():
            self.assertRegex(service.status()["limits_problem"],
                             "memory_max is not enforced: there is no memory controller in /sys/fs/cgroup/")
            print("skipped: the cgroups of version 2 have no memory controller here")
            self.skipTest("no memory controller")
        self.assertEqual("", service.status()["limits_problem"])
        self.assertGreater(service.status()["workers"][0]["memory"], 0)
        with self.assertRaises(OSError):
            service.get("/grow?v=100")
        wait_until("the reason in the journal", lambda: re.search(
            "out of memory .*more than its memory_max of 64 MiB", service.journal()))


class Survival(CgroupTest):

    def test_a_supervisor_is_started_again_where_workers_have_controllers(self):
        service = self.start(content(rollout={"replicas": 2}))
        for _ in range(2):
            supervisor, old = service.show("MainPID"), service.pids()
            self.enable_a_controller()
            service.die()
            service.wait_back(supervisor)
            self.assertEqual(old, service.pids())
            self.assertEqual(["r1-0", "r1-1"], self.workers_groups())
            self.assertEqual([], processes_of(self.group()))
            self.assertIn(service.supervisor(), processes_of(self.group() / SUPERVISOR))
        self.succeed("reload")
        wait_until("the new groups alone", lambda: self.workers_groups() == ["r2-0", "r2-1"])

    def test_a_restart_keeps_them(self):
        service = self.start(content(rollout={"replicas": 2}))
        supervisor, old = service.show("MainPID"), service.pids()
        self.enable_a_controller()
        self.succeed("restart")
        self.assertNotEqual(supervisor, service.show("MainPID"))
        self.assertEqual(old, service.pids())
        self.assertEqual(["r1-0", "r1-1"], self.workers_groups())
        self.assertNotIn("219/CGROUP", service.journal())

    def test_a_reload_runs_beside_them(self):
        self.start()
        self.enable_a_controller()
        self.succeed("reload")
        wait_until("the new group alone", lambda: self.workers_groups() == ["r2-0"])

    def test_an_upgrade_keeps_them(self):
        service = self.start()
        old = service.pids()
        self.enable_a_controller()
        self.succeed("kill", "--kill-whom=main", "--signal=USR2")
        wait_until("the upgrade", lambda: "goes on where the last one ended" in service.journal())
        self.assertEqual(old, service.pids())
        self.assertEqual(["r1-0"], self.workers_groups())
        self.assertNotEqual([], self.enabled())


class Strays(CgroupTest):

    def test_one_ends_with_its_worker(self):
        tables, stray = self.straying()
        service = self.start(tables)
        pid, (old,) = stray(), service.pids()
        self.machine.run("kill", "-KILL", old)
        wait_until("the stray to end", lambda: not alive(pid))
        self.assertRegex(service.journal(), r"1 process outlives its main process, killed: process \d+ \(sleep\)")

    def test_none_is_left_by_a_stop(self):
        tables, stray = self.straying()
        service = self.start(tables)
        pid = stray()
        self.succeed("stop")
        wait_until("the stray to end", lambda: not alive(pid))
        self.assert_nothing_runs(service)

    def test_none_is_left_by_a_stop_of_a_frozen_supervisor(self):
        service = self.service
        service.write_drop_in("[Service]\nTimeoutStopSec=1s\n")
        tables, stray = self.straying()
        self.start(tables)
        pid = stray()
        self.succeed("kill", "--kill-whom=main", "--signal=STOP")
        self.succeed("stop", timeout=2 * PATIENCE)
        self.assertFalse(alive(pid))
        self.assert_nothing_runs(service)

    def test_none_is_left_by_a_stop_while_it_waits_to_be_started_again(self):
        service = self.service
        service.write_drop_in("[Service]\nRestartSec=60s\n")
        tables, stray = self.straying()
        self.start(tables)
        pid = stray()
        self.enable_a_controller()
        service.die()
        service.wait_show("SubState", "auto-restart")
        self.assertTrue(alive(pid))
        self.succeed("stop")
        wait_until("the stray to end", lambda: not alive(pid))
        wait_until("the companion's end", lambda: not service.processes())
        self.succeed("start")
        self.assertEqual(1, service.status()["available"])

    def test_a_cold_start_ends_what_an_earlier_life_left(self):
        service = self.service
        # As if systemd had lost what it kept.
        service.write_drop_in("[Service]\nFileDescriptorStoreMax=0\nEnvironment=FDSTORE=0\n")
        tables, stray = self.straying()
        self.start(tables)
        pid, supervisor = stray(), service.show("MainPID")
        service.die()
        service.wait_back(supervisor)
        self.assertFalse(alive(pid))
        self.assertIn("no supervisor knows", service.journal())
        wait_until("one worker's processes", lambda: len(service.processes()) == 3)
        self.assertEqual(["r2-0"], self.workers_groups())


if __name__ == "__main__":
    main(CgroupTest.use)
