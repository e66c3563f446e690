"""Who runs what: root with little of root's, a user, a user's own manager."""
import json
import pathlib
import re
import shlex

from machine import HERE, main  # first: it knows where the others are
from listening import get
from load import Load
from processes import wait_until
from services import Service, SystemdTest, content, example_web, worker

JOE = 2000
CAP_SYS_RESOURCE = 24


def status_of(pid, key):
    """A line of /proc/PID/status."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return re.search(rf"^{key}:\s*(.*)$", text, re.MULTILINE).group(1)


def capabilities_of(pid, kind="Bnd"):
    return int(status_of(pid, f"Cap{kind}"), 16)


class PrivilegesTest(SystemdTest):

    def outlive_two_supervisors(self):
        """One is killed, one is restarted; the workers, which are returned, stay."""
        serving = self.service.pids()
        for end in self.service.die, lambda: self.succeed("restart"):
            supervisor = self.service.show("MainPID")
            end()
            self.service.wait_back(supervisor)
            self.assertEqual(serving, self.service.pids())
        return serving


class AsRoot(PrivilegesTest):
    """The supervisor is root without most of root's capabilities, workers are another user."""

    OTHER = {"user": "daemon"}

    def worker_pids(self):
        return sorted(pid for pid, line in self.service.processes().items() if "/srv/shared/" in line)

    def test_the_manual_lists_what_the_unit_keeps(self):
        service = self.start()
        kept = {name.upper() for name in service.show("CapabilityBoundingSet").split()}
        manual = (HERE.parents[1] / "man/svcd.8.scd").read_text(encoding="utf-8")
        section = manual.split("\n# PRIVILEGES\n")[1].split("\nA worker of another user")[0]
        self.assertEqual(kept, set(re.findall(r"CAP_[A-Z_]+", section)))
        self.assertNotIn("CAP_SYS_ADMIN", kept)

    def test_it_has_no_more_than_the_unit_keeps_and_its_workers_have_nothing(self):
        service = self.start(content(service=self.OTHER))
        supervisor = service.supervisor()
        self.assertLess(bin(capabilities_of(supervisor, "Eff")).count("1"), 20)
        self.assertEqual(capabilities_of(supervisor), capabilities_of(supervisor, "Eff"))
        (pid,) = self.worker_pids()
        for kind in "Eff", "Prm", "Inh", "Amb":
            self.assertEqual(0, capabilities_of(pid, kind), kind)

    def test_that_is_enough_for_everything_that_a_service_file_asks_for(self):
        service = self.service
        listeners = [{"name": "http", "address": "127.0.0.1:80"},
                     {"name": "local", "address": f"unix:/run/{service.name}.sock", "owner": "daemon",
                      "group": "daemon", "mode": "0600"}]
        raised = {"oom_score_adj": -100, "limits": {"nofile": [2000, 40000], "memlock": "infinity"}}
        if not capabilities_of("self", "Eff") >> CAP_SYS_RESOURCE & 1:
            print("root has no CAP_SYS_RESOURCE here: limits are not raised")
            raised = {}
        self.start(content(worker("--ignore-term"), listener=listeners, stop={"grace": "3s"},
                           service={**self.OTHER, "nice": -1, **raised}))
        self.assertEqual(1, json.loads(get(("127.0.0.1", 80), "/self"))["uid"])
        (old,) = self.worker_pids()
        owner = service.machine.inside(f"/run/{service.name}.sock").stat()
        self.assertEqual((1, 0o600), (owner.st_uid, owner.st_mode & 0o777))
        # The old worker ignores its signal: the kill at the end of its grace is one of another user, too.
        self.succeed("reload")
        wait_until("the old worker to be gone", lambda: old not in self.worker_pids())
        self.assertEqual("active", service.show("ActiveState"))

    def test_what_a_dead_supervisor_left_of_another_user_is_found_and_ended(self):
        service = self.service
        service.write_drop_in("[Service]\nFileDescriptorStoreMax=0\nEnvironment=FDSTORE=0\n")
        self.start(content(service=self.OTHER, rollout={"replicas": 2}))
        old, supervisor = self.worker_pids(), service.show("MainPID")
        service.die()
        service.wait_back(supervisor)
        self.assertEqual(2, len(self.worker_pids()))
        self.assertTrue(set(old).isdisjoint(self.worker_pids()))
        self.succeed("stop")
        self.assert_nothing_runs(service)


