"""The Debian package in a clean Debian with a real systemd: installed, upgraded over running services, removed."""
import itertools
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "systemd"))
from machine import Machine, main  # noqa: E402 (first: it knows where the others are)
from load import Load  # noqa: E402
from processes import wait_until  # noqa: E402
from services import Service, SystemdTest, content, example_web  # noqa: E402
from supervisor import BUILD  # noqa: E402

import packages  # noqa: E402
from debian_root import debian_root  # noqa: E402

SVCD_NEXT = BUILD / "tests/integration/svcd-next"
# What a running machine writes by itself, and what adduser and its like leave beside the files of users.
PASSING = re.compile(r"/(proc|sys|dev|run|tmp|var/(tmp|log|lib/(dpkg|systemd)|cache/(ldconfig|debconf))|srv/shared"
                     r"|etc/systemd/system/(.*\.mount|multi-user\.target\.wants$)|etc/(group|gshadow|passwd|shadow)-)(/|$)")


def two(*options, **tables):
    return content(example_web("--drain", "200", *options), rollout={"replicas": 2}, **tables)


class Package(SystemdTest):
    package = None       # as built
    next_package = None  # a later version, with another svcd
    version = None
    next_version = None
    numbers = itertools.count(1)

    @classmethod
    def use(cls, machine):
        super().use(machine)
        made = machine.directory / "packages"
        built = packages.build(made)
        cls.version = packages.run("dpkg-deb", "--field", built, "Version").strip()
        numbers = cls.version.split("-")[0].split(".")
        cls.next_version = ".".join(numbers[:2] + [str(int(numbers[2]) + 1)])
        cls.next_package = cls.share(packages.later(built, made, cls.next_version + "-1", svcd=SVCD_NEXT))
        cls.package = cls.share(built)
        cls.built, cls.made = built, made

    @classmethod
    def share(cls, package):
        shutil.copy(package, cls.machine.shared)
        return f"/srv/shared/{package.name}"

    def setUp(self):
        super().setUp()
        self.before = self.files()
        self.dpkg("--install", self.package)
        self.addCleanup(self.purge)

    def dpkg(self, *arguments):
        """What dpkg and the maintainer scripts say of something that must succeed."""
        answer = self.machine.run("dpkg", *arguments)
        self.assertEqual(0, answer.returncode, answer.stdout + answer.stderr)
        return answer.stdout + answer.stderr

    def purge(self):
        """Of the package and what it did nothing is left."""
        for file in self.machine.services.glob("*.toml"):
            file.unlink()
        self.dpkg("--purge", "svc")
        self.assertEqual([], sorted(self.files() - self.before))

    def files(self):
        root = self.machine.inside("/")
        found = set()
        for directory, inner, files in os.walk(root):
            place = "/" + directory.removeprefix(str(root)).strip("/")
            inner[:] = [name for name in inner if not PASSING.match(os.path.join(place, name))]
            found.update(os.path.join(place, name) for name in inner + files
                         if not PASSING.match(os.path.join(place, name)))
        return found

    def svc(self, *arguments):
        answer = self.service.svc(*arguments)
        self.assertEqual(0, answer.returncode, answer.stdout + answer.stderr)
        return answer.stdout

    def executable(self, service):
        """The program of its supervisor, as it is called inside."""
        return os.readlink(f"/proc/{service.supervisor()}/exe").removeprefix(str(self.machine.root))

    def assert_runs(self, service, version):
        self.assertEqual(version, service.status()["version"])
        self.assertFalse(self.executable(service).endswith("(deleted)"))
        self.assertTrue(self.executable(service).endswith("/usr/bin/svcd"))

    def another(self, tables):
        """A second service, with no test of its own."""
        service = Service(self.machine, f"{self.service.name}b")
        service.write(tables)
        answer = service.systemctl("start")
        self.assertEqual(0, answer.returncode, service.journal())
        return service


