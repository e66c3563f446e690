"""svcd@.service, installed, under a real systemd: what systemctl's verbs do to a service."""
import json
import os
import threading
import unittest

from machine import main  # first: it knows where the others are
from harness import QUICK
from listening import connect, get
from load import DRAIN, Load
from processes import PATIENCE, wait_until
from services import SystemdTest, content, example_web, worker


class Start(SystemdTest):

    def test_start_returns_when_the_first_revision_is_complete(self):
        service = self.service
        flag = f"{service.name}.go"
        service.write(content(worker("--ready-when", f"/srv/shared/{flag}"), rollout={"replicas": 2}))
        starting = self.machine.popen("systemctl", "start", service.unit)
        service.wait_status("both workers to start", lambda status: [
            entry["state"] for entry in status["workers"]] == ["starting", "starting"])
        self.assertEqual("activating", service.show("ActiveState"))
        service.wait_show("StatusText", "starting revision 1: 0/2 available")
        self.assertIsNone(starting.poll())
        self.go(flag)
        _, said = starting.communicate(timeout=PATIENCE)
        self.assertEqual(0, starting.returncode, said)
        self.assertEqual("active", service.show("ActiveState"))
        self.assertEqual(2, service.status()["available"])
        service.wait_show("StatusText", "revision 1, 2/2 available")

    def test_the_unit_names_the_supervisor_as_its_main_process(self):
        service = self.start()
        self.assertEqual(str(service.status()["supervisor_pid"]), service.show("MainPID"))
        self.assertEqual(f"/etc/svc/{service.name}.toml", service.status()["service_file"])

    def test_a_first_version_that_fails_fails_the_start_and_is_tried_until_it_is_mended(self):
        service = self.service
        service.write(content(worker("--say", "cannot open the database", "--exit", "3")))
        answer = service.systemctl("start")
        self.assertEqual(1, answer.returncode, answer.stdout + answer.stderr)
        self.assertIn("cannot open the database", service.journal())
        # More often than systemd's own limit for starts in a row allows.
        service.wait_show("NRestarts", lambda count: int(count) > 6, timeout=2 * PATIENCE)
        service.write(content())
        service.wait_show("ActiveState", "active")
        self.assertEqual(1, service.status()["available"])

    def test_a_wrong_service_file_is_told_and_not_tried_again(self):
        service = self.service
        service.write("[service]\ncommand = 5\n")
        self.assertNotEqual(0, service.systemctl("start").returncode)
        service.wait_show("ActiveState", "failed")
        self.assertEqual("5", service.show("ExecMainStatus"))
        self.assertEqual("0", service.show("NRestarts"))
        self.assertIn(f"{service.name}.toml:2:", service.journal())

    def test_a_socket_unit_hands_its_listener_in_by_name(self):
        service = self.service
        self.socket_unit()
        self.assertEqual("inactive", service.show("ActiveState"))
        first = get(("127.0.0.1", 80))  # the first client starts the service
        self.assertTrue(first.startswith("1 "))
        service.wait_show("ActiveState", "active")
        old = service.pids()
        self.succeed("reload")
        self.assertTrue(set(old).isdisjoint(service.pids()))
        self.assertEqual(f"1 {service.pids()[0]}", get(("127.0.0.1", 80)))

    def test_a_client_of_a_socket_unit_waits_for_a_restart(self):
        self.socket_unit()
        self.succeed("start")
        with Load("127.0.0.1:80", rate=50, keepalive=0) as load:
            self.succeed("restart")
        load.assert_no_failure(self)

    def test_a_socket_unit_gives_a_privileged_port_to_a_supervisor_without_privileges(self):
        service = self.service
        service.write_drop_in("[Service]\nUser=daemon\n")
        self.socket_unit()
        self.succeed("start")
        user = json.loads(get(("127.0.0.1", 80), "/self"))["uid"]
        self.assertNotEqual(0, user)
        self.succeed("reload")
        get(("127.0.0.1", 80))


