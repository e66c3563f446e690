"""svcd as the first process of a container: every orphan is its child, and none stays a zombie."""
import os
import pathlib
import shutil
import subprocess
import unittest

from harness import ServiceTest, alive, children, main, service, wait_until


def can_unshare():
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"],
                          capture_output=True).returncode == 0


def zombies(parent):
    """The children of a process that ended and were not reaped."""
    found = []
    for pid in children(parent):
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            continue
        if state == "Z":
            found.append(pid)
    return found


@unittest.skipUnless(can_unshare(), "needs a pid namespace")
class AsInit(ServiceTest):

    def start_as_init(self):
        supervisor = self.start(service(rollout={"replicas": 2}),
                                prefix=["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"])
        # unshare forks once: its only child is the namespace's process 1.
        self.init = children(supervisor.pid)[0]
        return supervisor

    def test_it_runs_as_process_1(self):
        supervisor = self.start_as_init()
        self.assertEqual(1, supervisor.status()["supervisor_pid"])
        self.reload(supervisor)
        self.assertEqual(2, supervisor.status()["available"])
        os.kill(self.init, 15)
        self.assertEqual(0, supervisor.wait())

    def test_orphans_of_workers_are_reaped(self):
        supervisor = self.start_as_init()
        for _ in range(10):
            supervisor.get("/orphan")
        wait_until("no zombies", lambda: not zombies(self.init))
        self.assertEqual(2, supervisor.status()["available"])
        os.kill(self.init, 15)
        self.assertEqual(0, supervisor.wait())
        self.assertFalse(alive(self.init))


    def start_without_manager(self, **environment):
        supervisor = self.make(service(rollout={"replicas": 2}), environment=environment,
                               prefix=["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"])
        del supervisor.environment["NOTIFY_SOCKET"]
        supervisor.spawn()
        supervisor.events_when_up().wait_for("rollout_ended")
        self.init = children(supervisor.pid)[0]
        return supervisor

    def test_without_a_manager_process_1_is_a_keeper(self):
        supervisor = self.start_without_manager()
        self.assertEqual("svc-keeper", pathlib.Path(f"/proc/{self.init}/comm").read_text().strip())
        self.assertEqual(["svcd"], [pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                                    for pid in children(self.init)])
        for _ in range(10):
            supervisor.get("/orphan")
        wait_until("no zombies", lambda: not zombies(self.init))
        os.kill(self.init, 15)
        self.assertEqual(0, supervisor.wait())

    def test_process_1_goes_on_alone_where_there_is_no_keeper(self):
        supervisor = self.start_without_manager(SVC_KEEPER="/nowhere/svc-keeper")
        self.assertEqual("svcd", pathlib.Path(f"/proc/{self.init}/comm").read_text().strip())
        self.assertIn("svcd: no keeper: cannot execute /nowhere/svc-keeper: No such file or directory; "
                      "its death will end everything", supervisor.log)
        os.kill(self.init, 15)
        self.assertEqual(0, supervisor.wait())


class OnAHost(ServiceTest):

    def test_orphans_of_workers_are_reaped_too(self):
        supervisor = self.start()
        for _ in range(10):
            supervisor.get("/orphan")
        wait_until("no zombies", lambda: not zombies(supervisor.pid))


if __name__ == "__main__":
    main()
