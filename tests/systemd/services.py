"""A service under a real systemd: its file, its unit, and what systemctl, svc and the journal say."""
import itertools
import json
import shutil
import sys
import unittest

# Whoever imports this has imported machine.py, which knows where these are.
from listening import get, split_address
from machine import HERE
from processes import PATIENCE, wait_until
from service_file import PYTHON, WORKERS, service, toml
from supervisor import BUILD


def worker(*options):
    """The command of tests/integration's worker, as it is called inside."""
    return [PYTHON, "-S", "-E", "/srv/shared/worker.py", *map(str, options)]


def example_web(*options):
    return ["/srv/shared/example-web", *map(str, options)]


def content(command=None, **tables):
    return service(command or worker(), **tables)


class Service:
    """The service `name` with the unit svcd@name."""

    def __init__(self, machine, name):
        self.machine = machine
        self.name = name
        self.unit = f"svcd@{name}.service"
        self.file = machine.services / f"{name}.toml"

    def write(self, tables):
        text = tables if isinstance(tables, str) else toml(tables)
        new = self.file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.rename(self.file)

    def write_drop_in(self, text):
        """What `systemctl edit` would make."""
        directory = self.machine.units / f"{self.unit}.d"
        directory.mkdir(exist_ok=True)
        (directory / "test.conf").write_text(text, encoding="utf-8")
        self.machine.run("systemctl", "daemon-reload")

    # Ask and tell ----------------------------------------------------------------------------------

    def systemctl(self, verb, *options, timeout=2 * PATIENCE):
        return self.machine.run("systemctl", verb, *options, self.unit, timeout=timeout)

    def show(self, name):
        """One property of the unit."""
        return self.systemctl("show", "--value", "--property", name).stdout.strip()

    def wait_show(self, name, value, timeout=PATIENCE):
        """Polls a property until it has the value, or meets the condition."""
        met = value if callable(value) else lambda now: now == value
        return wait_until(f"{name} of {self.unit}, which is {self.show(name)!r}",
                          lambda: met(self.show(name)), timeout)

    def svc(self, *arguments):
        return self.machine.run("svc", *arguments)

    def status(self):
        """None while there is no supervisor to ask."""
        answer = self.svc("status", "--json", self.name)
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def wait_status(self, what, condition, timeout=PATIENCE):
        def met():
            status = self.status()
            return status if status and condition(status) else None
        return wait_until(what, met, timeout)

    def journal(self):
        return self.machine.journal(self.unit)

    # Facts -----------------------------------------------------------------------------------------

    def pids(self):
        """The workers' process ids, as they are called inside."""
        return sorted(entry["pid"] for entry in self.status()["workers"])

    def address(self):
        return split_address(self.status()["listeners"][0]["address"])

    def get(self, target="/"):
        return get(self.address(), target)

    def processes(self):
        return self.machine.processes(self.unit)

    def supervisor(self):
        """The supervisor's process id as it is called out here."""
        (found,) = (pid for pid, line in self.processes().items() if "svcd --name" in line)
        return found

    def stored(self):
        """How many fds systemd keeps for it."""
        return int(self.show("NFileDescriptorStore"))

    def die(self):
        """The supervisor is killed."""
        answer = self.systemctl("kill", "--kill-whom=main", "--signal=KILL")
        assert answer.returncode == 0, answer.stderr

    def wait_back(self, supervisor):
        """Another supervisor than this one runs (a MainPID), and the service is active."""
        self.wait_show("MainPID", lambda pid: pid not in ("0", supervisor))
        self.wait_show("ActiveState", "active")


class SystemdTest(unittest.TestCase):
    """A test with a service of its own; what it started is stopped, and the journal is printed if it
    failed."""

    machine = None
    numbers = itertools.count(1)

    @classmethod
    def use(cls, machine):
        """Gives the tests their machine, and the machine the programs that the services run."""
        cls.machine = machine
        for program in "worker.py", "counting.py":
            shutil.copy(WORKERS / program, machine.shared)
        shutil.copy(BUILD / "examples/web/example-web", machine.shared)

    def setUp(self):
        self.service = Service(self.machine, f"web{next(self.numbers)}")
        self.addCleanup(self.end)

    def end(self):
        self.service.systemctl("kill", "--signal=KILL")
        self.service.systemctl("stop")
        self.service.file.unlink(missing_ok=True)
        shutil.rmtree(self.machine.units / f"{self.service.unit}.d", ignore_errors=True)

    def run(self, result=None):
        result = result or self.defaultTestResult()
        bad = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > bad:
            print(f"---- journal of {self.id()}:\n{self.service.journal()}\n----", file=sys.stderr)
        return result

    def succeed(self, verb, *options, timeout=2 * PATIENCE):
        """A systemctl command that must succeed."""
        answer = self.service.systemctl(verb, *options, timeout=timeout)
        self.assertEqual(0, answer.returncode, answer.stdout + answer.stderr)

    def start(self, tables=None):
        self.service.write(content() if tables is None else tables)
        self.succeed("start")
        return self.service

    def socket_unit(self):
        """The example, for this test's service; port 80 is free in the machine's own network."""
        example = (HERE.parents[1] / "examples/web.socket").read_text(encoding="utf-8")
        unit = f"{self.service.name}.socket"
        (self.machine.units / unit).write_text(
            example.replace("svcd@web.service", self.service.unit), encoding="utf-8")
        self.machine.run("systemctl", "daemon-reload")
        self.addCleanup(self.machine.run, "systemctl", "stop", unit)
        self.service.write(content(listener=[{"name": "http", "address": "systemd:http"}]))
        answer = self.machine.run("systemctl", "start", unit)
        self.assertEqual(0, answer.returncode, answer.stderr)

    def go(self, flag):
        """Lets the workers with --ready-when /srv/shared/FLAG become ready."""
        (self.machine.shared / flag).touch()

    def assert_nothing_runs(self, service):
        self.assertEqual({}, service.processes())
        strays = {pid: line for pid, line in self.machine.processes().items() if "/srv/shared/" in line}
        self.assertEqual({}, strays)