class Reload(SystemdTest):

    def test_reload_returns_when_every_worker_is_replaced(self):
        service = self.start(content(rollout={"replicas": 2}))
        supervisor, old = service.show("MainPID"), service.pids()
        flag = f"{service.name}.go"
        service.write(content(worker("--version", "2", "--ready-when", f"/srv/shared/{flag}"),
                              rollout={"replicas": 2}))
        reloading = self.machine.popen("systemctl", "reload", service.unit)
        service.wait_show("StatusText", "rolling 1 → 2: 0/2 updated")
        self.assertEqual("reloading", service.show("ActiveState"))
        self.assertIsNone(reloading.poll())
        service.get()
        self.go(flag)
        _, said = reloading.communicate(timeout=PATIENCE)
        self.assertEqual(0, reloading.returncode, said)
        self.assertEqual("active", service.show("ActiveState"))
        self.assertEqual(supervisor, service.show("MainPID"))
        self.assertTrue(set(old).isdisjoint(service.pids()))
        self.assertEqual(2, len(service.pids()))
        self.assertTrue(service.get().startswith("2 "))
        service.wait_show("StatusText", "revision 2, 2/2 available")

    def test_reloads_under_load_lose_nothing(self):
        service = self.start(content(example_web(*DRAIN), rollout={"replicas": 2}))
        with Load("{}:{}".format(*service.address()), rate=200, keepalive=4) as load:
            for _ in range(3 if QUICK else 10):
                self.succeed("reload")
        load.assert_no_failure(self)

    def test_a_failed_reload_fails_with_its_reason_in_the_journal(self):
        service = self.start(content(rollout={"replicas": 2}))
        old = service.pids()
        service.write(content(worker("--say", "cannot open the database", "--exit", "3"),
                              rollout={"replicas": 2}))
        answer = service.systemctl("reload")
        self.assertEqual(1, answer.returncode, answer.stdout + answer.stderr)
        said = service.journal()
        self.assertIn("revision 2 failed and was rolled back", said)
        self.assertIn("exit status 3", said)
        self.assertIn("cannot open the database", said)
        self.assertEqual("active", service.show("ActiveState"))
        self.assertEqual(old, service.pids())
        self.assertTrue(service.get().startswith("1 "))
        service.write(content(worker("--version", "2"), rollout={"replicas": 2}))
        self.succeed("reload")
        self.assertTrue(service.get().startswith("2 "))

    def test_a_reload_with_a_wrong_service_file_changes_nothing(self):
        service = self.start()
        old = service.pids()
        service.write("[service]\ncommand = 5\n")
        self.assertNotEqual(0, service.systemctl("reload").returncode)
        self.assertIn(f"{service.name}.toml:2:", service.journal())
        self.assertEqual("active", service.show("ActiveState"))
        self.assertEqual(old, service.pids())

    def test_a_hangup_shows_as_reloading_until_its_rollout_has_ended(self):
        service = self.start()
        old = service.pids()
        flag = f"{service.name}.go"
        service.write(content(worker("--ready-when", f"/srv/shared/{flag}")))
        self.succeed("kill", "--kill-whom=main", "--signal=HUP")
        service.wait_show("ActiveState", "reloading")
        self.go(flag)
        service.wait_show("ActiveState", "active")
        service.wait_status("the old worker to go", lambda status: len(status["workers"]) == 1)
        self.assertNotEqual(old, service.pids())


