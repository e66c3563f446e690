"""The house in which the integration tests run a real svcd.

A test is a method of a ServiceTest. It starts a Supervisor with a service file (a dict), talks to it
as people and programs do (`svc`, raw Varlink, signals, the service manager's notify socket) and
waits for what it expects with a deadline. When a test fails, the supervisor's log is printed; when
it ends, no process may be left: this process is the subreaper of everything that it starts, so
whatever outlives its supervisor becomes our child and is found.
"""
import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

# Tests import everything from here.
from listening import connect, get, hold_port, split_address  # noqa: F401
from processes import (PATIENCE, alive, children, command_line, end_children,  # noqa: F401
                       wait_until)
from service_file import PYTHON, service, toml, worker  # noqa: F401
from supervisor import BUILD, Supervisor
from varlink import Connection, VarlinkError, call  # noqa: F401

# Of what must happen before a short deadline has passed, in seconds: see in_time().
DEADLINES = 1, 5, 30
# A shell ignores these two in what it runs in the background, and what ignores a signal passes that on.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
QUICK = bool(os.environ.get("SVC_TEST_QUICK"))
PR_SET_CHILD_SUBREAPER = 36


def require_root(test):
    return unittest.skipUnless(os.geteuid() == 0, "needs root")(test)


class ServiceTest(unittest.TestCase):
    """A test with supervisors in a temporary directory of its own."""

    maxDiff = None

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="svc-"))
        self.directory.chmod(0o755)  # workers of other users pass through
        self.supervisors = []

    def make(self, content=None, **options):
        """A supervisor that is not started yet."""
        supervisor = Supervisor(self.directory, service() if content is None else content, **options)
        self.supervisors.append(supervisor)
        return supervisor

    def start(self, content=None, timeout=PATIENCE, **options):
        return self.make(content, **options).start(timeout)

    def reload(self, supervisor, *options, timeout=PATIENCE):
        """A reload that must succeed. When it has, no old worker is left."""
        result = supervisor.svc("reload", *options, timeout=timeout)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        return result

    @contextlib.contextmanager
    def apart(self, name):
        """A part of a test with a directory, and supervisors, of its own."""
        outer, before = self.directory, len(self.supervisors)
        with self.subTest(name):
            self.directory = outer / name.replace(" ", "-")
            self.directory.mkdir()
            try:
                yield self.directory
            finally:
                self.directory = outer
                for supervisor in self.supervisors[before:]:
                    supervisor.close()

    def in_time(self, attempt):
        """For a test in which a deadline passes, and something has to happen before it does: attempt(seconds) is
        True if it did. On a busy machine it may not have, and there is another attempt, with more time."""
        for seconds in DEADLINES:
            came = None  # it stays that after a failure, which is told as that of a subtest
            with self.apart(f"within {seconds}s"):
                came = attempt(seconds)
            if came is not False:
                return
        self.fail(f"what had to happen first did not in {seconds} s")

    def run(self, result=None):
        result = result or self.defaultTestResult()
        bad = len(result.failures) + len(result.errors)
        self.supervisors, self.directory = [], None
        super().run(result)
        if self.directory is None:
            return result
        for supervisor in self.supervisors:
            supervisor.close()
        left = end_children()
        if left and len(result.failures) + len(result.errors) == bad:
            try:
                raise AssertionError("processes were left behind:\n  " + "\n  ".join(left))
            except AssertionError:
                result.addFailure(self, sys.exc_info())
        if len(result.failures) + len(result.errors) > bad:
            for supervisor in self.supervisors:
                print(f"---- log of {self.id()}:\n{tail(supervisor.log)}\n----", flush=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        return result


def tail(text, lines=200):
    return "\n".join(text.splitlines()[-lines:])


def main():
    """What every test file ends with. Exit status 77, meson's "skipped", if nothing could run."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    outcome = program.result
    if outcome.wasSuccessful() and outcome.testsRun == len(outcome.skipped):
        sys.exit(77)
    sys.exit(0 if outcome.wasSuccessful() else 1)
