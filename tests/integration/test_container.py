"""svcd as the first process of a container: every orphan is its child, and none stays a zombie."""
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from harness import ServiceTest, alive, children, main, service, wait_until


INIT = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
# As a container of a user's: one user in it, called root, who outside is nobody special.
ROOTLESS = ["setpriv", "--reuid=1", "--regid=1", "--clear-groups", "--", INIT[0], "--user", "--map-root-user", *INIT[1:]]


def can(prefix):
    return os.geteuid() == 0 and all(map(shutil.which, ("unshare", "setpriv"))) and \
        subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0


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


@unittest.skipUnless(can(INIT), "needs a pid namespace")
class AsInit(ServiceTest):

    def start_as_init(self):
        supervisor = self.start(service(rollout={"replicas": 2}), prefix=INIT)
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

    def start_without_manager(self, prefix=INIT, **environment):
        supervisor = self.make(service(rollout={"replicas": 2}), environment=environment, prefix=prefix)
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

    @unittest.skipUnless(can(ROOTLESS), "needs user namespaces without privileges")
    def test_in_a_container_without_privileges_it_is_reloaded_killed_and_taken_over(self):
        os.chown(self.directory, 1, 1)
        supervisor = self.start_without_manager(ROOTLESS)
        # Root outside is nobody in there, who may look and nothing else (and sends signals).
        self.assertEqual(4, supervisor.svc("reload").returncode)
        os.kill(self.init, signal.SIGHUP)
        status = supervisor.wait_status("revision 2", lambda status: status["revision"] == 2 and
                                        status["available"] == len(status["workers"]) == 2)
        serving = sorted(worker["pid"] for worker in status["workers"])
        os.kill(children(self.init)[0], signal.SIGKILL)
        status = supervisor.wait_status("the next one", lambda status: status["generation"] > 1)
        self.assertEqual(serving, sorted(worker["pid"] for worker in status["workers"]))
        os.kill(self.init, signal.SIGTERM)
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
