"""The ways to restart a server that bench/reload compares, with one interface.

A peer starts the worker, replaces it, and stops. The worker's own story (when it began, was ready, got
SIGTERM, ended) comes from its --timeline file, so that what a peer adds can be told from what the
worker needs anyway.
"""
import os
import pathlib
import signal
import subprocess
import time

from .processes import Exit, free_port, spawn, tail
from .svcd import Svcd, service_file


class Timeline:
    """Lines "PID EVENT MICROSECONDS" of CLOCK_MONOTONIC, which is also time.monotonic()."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def events(self):
        """{pid: {event: seconds}}"""
        workers = {}
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            pid, event, at = line.split()
            workers.setdefault(int(pid), {})[event] = int(at) / 1e6
        return workers

    def serving(self):
        """Pids that are ready and were not told to go, oldest first."""
        ready = [(events["ready"], pid) for pid, events in self.events().items()
                 if "ready" in events and "term" not in events]
        return [pid for _, pid in sorted(ready)]

    def wait_serving(self, log, timeout=20):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if serving := self.serving():
                return serving[-1]
            time.sleep(0.002)
        raise SystemExit(f"no worker became ready:\n{tail(log)}")


class Peer:
    """One worker; `supervisor` is the pid whose cost is measured, or None."""
    title = ""
    has_supervisor = True

    def __init__(self, programs, directory, worker_options):
        self.programs = programs
        self.directory = pathlib.Path(directory)
        self.log = self.directory / "log"
        self.timeline = Timeline(self.directory / "timeline")
        self.worker = [programs.example_web, "--timeline", self.timeline.path, *worker_options]
        self.port = free_port()
        self.target = f"127.0.0.1:{self.port}"
        self.process = None

    @property
    def supervisor(self):
        return self.process.pid if self.has_supervisor else None

    def trigger(self):
        """Begins a reload; returns a Popen to wait for, or None if the old worker's end is all that
        tells that it is over."""
        raise NotImplementedError

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class SvcReload(Peer):
    title = "svcd, svc reload"
    needs = ("svcd", "svc")

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.svcd = Svcd(self.programs, self.directory)
        self.svcd.log = self.log

    def start(self):
        self.programs.require(*self.needs)
        self.svcd.write(service_file(self.worker, self.target))
        self.svcd.start()
        self.process = self.svcd.process

    def trigger(self):
        return subprocess.Popen(self.svcd.command_line("reload"), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)


class SvcdHup(SvcReload):
    title = "svcd, SIGHUP"
    needs = ("svcd",)

    def trigger(self):
        os.kill(self.supervisor, signal.SIGHUP)


class ServerStarter(Peer):
    title = "Server::Starter"

    def start(self):
        self.programs.require("start_server")
        self.process = spawn([self.programs.start_server, f"--port={self.target}", "--interval=1",
                              "--", *self.worker], self.log, start_new_session=True)

    def trigger(self):
        os.kill(self.process.pid, signal.SIGHUP)


class StopStart(Peer):
    title = "stop and start"
    has_supervisor = False

    def start(self):
        self.process = spawn([*self.worker, "--listen", self.target], self.log,
                             start_new_session=True)

    def trigger(self):
        gone = Exit(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        gone.wait(30)
        self.process.wait()
        self.start()


PEERS = {"svcd": SvcReload, "svcd-hup": SvcdHup, "server-starter": ServerStarter,
         "stop-start": StopStart}