class Stop(SystemdTest):

    def test_stop_finishes_requests_and_leaves_no_process(self):
        service = self.start(content(worker("--fork", "2"), rollout={"replicas": 2}))
        answers = []
        flag = f"{service.name}.go"
        with connect(service.address()) as client:
            client.sendall(f"GET /until?v=/srv/shared/{flag} HTTP/1.1\r\n\r\n".encode())
            service.get()  # connections are accepted in order: the slow one was
            reader = threading.Thread(
                target=lambda: answers.append(b"".join(iter(lambda: client.recv(1000), b""))))
            reader.start()
            stopping = self.machine.popen("systemctl", "stop", service.unit)
            service.wait_show("StatusText", "stopping: 1 worker left")
            self.go(flag)
            _, said = stopping.communicate(timeout=PATIENCE)
            self.assertEqual(0, stopping.returncode, said)
            reader.join(PATIENCE)
        self.assertIn(b"200 OK", answers[0])
        self.assert_nothing_runs(service)
        self.assertEqual("inactive", service.show("ActiveState"))
        self.assertEqual("success", service.show("Result"))
        self.assertEqual("0", service.show("NRestarts"))
        self.assertFalse(self.machine.inside(f"/run/svc/{service.name}").exists())

    def test_what_a_worker_started_outside_its_group_is_gone_too(self):
        service = self.start(content(["/bin/sh", "-c", "setsid sleep 1000 & exec \"$@\"", "sh", *worker()]))
        wait_until("the stray to start", lambda: "sleep" in str(service.processes()))
        self.succeed("stop")
        self.assert_nothing_runs(service)

    def test_the_end_of_a_drain_is_shown_and_waited_for(self):
        flag = f"{self.service.name}.go"
        service = self.start(content(worker("--end-when", f"/srv/shared/{flag}")))
        stopping = self.machine.popen("systemctl", "stop", service.unit)
        service.wait_show("StatusText", "stopping: 1 worker left")
        self.assertEqual("deactivating", service.show("ActiveState"))
        self.go(flag)
        stopping.communicate(timeout=PATIENCE)
        self.assertEqual(0, stopping.returncode)
        self.assert_nothing_runs(service)

    def marked(self, *options, **tables):
        """A worker that lingers at its end, and writes its turns into a file."""
        return content(worker("--linger", "6", "--marks", f"/srv/shared/{self.service.name}.marks",
                              *options), **tables)

    def assert_drained(self, service):
        """The worker came to its own end; nobody killed it."""
        marks = (self.machine.shared / f"{service.name}.marks").read_text(encoding="utf-8")
        self.assertIn("end ", marks)
        self.assertEqual("success", service.show("Result"))

    def test_a_drain_may_take_longer_than_the_manager_gives_a_service_to_stop(self):
        service = self.service
        service.write_drop_in("[Service]\nTimeoutStopSec=5s\n")
        self.start(self.marked())
        self.succeed("stop")
        self.assert_drained(service)

    def test_so_may_the_drain_after_a_rollout_that_the_stop_ended(self):
        service = self.service
        service.write_drop_in("[Service]\nTimeoutStopSec=5s\n")
        self.start(self.marked())
        service.write(content(worker("--never-ready")))
        reloading = self.machine.popen("systemctl", "reload", service.unit)
        service.wait_show("StatusText", "rolling 1 → 2: 0/1 updated")
        self.succeed("stop")
        reloading.communicate(timeout=PATIENCE)
        self.assert_drained(service)

    def test_a_stop_by_svc_is_not_undone(self):
        service = self.start()
        answer = service.svc("stop", service.name)
        self.assertEqual(0, answer.returncode, answer.stderr)
        service.wait_show("ActiveState", "inactive")
        self.assertEqual("0", service.show("NRestarts"))
        self.assert_nothing_runs(service)

    def test_a_start_after_a_stop_begins_anew(self):
        service = self.start()
        self.succeed("stop")
        self.succeed("start")
        self.assertEqual(1, service.status()["available"])


class House(unittest.TestCase):
    """What keeps the machine that runs these tests safe from them."""

    def test_systemd_sees_copies_and_what_the_tests_gave_it(self):
        machine = SystemdTest.machine
        kinds = {}
        for line in machine.inside("/proc/1/mountinfo").read_text(encoding="utf-8").splitlines():
            before, after = line.split(" - ")
            kinds[before.split()[4]] = after.split()[0]
        self.assertEqual("overlay", kinds["/"])
        for place in ("/tmp", "/var/tmp", "/run", "/var/log", "/dev"):
            self.assertEqual("tmpfs", kinds[place])
        memory = {"overlay", "tmpfs", "proc", "sysfs", "cgroup2", "devpts", "devtmpfs", "mqueue", "ramfs",
                  "hugetlbfs", "autofs"}
        ours = {"/etc/svc", "/etc/systemd/system", "/srv/shared"}
        self.assertEqual(set(), {place for place, kind in kinds.items() if kind not in memory} - ours)

    def test_what_is_written_inside_is_not_there_outside(self):
        machine = SystemdTest.machine
        self.assertEqual(0, machine.run("touch", "/usr/svc-test").returncode)
        self.assertTrue(machine.inside("/usr/svc-test").exists())
        self.assertFalse(os.path.exists("/usr/svc-test"))
        self.assertTrue(machine.directory.exists())


if __name__ == "__main__":
    main(SystemdTest.use)
