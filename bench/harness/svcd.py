"""One svcd with a service file of ours."""
import json
import os
import pathlib
import signal
import subprocess
import time

from .processes import NotifySocket, spawn, tail


def service_file(command, address="127.0.0.1:0", replicas=1, max_surge=1):
    return f"""\
[service]
command = {json.dumps([str(word) for word in command])}

[[listener]]
name = "http"
address = "{address}"
nonblock = true   # example-web shares the socket with its siblings and must not block in accept()

[ready]
on = "notify"
timeout = "10s"

[rollout]
replicas = {replicas}
max_surge = {json.dumps(max_surge)}

[stop]
grace = "10s"
"""


class Svcd:
    def __init__(self, programs, directory, name="web"):
        self.programs = programs
        self.directory = pathlib.Path(directory)
        self.name = name
        self.file = self.directory / f"{name}.toml"
        self.log = self.directory / "svcd.log"
        self.process = None

    def write(self, text):
        """In one step, as an editor does: a reload must never read half a file."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.rename(self.file)

    def start(self, *first):
        """`first`: options that stand before the others (--keeper)."""
        notify = NotifySocket(self.directory / "manager")
        self.process = spawn([self.programs.svcd, *first, "--name", self.name, "--runtime-dir",
                              self.directory / "run", "--state-dir", self.directory / "state",
                              self.file], self.log, start_new_session=True,
                             env={**os.environ, "NOTIFY_SOCKET": notify.path})
        notify.wait_ready(self.process, self.log)

    def svc(self, command, *options):
        """A finished `svc COMMAND NAME`."""
        return subprocess.run(self.command_line(command, *options), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120)

    def command_line(self, command, *options):
        return [str(word) for word in (self.programs.svc, command, self.name, "--runtime-dir",
                                       self.directory / "run", *options)]

    def status(self):
        result = self.svc("status", "--json")
        if result.returncode != 0:
            raise SystemExit(f"svc status failed:\n{result.stdout}{result.stderr}{tail(self.log)}")
        return json.loads(result.stdout)

    def stop(self, timeout=30):
        """SIGTERM; returns how long the graceful stop took."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout)
        return time.monotonic() - begin