class AsUser(PrivilegesTest):
    """A supervisor without any privilege, with a socket from systemd: the example's drop-in."""

    def begin(self, command=None):
        service = self.service
        drop_in = (HERE.parents[1] / "examples/systemd/unprivileged.conf").read_text(encoding="utf-8")
        service.write_drop_in(drop_in.replace("User=web", "User=daemon"))
        self.socket_unit()
        service.write(content(command, listener=[{"name": "http", "address": "systemd:http"}],
                              rollout={"replicas": 2}))
        self.succeed("start")
        return service

    def test_it_has_no_capability_and_cannot_get_one(self):
        service = self.begin()
        for pid in service.processes():
            self.assertEqual(0, capabilities_of(pid))
            self.assertEqual("1", status_of(pid, "NoNewPrivs"))
            self.assertEqual("1", status_of(pid, "Uid").split()[0])

    def test_it_finds_its_cgroup_delegated(self):
        service = self.begin()
        self.assertRegex(service.journal(), rf"each worker has a cgroup of its own, in .*/{service.unit}\n")
        cgroups = [pathlib.Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii") for pid in service.processes()]
        for leaf in "supervisor", "r1-0", "r1-1":
            self.assertEqual(1, len([text for text in cgroups if text.endswith(f"/{service.unit}/{leaf}\n")]), cgroups)

    def test_it_is_reloaded_killed_restarted_and_upgraded_and_loses_nothing(self):
        service = self.begin(example_web("--drain", "200"))
        with Load("127.0.0.1:80", rate=100, keepalive=2) as load:
            self.succeed("reload")
            serving = self.outlive_two_supervisors()
            generation = service.status()["generation"]
            self.succeed("kill", "--kill-whom=main", "--signal=USR2")
            service.wait_status("the upgrade", lambda status: status["generation"] > generation)
            self.assertEqual(serving, service.pids())
            self.succeed("reload")
        load.assert_no_failure(self)
        self.succeed("stop")
        self.assert_nothing_runs(service)

    def test_nothing_is_left_by_one_that_died_before_a_stop(self):
        service = self.service
        self.begin()
        service.write_drop_in("[Service]\nUser=daemon\nRestartSec=1h\n")
        service.die()
        service.wait_show("SubState", "auto-restart")
        self.succeed("stop")
        wait_until("the workers to be gone", lambda: not service.processes())


class UserService(Service):
    """A service of joe's, whose own manager runs its supervisor."""

    def __init__(self, machine, name):
        super().__init__(machine, name)
        self.file = machine.inside(f"/srv/joe/.config/svc/{name}.toml")

    def command(self, *words):
        """As joe would say it in a session."""
        return ["setpriv", f"--reuid={JOE}", f"--regid={JOE}", "--init-groups", "env", "HOME=/srv/joe",
                f"XDG_RUNTIME_DIR=/run/user/{JOE}", *words]

    def systemctl(self, verb, *options, timeout=120):
        return self.machine.run(*self.command("systemctl", "--user", verb, *options, self.unit), timeout=timeout)

    def svc(self, *arguments):
        return self.machine.run(*self.command("svc", *arguments))

    def journal(self):
        self.machine.run("journalctl", "--sync")
        return self.machine.run("journalctl", "--no-pager", f"_UID={JOE}").stdout

    def write_drop_in(self, text):
        directory = self.machine.inside(f"/srv/joe/.config/systemd/user/{self.unit}.d")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "test.conf").write_text(text, encoding="utf-8")
        self.machine.run(*self.command("systemctl", "--user", "daemon-reload"))