class Life(Package):

    def test_upgraded_and_downgraded_over_a_running_service_it_touches_no_worker_and_no_request(self):
        service = self.service
        service.write(two())
        self.succeed("enable", "--now")
        first = self.version.split("-", maxsplit=1)[0]
        self.assert_runs(service, first)
        with Load(service.address(), rate=200, keepalive=4) as load:
            self.succeed("reload")
            old = service.pids()
            said = self.dpkg("--install", self.next_package)
            self.assertIn(f"{service.name}: supervisor upgraded from {first} to {self.next_version}", said)
            self.assertIn("2 workers untouched", said)
            self.assert_runs(service, self.next_version)
            self.assertEqual(old, service.pids())
            self.svc("undo", service.name)
            self.assertEqual(3, service.status()["revision"])
            self.svc("history", service.name)
            old = service.pids()
            self.dpkg("--install", self.package)
            self.assert_runs(service, first)
            self.assertEqual(old, service.pids())
            self.succeed("restart")
            self.assertEqual(old, service.pids())
            self.dpkg("--install", self.package)  # once more the same
            self.assertEqual(old, service.pids())
        load.assert_no_failure(self)

    def test_removed_it_leaves_nothing_that_runs_and_all_that_is_the_administrators(self):
        service = self.service
        service.write(two())
        self.succeed("enable", "--now")
        with Load(service.address(), rate=50, keepalive=0) as load:
            wait_until("requests", lambda: load.count()["requests"] > 20)
            load.tell("stop")
        load.assert_no_failure(self)
        said = self.dpkg("--remove", "svc")
        self.assertIn(f"Stopping {service.unit}", said)
        self.assert_nothing_runs(service)
        self.assertNotIn("svcd", str(self.machine.processes()))
        self.assertEqual("not-found", service.show("LoadState"))
        left = [path for path in self.files() - self.before if "/svc" in path]
        self.assertIn(f"/var/lib/svc/{service.name}/revisions/1/revision.json", left)
        self.assertIn(f"/etc/svc/{service.name}.toml", left)
        self.assertEqual([], [path for path in left if path.startswith(("/usr", "/run"))])
        # And back: the service is still enabled, and has its history.
        self.dpkg("--install", self.package)
        self.succeed("start")
        self.assertEqual(2, service.status()["revision"])

    def test_what_it_brings_is_in_its_place(self):
        for path in ("/usr/bin/svc", "/usr/bin/svcd", "/usr/libexec/svc/svc-launch", "/usr/libexec/svc/svc-keeper",
                     "/usr/lib/systemd/system/svcd@.service", "/usr/lib/systemd/user/svcd@.service",
                     "/usr/lib/sysusers.d/svc.conf", "/usr/share/svc/presets/nginx.toml",
                     "/usr/share/svc/schema/status.schema.json", "/etc/svc"):
            self.assertTrue(self.machine.inside(path).exists(), path)
        self.assertEqual(0, self.machine.run("svcd", "--version").returncode)
        self.service.write(two())
        self.succeed("start")  # with all that the unit needs: systemd says nothing about it
        for kind in "--system", "--user":
            said = self.machine.run("systemd-analyze", kind, "verify", "--man=no", "svcd@web.service",
                                    "svcd-reap@web.service")
            self.assertNotRegex(said.stdout + said.stderr, r"svcd(-reap)?@")
        self.assertNotIn("control-group", self.service.journal())

    def test_its_completions_are_where_the_shells_look(self):
        for path in ("zsh/vendor-completions/_svc", "fish/vendor_completions.d/svc.fish", "fish/vendor_completions.d/svcd.fish",
                     "bash-completion/completions/svc"):
            self.assertTrue(self.machine.inside(f"/usr/share/{path}").exists(), path)
        loaded = self.machine.run("bash", "-c", ". /usr/share/bash-completion/completions/svcd && complete -p svc svcd")
        self.assertEqual(["complete -F _svc svc", "complete -F _svc svcd"], loaded.stdout.splitlines(), loaded.stderr)

    def test_members_of_its_group_may_deploy_and_others_may_look(self):
        service = self.start(two())
        group = self.machine.run("getent", "group", "svc-admin").stdout.split(":")[2]

        def asked(groups, *arguments):
            return self.machine.run("setpriv", "--reuid", "1000", "--regid", "1000", *groups, "svc", *arguments,
                                    service.name).returncode
        self.assertEqual(0, asked(["--clear-groups"], "status"))
        self.assertEqual(4, asked(["--clear-groups"], "reload"))
        self.assertEqual(0, asked(["--groups", group], "reload"))


