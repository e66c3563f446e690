"""svc-keeper with a program that does what the test says in the place of svcd: workers/kept.py."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

from harness import BUILD, PATIENCE, end_children, tail, wait_until

KEEPER = BUILD / "src/keeper/svc-keeper"
CHILD = pathlib.Path(__file__).parent / "workers/kept.py"


class Life:
    """One process that the keeper started."""

    def __init__(self, connection):
        connection.settimeout(PATIENCE)
        self.connection = connection
        self.answers, self.requests = connection.makefile("r"), connection.makefile("w")
        self.hello = json.loads(self.answers.readline())
        self.pid = self.hello["pid"]
        self.fds = [name for name, _ in self.hello["fds"]]

    def tell(self, *request):
        self.requests.write(json.dumps(request) + "\n")
        self.requests.flush()

    def ask(self, *request):
        self.tell(*request)
        return json.loads(self.answers.readline())


class KeeperTest(unittest.TestCase):

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="svc-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.server = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.server.close)
        self.server.settimeout(PATIENCE)
        self.server.bind(str(self.directory / "test"))
        self.server.listen()
        self.log_path = self.directory / "log"
        self.process = None
        self.expected_left = 0
        self.addCleanup(self.end)

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        left = end_children()
        if len(left) > self.expected_left:
            print(f"---- log of {self.id()}:\n{tail(self.log)}\n----", flush=True)
            self.fail(f"processes were left behind: {left}")

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self, environment=None, prefix=(), arguments=(), **options):
        """The keeper; returns its first child."""
        # A test that fails has a keeper with a child left, which would only add to the confusion.
        self.expected_left = 1
        clean = {name: value for name, value in os.environ.items()
                 if name not in ("NOTIFY_SOCKET", "FDSTORE") and not name.startswith("LISTEN_")}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*map(str, prefix), str(KEEPER), sys.executable, str(CHILD), str(self.directory / "test"),
                 *arguments],
                env={**clean, **(environment or {})},
                **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **options})
        return self.life()

    def life(self):
        life = Life(self.server.accept()[0])
        self.addCleanup(life.connection.close)
        return life

    def wait(self):
        status = self.process.wait(PATIENCE)
        self.expected_left = 0
        return status

    def finish(self, life):
        """The end on purpose."""
        life.ask("remove", "svc.state")
        life.tell("exit", 0)
        self.assertEqual(0, self.wait())

    def wait_for_log(self, text, count=1):
        wait_until(f"{count} x \"{text}\" in the log: {self.log}",
                   lambda: self.log.count(text) >= count)