class UserManager(PrivilegesTest):
    """systemctl --user, with the unit of the user's directory."""

    has_user = False

    def setUp(self):
        if not UserManager.has_user:
            for command in ("useradd --create-home --home-dir /srv/joe --uid 2000 joe",
                            "install -d -o joe -g joe /srv/joe/.config/svc",
                            "systemctl start user@2000.service"):
                answer = self.machine.run(*shlex.split(command))
                self.assertEqual(0, answer.returncode, command + ": " + answer.stderr +
                                 self.machine.journal("user@2000.service"))
            UserManager.has_user = True
        super().setUp()
        self.service = UserService(self.machine, f"{self.service.name}u")

    def test_it_is_reloaded_killed_restarted_and_stopped(self):
        service = self.start(content(example_web("--drain", "200"), rollout={"replicas": 2}))
        for pid in service.processes():
            self.assertEqual(str(JOE), status_of(pid, "Uid").split()[0])
        with Load("{}:{}".format(*service.address()), rate=100, keepalive=2) as load:
            self.succeed("reload")
            self.outlive_two_supervisors()
        load.assert_no_failure(self)
        service.wait_show("StatusText", "revision 2, 2/2 available")
        told = [line for line in service.journal().splitlines() if "each worker has a cgroup of its own, in " in line]
        self.assertEqual(3, len([line for line in told if line.endswith("/" + service.unit)]))
        self.succeed("stop")
        self.assert_nothing_runs(service)

    def test_a_failed_reload_fails_with_its_reason_in_the_journal(self):
        service = self.start()
        service.write(content(worker("--say", "cannot open the database", "--exit", "3")))
        self.assertEqual(1, service.systemctl("reload").returncode)
        self.assertIn("cannot open the database", service.journal())

    def test_what_has_forgotten_its_environment_is_not_left_by_a_stop_after_a_crash(self):
        service = self.service
        service.write_drop_in("[Service]\nRestartSec=60s\n")
        forgetting = "env -i setsid sleep 1000 & exec \"$@\""
        self.start(content(["/bin/sh", "-c", forgetting, "sh", *worker()]))
        strays = [pid for pid, line in service.processes().items() if line.strip() == "sleep 1000"]
        self.assertEqual(1, len(strays))
        service.die()
        service.wait_show("SubState", "auto-restart")
        self.succeed("stop")
        wait_until("the companion's end", lambda: not service.processes())

    def test_without_delegation_no_cgroup_is_taken(self):
        service = self.service
        service.write_drop_in("[Service]\nDelegate=no\n")
        self.start()
        self.assertIn(f"workers have no cgroups (the unit {service.unit} has no Delegate=yes)", service.journal())
        (supervisor,) = {pathlib.Path(f"/proc/{pid}/cgroup").read_text("utf-8").split("0::")[1].strip()
                         for pid in service.processes()}
        self.assertTrue(supervisor.endswith("/" + service.unit), supervisor)

    def test_the_cgroup_of_the_manager_itself_is_not_taken(self):
        service = self.service
        service.file.write_text("[service]\n", encoding="utf-8")  # refused, after the look for a cgroup
        answer = self.machine.run(*service.command(
            "env", "-u", "SYSTEMD_EXEC_PID", "systemd-run", "--user", "--scope",
            "svcd", "--name", "scoped", f"/srv/joe/.config/svc/{service.name}.toml"))
        self.assertIn("workers have no cgroups (this process is not in the cgroup of the unit user@", answer.stderr)

    def test_nothing_is_left_when_the_manager_ends(self):
        service = self.start(content(rollout={"replicas": 2}))
        self.assertEqual(0, self.machine.run("systemctl", "stop", f"user@{JOE}.service").returncode)
        UserManager.has_user = False
        self.machine.run("userdel", "--remove", "joe")
        self.assert_nothing_runs(service)


if __name__ == "__main__":
    main(SystemdTest.use)