class Trouble(Package):

    def test_a_supervisor_that_cannot_be_upgraded_now_is_told_and_keeps_nobody_from_it(self):
        flag = self.machine.shared / "checked"
        flag.touch()
        tables = two(service={"check": ["/bin/sh", "-c", "until [ -e /srv/shared/checked ]; do sleep 0.1; done"]})
        busy, other = self.start(tables), self.another(two())
        old = busy.pids() + other.pids()
        flag.unlink()
        checking = self.machine.popen("svc", "reload", busy.name)
        wait_until("the check", lambda: "checked" in str(busy.processes()))
        said = self.dpkg("--install", self.next_package)
        self.assertIn(f"{other.name}: supervisor upgraded", said)
        self.assertRegex(said, rf"{busy.name}: .*waits for what it cannot hand over")
        self.assertIn("not every supervisor was upgraded", said)
        self.assertEqual(old, busy.pids() + other.pids())
        self.assertEqual(self.version.split("-", maxsplit=1)[0], busy.status()["version"])
        self.assert_runs(other, self.next_version)
        flag.touch()
        self.assertEqual(0, checking.wait(60), checking.communicate())
        self.svc("upgrade", busy.name)
        self.assert_runs(busy, self.next_version)

    def test_between_unpacking_and_configuring_a_worker_and_a_supervisor_may_die(self):
        service = self.start(two())
        dying = self.another(two())
        old = dying.pids()
        # What the supervisor that runs must not start its workers with.
        stranger = self.made / "stranger"
        stranger.write_text("#!/bin/sh\nexit 99\n", encoding="ascii")
        odd = self.share(packages.later(self.built, self.made, self.next_version + "~odd", svcd=SVCD_NEXT,
                                        launch=stranger))
        self.dpkg("--unpack", odd)
        worker, other = service.pids()
        self.assertEqual(0, self.machine.run("sh", "-c", f"kill -KILL {worker}").returncode)
        service.wait_status("another worker", lambda status: sorted(
            entry["state"] for entry in status["workers"]) == ["available"] * 2 and worker not in
            [entry["pid"] for entry in status["workers"]])
        self.assertIn(other, service.pids())
        supervisor = dying.show("MainPID")
        dying.die()
        dying.wait_back(supervisor)
        self.assertEqual(old, dying.pids())
        self.assertEqual(self.next_version, dying.status()["version"])
        self.dpkg("--install", self.next_package)
        for each in service, dying:
            self.assert_runs(each, self.next_version)
        self.assertEqual(old, dying.pids())

    def test_an_upgrade_that_fails_while_it_unpacks_changes_nothing_that_runs(self):
        service = self.start(two())
        old = service.pids()
        files = packages.unpack(self.built, self.made / "failing")
        preinst = files / "DEBIAN/preinst"
        preinst.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
        preinst.chmod(0o755)
        failing = self.made / "failing.deb"
        packages.run("dpkg-deb", "--root-owner-group", "-Znone", "--build", files, failing)
        answer = self.machine.run("dpkg", "--install", self.share(failing))
        self.assertNotEqual(0, answer.returncode)
        self.assertEqual(old, service.pids())
        self.assertIn("ii ", self.machine.run("dpkg", "--list", "svc").stdout)
        self.succeed("reload")

    def test_supervisors_that_no_unit_runs_are_upgraded_too_and_outlive_a_removal(self):
        """Of a user, with a keeper."""
        runtime = "/run/user/1000"
        self.machine.run("install", "-d", "-m", "700", "-o", "1000", "-g", "1000", runtime, f"{runtime}/state")
        as_user = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "env",
                   f"XDG_RUNTIME_DIR={runtime}", f"XDG_STATE_HOME={runtime}/state"]
        self.machine.run("systemd-run", "--unit", "by-hand", *as_user, "svcd", "--keeper", "--name", "hand",
                         "--listen", "127.0.0.1:0", "--", *example_web())

        def status():
            answer = self.machine.run(*as_user, "svc", "status", "--json", "hand")
            return json.loads(answer.stdout) if answer.returncode == 0 else None
        self.addCleanup(self.machine.run, "systemctl", "stop", "by-hand")
        wait_until("a worker", lambda: (status() or {}).get("workers"))
        wait_until("its service", lambda: [entry["state"] for entry in status()["workers"]] == ["available"])
        old = status()["workers"][0]["pid"]
        said = self.dpkg("--install", self.next_package)
        self.assertIn("hand: supervisor upgraded", said)
        self.assertEqual((self.next_version, old), (status()["version"], status()["workers"][0]["pid"]))
        running = set(self.machine.processes("by-hand.service"))
        said = self.dpkg("--remove", "svc")
        self.assertRegex(said, r"supervisors that no unit runs go on[^\n]*\n(.*\n)*hand\b")
        self.assertEqual(running, set(self.machine.processes("by-hand.service")))
        self.machine.run("systemctl", "stop", "by-hand")
        wait_until("its end", lambda: "by-hand" not in str(self.machine.processes("by-hand.service")))


if __name__ == "__main__":
    main(Package.use, lambda: Machine(debian_root()))
