"""Workers in cgroups of their own, below a directory that the test gives to the supervisor (--cgroup)."""
import fcntl
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

from cgroups import cgroup2_mount, groups_in, processes_of, remove_cgroups
from harness import PATIENCE, ServiceTest, alive, main, service, wait_until, worker
from supervisor import SVC, SVCD

MOUNT = cgroup2_mount()


def why_not():
    """Why these tests cannot run here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if MOUNT is None:
        return "there is no cgroup2 mount that can be written to"
    try:
        os.rmdir(tempfile.mkdtemp(prefix="svc-cgroup-", dir=MOUNT))
    except OSError as error:
        return f"no cgroup can be made in {MOUNT}: {error.strerror}"
    return None


WHY_NOT = why_not()


def reap(supervisor, name, cgroup):
    return subprocess.run([SVCD, "--reap", name, "--runtime-dir", supervisor.runtime, "--cgroup", cgroup],
                          stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=PATIENCE)


class CgroupTest(ServiceTest):

    def setUp(self):
        super().setUp()
        if WHY_NOT:
            print(f"skipped: {WHY_NOT}")
            self.skipTest(WHY_NOT)
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="svc-cgroup-", dir=MOUNT))
        self.addCleanup(self.remove_top)

    def remove_top(self):
        # ServiceTest ends its supervisors after this: a group with a process stays until then.
        for supervisor in self.supervisors:
            supervisor.close()
        if (self.top / "cgroup.kill").exists():
            (self.top / "cgroup.kill").write_text("1", encoding="ascii")
        wait_until("the test's cgroups to be empty", lambda: remove_cgroups(self.top))

    def begin(self, content=None, **options):
        return self.start(content, arguments=["--cgroup", self.top], **options)

    def straying(self, *options, forget=False):
        """A worker with a descendant in another session, perhaps without the worker's environment; and a
        function that says which process that is."""
        file = self.directory / "stray"
        forgetting = "env -i " if forget else ""
        command = ["/bin/sh", "-c", f"{forgetting}setsid sleep 1000 & echo $! > {file}; exec \"$@\"", "sh",
                   *worker(*options)]

        def stray():
            return int(wait_until("the stray", lambda: file.exists() and file.read_text(encoding="ascii")))
        return command, stray

    def wait_groups(self, *names):
        wait_until(f"the groups {names} in {groups_in(self.top)}", lambda: groups_in(self.top) == sorted(names))

    def foreign(self, name, seconds="1000"):
        """A group that is not ours, with a process in it."""
        (self.top / name).mkdir()
        process = subprocess.Popen(["sleep", seconds])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        (self.top / name / "cgroup.procs").write_text(str(process.pid), encoding="ascii")
        return process


class Groups(CgroupTest):

    def test_each_worker_has_one_and_the_supervisor_the_leaf(self):
        supervisor = self.begin(service(worker("--fork", "1"), rollout={"replicas": 2}))
        self.assertEqual(["r1-0", "r1-1", "supervisor"], groups_in(self.top))
        self.assertEqual([], processes_of(self.top))
        self.assertIn(supervisor.pid, processes_of(self.top / "supervisor"))
        for entry in supervisor.workers():
            inside = processes_of(self.top / entry["name"])
            self.assertIn(entry["pid"], inside)
            self.assertEqual(2, len(inside))
        self.assertEqual(str(self.top), supervisor.status()["cgroup"])
        self.assertIn("each worker has a cgroup of its own", supervisor.log)
        self.reload(supervisor)
        self.wait_groups("r2-0", "r2-1", "supervisor")
        self.assertEqual(0, supervisor.stop())
        self.wait_groups("supervisor")

    def test_what_left_the_process_group_ends_with_its_worker_and_is_named(self):
        command, stray = self.straying()
        supervisor = self.begin(service(command))
        pid, (old,) = stray(), supervisor.pids()
        os.kill(old, signal.SIGKILL)
        wait_until("the stray to end", lambda: not alive(pid))
        supervisor.wait_log(f"1 process outlives its main process, killed: process {pid} (sleep)")
        supervisor.wait_status("a successor", lambda status: [
            entry for entry in status["workers"] if entry["state"] == "available" and entry["pid"] != old])
        self.wait_groups("r1-0.1", "supervisor")

    def test_what_left_the_process_group_ends_at_the_stop(self):
        command, stray = self.straying(forget=True)
        supervisor = self.begin(service(command))
        pid = stray()
        self.assertEqual(0, supervisor.stop())
        wait_until("the stray to end", lambda: not alive(pid))

    def test_the_end_of_the_grace_reaches_all_of_it(self):
        command, stray = self.straying("--ignore-term")
        supervisor = self.begin(service(command, stop={"grace": "200ms", "min_stop": "100ms"}))
        pid, (old,) = stray(), supervisor.pids()
        self.assertEqual(0, supervisor.stop())
        wait_until("both to end", lambda: not alive(pid) and not alive(old))
        self.assertNotIn("outlives", supervisor.log)  # it was killed with the rest

    def test_nothing_is_watched_any_more_when_it_is_gone(self):
        supervisor = self.begin(service(worker("--fork", "2")))
        for number in range(2, 5):
            self.reload(supervisor)
            self.wait_groups(f"r{number}-0", "supervisor")
        def watches():
            return sum(file.read_text(encoding="ascii").count("inotify wd")
                       for file in pathlib.Path(f"/proc/{supervisor.pid}/fdinfo").iterdir())
        wait_until("no watch to be left", lambda: watches() == 0)

    def test_a_group_that_is_not_ours_is_left_alone(self):
        foreign = [self.foreign(".control"), self.foreign("r1-0-of-mine")]
        supervisor = self.begin()
        self.reload(supervisor)
        self.assertEqual(0, supervisor.stop())
        self.wait_groups(".control", "r1-0-of-mine", "supervisor")
        self.assertEqual([None, None], [process.poll() for process in foreign])

    def test_one_that_cannot_be_made_is_a_launch_that_failed(self):
        supervisor = self.begin()
        (old,) = supervisor.pids()
        (self.top / "cgroup.max.descendants").write_text("2", encoding="ascii")
        answer = supervisor.svc("reload")
        self.assertEqual(1, answer.returncode)
        self.assertRegex(answer.stdout + answer.stderr, r"cannot make the cgroup r2-0 \(cgroup\.max\.descendants")
        self.assertEqual([old], supervisor.pids())

    def test_a_launcher_that_is_about_to_end_is_waited_for(self):
        supervisor = self.begin()
        ends = self.foreign("r2-0", "0.3")
        self.reload(supervisor)
        self.assertEqual(0, ends.wait(PATIENCE))
        self.assertEqual(supervisor.pids("available"), processes_of(self.top / "r2-0"))

    def test_one_with_a_process_in_it_is_not_used(self):
        supervisor = self.begin()
        (old,) = supervisor.pids()
        stays = self.foreign("r2-0")
        answer = supervisor.svc("reload")
        self.assertEqual(1, answer.returncode)
        self.assertIn(f"the cgroup r2-0 is there, and not empty: process {stays.pid} (sleep)",
                      answer.stdout + answer.stderr)
        self.assertIsNone(stays.poll())
        self.assertEqual([old], supervisor.pids())

    def test_a_directory_that_is_none_ends_the_start(self):
        supervisor = self.make(arguments=["--cgroup", self.directory])
        supervisor.spawn()
        self.assertEqual(1, supervisor.wait())
        self.assertIn(f"{self.directory} is no cgroup of version 2", supervisor.log)

    def test_one_service_has_it(self):
        first = self.begin()
        pids = first.pids()
        second = self.make(name="other", arguments=["--cgroup", self.top])
        second.spawn()
        self.assertEqual(1, second.wait())
        sentence = f"{self.top}: another supervisor uses it: each service needs a cgroup of its own"
        self.assertIn(sentence, second.log)
        answer = reap(second, "other", self.top)
        self.assertEqual(1, answer.returncode)
        self.assertIn("nothing is ended: " + sentence, answer.stderr)
        self.assertEqual(pids, first.pids("available"))

    def test_its_lock_goes_over_an_upgrade_and_ends_with_its_supervisor(self):
        def is_free():
            directory = os.open(self.top, os.O_RDONLY)
            try:
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                return False
            finally:
                os.close(directory)
        supervisor = self.begin()
        self.assertEqual(0, supervisor.svc("upgrade").returncode)
        self.assertFalse(is_free())
        supervisor.write(service(ready={"post_ready": {"exec": ["/bin/sleep", "1000"], "timeout": "1h"}}))
        supervisor.signal(signal.SIGHUP)
        (hook,) = wait_until("the hook", lambda: [
            pid for pid in processes_of(self.top / "supervisor")
            if pathlib.Path(f"/proc/{pid}/comm").read_text("utf-8") == "sleep\n"])
        running = [hook, *supervisor.pids()]
        supervisor.die()
        self.assertTrue(is_free())
        self.assertTrue(all(map(alive, running)))
        os.kill(hook, signal.SIGKILL)


class Lives(CgroupTest):
    """The supervisor dies, is upgraded, or begins anew."""

    def succeed(self, supervisor):
        said = len(supervisor.manager.messages)
        supervisor.succeed()
        supervisor.manager.wait_for("READY=1", after=said, alive=lambda: supervisor.process.poll() is None)

    def test_the_next_supervisor_has_the_workers_in_their_groups(self):
        command, stray = self.straying(forget=True)
        supervisor = self.begin(service(command))
        pid, (old,) = stray(), supervisor.pids()
        supervisor.die()
        self.succeed(supervisor)
        self.assertEqual([old], supervisor.pids("available"))
        self.assertEqual({old, pid}, set(processes_of(self.top / "r1-0")))
        self.assertIn(supervisor.pid, processes_of(self.top / "supervisor"))
        self.reload(supervisor)
        wait_until("the old group to end", lambda: not alive(pid) and not alive(old))
        self.wait_groups("r2-0", "supervisor")

    def test_what_is_left_of_one_that_died_meanwhile_is_ended(self):
        command, stray = self.straying(forget=True)
        supervisor = self.begin(service(command))
        pid, (old,) = stray(), supervisor.pids()
        supervisor.die()
        os.kill(old, signal.SIGKILL)
        os.waitpid(old, 0)
        self.assertTrue(alive(pid))
        supervisor.succeed()
        supervisor.wait_log(f"1 process outlives its main process, killed: process {pid} (sleep)")
        wait_until("the stray to end", lambda: not alive(pid))
        self.assertNotIn("no supervisor knows", supervisor.log)

    def test_a_worker_that_had_no_place_in_the_store_is_not_doubled(self):
        command, stray = self.straying(forget=True)
        supervisor = self.begin(service(command))
        pid, (old,) = stray(), supervisor.pids()
        supervisor.die()
        supervisor.manager.lose("svc.worker.1.pidfd")
        self.succeed(supervisor)
        self.assertRegex(supervisor.log, rf"no supervisor knows .*process {pid} \(r1-0\)")
        wait_until("its end", lambda: not alive(old) and not alive(pid))
        supervisor.wait_status("a successor", lambda status: status["available"] == 1)
        self.wait_groups("r1-0.1", "supervisor")

    def test_a_new_worker_is_not_taken_for_an_old_one_of_its_name(self):
        command = worker("--ignore-term")
        supervisor = self.begin(service(command, stop={"grace": "500ms", "min_stop": "100ms"}, rollout={"replicas": 2}))
        supervisor.die()
        supervisor.manager.lose("svc.worker.1.pidfd")
        # Of a launch that was not published any more: its launcher is gone, its group is there.
        (self.top / "r2-0").mkdir()
        self.succeed(supervisor)
        lost = processes_of(self.top / "r1-0")
        self.assertEqual(0, supervisor.svc("reload").returncode)
        (new,) = processes_of(self.top / "r2-0")
        self.wait_groups("r2-0", "r2-1", "supervisor")
        self.assertFalse(any(map(alive, lost)))
        self.assertEqual([new], processes_of(self.top / "r2-0"))

    def test_a_cold_start_ends_what_is_in_workers_groups_first(self):
        command, stray = self.straying(forget=True)
        supervisor = self.begin(service(command))
        pid, (old,) = stray(), supervisor.pids()
        foreign = self.foreign("other")
        supervisor.die()
        supervisor.manager.forget()
        supervisor.start()
        self.assertFalse(alive(pid) or alive(old))
        self.assertRegex(supervisor.log, rf"no supervisor knows .*process {pid} \(r1-0\)")
        self.assertIsNone(foreign.poll())
        self.assertNotEqual([old], supervisor.pids("available"))

    def test_so_does_reap(self):
        command, stray = self.straying(forget=True)
        supervisor = self.begin(service(command))
        pid, (old,) = stray(), supervisor.pids()
        foreign = self.foreign("other")
        supervisor.die()
        answer = reap(supervisor, "web", self.top)
        self.assertEqual(0, answer.returncode, answer.stderr)
        self.assertFalse(alive(pid) or alive(old))
        self.wait_groups("other", "supervisor")
        self.assertIsNone(foreign.poll())

    def test_an_upgrade_keeps_everything(self):
        command, stray = self.straying(forget=True)
        supervisor = self.begin(service(command))
        pid, (old,) = stray(), supervisor.pids()
        self.assertEqual(0, supervisor.svc("upgrade").returncode)
        self.assertEqual({old, pid}, set(processes_of(self.top / "r1-0")))
        os.kill(old, signal.SIGKILL)
        wait_until("the stray to end", lambda: not alive(pid))
        self.wait_groups("r1-0.1", "supervisor")


class Container(CgroupTest):
    """As process 1 of a container: the root of its own cgroup namespace is its to use."""

    def inside(self):
        """The command that becomes process 1 there."""
        (self.top / "box").mkdir()
        enter = (f'echo 0 > {self.top}/box/cgroup.procs; exec unshare --mount --cgroup sh -c '
                 f'"mount -t proc proc /proc && umount {MOUNT} && mount -t cgroup2 cgroup2 {MOUNT} && exec \\"\\$@\\"" sh "$@"')
        return ["unshare", "--pid", "--mount", "--fork", "--kill-child", "sh", "-c", enter, "sh"]

    def box(self):
        return groups_in(self.top / "box")

    def test_process_1_uses_it(self):
        supervisor = self.start(service(rollout={"replicas": 2}), prefix=self.inside())
        self.assertEqual(["r1-0", "r1-1", "supervisor"], self.box())
        self.assertEqual(str(MOUNT), supervisor.status()["cgroup"])
        self.reload(supervisor)
        wait_until("the new groups alone", lambda: self.box() == ["r2-0", "r2-1", "supervisor"])

    def test_so_does_the_child_of_a_keeper_after_its_death_too(self):
        supervisor = self.make(service(), prefix=self.inside())
        del supervisor.environment["NOTIFY_SOCKET"]
        supervisor.spawn()
        supervisor.events_when_up().wait_for("rollout_ended")
        self.assertEqual(["r1-0", "supervisor"], self.box())
        self.assertEqual([], processes_of(self.top / "box"))
        (worker_of_it,) = processes_of(self.top / "box/r1-0")
        keeper, daemon = sorted(processes_of(self.top / "box/supervisor"))[:2]
        self.assertEqual("svc-keeper", pathlib.Path(f"/proc/{keeper}/comm").read_text().strip())
        supervisor.drop_events()
        os.kill(daemon, signal.SIGKILL)
        supervisor.wait_log("goes on where the last one ended")
        self.assertEqual([worker_of_it], processes_of(self.top / "box/r1-0"))
        self.assertEqual(2, supervisor.log.count("each worker has a cgroup of its own"))


class Limits(ServiceTest):
    """Where there is no cgroup."""

    def test_that_they_are_not_enforced_is_told(self):
        supervisor = self.start(service(limits={"memory_max": "1G", "cpu_max": "50%"}), arguments=["--cgroup", "off"])
        self.assertIn("workers have no cgroups (--cgroup off): limits are not enforced", supervisor.log)
        problem = "memory_max, cpu_max are not enforced: --cgroup off"
        self.assertEqual(problem, supervisor.status()["limits_problem"])
        (warning,) = supervisor.events.of("warning")
        self.assertEqual((1, f"[limits]: {problem}"), (warning["revision"], warning["text"]))
        self.assertIn(problem, supervisor.svc("status").stdout)

    def test_a_supervisor_in_somebodys_session_takes_none(self):
        supervisor = self.start()
        self.assertIn("workers have no cgroups (", supervisor.log)
        own, its = (pathlib.Path(f"/proc/{pid}/cgroup").read_text() for pid in ("self", supervisor.pid))
        self.assertEqual(own, its)

    def test_check_says_what_this_machine_has_not(self):
        file = self.directory / "web.toml"
        supervisor = self.make(service(limits={"io_weight": 50}))
        answer = subprocess.run([SVC, "check", file], text=True, capture_output=True, timeout=PATIENCE)
        self.assertEqual(0, answer.returncode, answer.stderr)
        self.assertIn("compete for disks with weight 50", " ".join(answer.stdout.split()))
        controllers = (MOUNT / "cgroup.controllers").read_text().split() if MOUNT else []
        if "io" in controllers:
            print("skipped: this machine has an io controller")
        else:
            self.assertIn("limits.io_weight: not enforced", answer.stderr)
        supervisor.close()


if __name__ == "__main__":
    main()
