"""The ways to reload a real server that bench/servers compares, with one interface.

Each server is the one of tests/servers/catalogue.py, with the same configuration in each of its ways; only where
its own way has to open the socket itself, the address stands where the inherited socket stood.
"""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

from .processes import Exit, children, free_port, spawn, tail
from .programs import SOURCE
from .svcd import Svcd

sys.path += [str(SOURCE / "tests/servers"), str(SOURCE / "tests/integration")]

from catalogue import SERVERS, fill, write_files  # noqa: E402
from service_file import toml  # noqa: E402

PATIENCE = 60  # seconds for a start, a reload or a stop


class Missing(Exception):
    """What is needed is not on this machine; says what."""


def wait_until(what, condition, log):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.005)
    raise SystemExit(f"waited {PATIENCE} s in vain for {what}:\n{tail(log)}")


class Way:
    """One server, reloaded in one way. `pids()` are the processes that a reload has to replace."""
    server = ""
    title = ""
    changes = {}  # of the server's files

    def __init__(self, programs, directory, node_modules=None):
        self.programs = programs
        self.directory = pathlib.Path(directory)
        self.directory.chmod(0o755)  # nginx serves files as another user
        self.node_modules = node_modules
        self.log = self.directory / "log"
        self.known = SERVERS[self.server]
        if not self.known.installed():
            raise Missing(f"{self.known.program} is not installed ({self.known.package})")
        self.port = free_port()
        self.target = f"127.0.0.1:{self.port}"
        self.words = {"directory": str(self.directory), "address": self.target, "port": str(self.port),
                      "backend": "127.0.0.1:9"}  # nobody asks for what is behind it
        write_files(self.known, self.directory, self.words)
        for name, change in self.changes.items():
            path = self.directory / name
            text = path.read_text()
            for old, new in change.items():
                if old not in text:
                    raise SystemExit(f"{name} of tests/servers/catalogue.py has no {old} any more")
                text = text.replace(old, fill(new, self.words))
            path.write_text(text)

    @property
    def command(self):
        return fill(self.known.service["command"], self.words)

    def spawn(self, command):
        return spawn(command, self.log, cwd=self.directory, start_new_session=True,
                     env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})

    def answers(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://{self.target}/", timeout=5).status == 200

    def start(self):
        self.launch()
        wait_until(f"{self.title} to answer", self.answers, self.log)

    def launch(self):
        raise NotImplementedError

    def trigger(self):
        """Begins a reload; what it returns, if anything, is a command to wait for."""
        raise NotImplementedError

    def pids(self):
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError

    def reload(self):
        """Returns when the command is done, every old process is gone and there are new ones."""
        old = set(self.pids())
        gone = [Exit(pid) for pid in old]
        command = self.trigger()
        if command is not None and command.wait(PATIENCE) != 0:
            raise SystemExit(f"{self.title}: a reload ended with status {command.returncode}:\n{tail(self.log)}")
        for each in gone:
            each.wait(PATIENCE)
        wait_until("new processes", lambda: set(self.pids()) - old, self.log)


class UnderSvcd(Way):
    """With the preset, as svc-presets(7) has it."""
    title = "svcd, svc reload"
    replicas = 1

    def launch(self):
        self.programs.require("svcd", "svc")
        self.svcd = Svcd(self.programs, self.directory)
        self.svcd.write(toml({
            "service": {"preset": self.server, **fill(self.known.service, self.words), "directory": str(self.directory),
                        "environment": {"PYTHONDONTWRITEBYTECODE": "1", **self.known.environment}},
            "listener": [{"name": "http", "address": self.target}],
            "rollout": {"replicas": self.replicas},
        }))
        self.svcd.log = self.log
        self.svcd.start()

    def trigger(self):
        return spawn(self.svcd.command_line("reload"), self.log)

    def pids(self):
        return [worker["pid"] for worker in self.svcd.status()["workers"]]

    def stop(self):
        self.svcd.stop(PATIENCE)


class NginxSvcd(UnderSvcd):
    server = "nginx"


class NginxReload(Way):
    """The master goes on with new workers. It is a daemon, as a distribution starts it, and our child
    then: take_charge()."""
    server = "nginx"
    title = "nginx -s reload"

    @property
    def master(self):
        with contextlib.suppress(OSError, ValueError):
            return int((self.directory / "nginx.pid").read_text())
        return 0

    def nginx(self, *options):
        return [self.command[0], "-c", self.directory / "nginx.conf", "-e", "stderr", *options]

    def launch(self):
        if self.spawn(self.nginx()).wait(PATIENCE) != 0:
            raise SystemExit(f"nginx did not start:\n{tail(self.log)}")
        wait_until("nginx.pid", lambda: self.master, self.log)

    def trigger(self):
        return self.spawn(self.nginx("-s", "reload"))

    def pids(self):
        return children(self.master)

    def stop(self):
        gone = Exit(self.master)
        os.kill(self.master, signal.SIGQUIT)
        gone.wait(PATIENCE)


class NginxUpgrade(NginxReload):
    """As its documentation has it: USR2, and QUIT for the old master when the new one has written its pid. A
    master ignores USR2 while its parent is the one that started it, so that it has to be a daemon."""
    title = "nginx, USR2 and QUIT"

    def trigger(self):
        old = self.master
        os.kill(old, signal.SIGUSR2)
        wait_until("the new master's pid", lambda: self.master not in (0, old), self.log)
        os.kill(old, signal.SIGQUIT)

    def pids(self):
        return [self.master]


class GunicornSvcd(UnderSvcd):
    server = "gunicorn"


class GunicornHup(Way):
    """The arbiter starts new workers, which load the application again, and ends the old ones."""
    server = "gunicorn"
    title = "gunicorn, HUP"

    def launch(self):
        self.master = self.spawn([*self.command, "--bind", self.target])

    def trigger(self):
        os.kill(self.master.pid, signal.SIGHUP)

    def pids(self):
        return children(self.master.pid)

    def stop(self):
        self.master.send_signal(signal.SIGTERM)
        self.master.wait(PATIENCE)


class HaproxySvcd(UnderSvcd):
    server = "haproxy"


class HaproxyReload(Way):
    """The master executes itself again, and the new worker gets the sockets from the old one."""
    server = "haproxy"
    title = "haproxy -W, USR2"
    changes = {"haproxy.cfg": {'"fd@${FD_WEB}"': "{address}"}}

    def launch(self):
        self.master = self.spawn([self.command[0], "-W", "-f", self.directory / "haproxy.cfg"])

    def trigger(self):
        os.kill(self.master.pid, signal.SIGUSR2)

    def pids(self):
        return children(self.master.pid)

    def stop(self):
        self.master.send_signal(signal.SIGUSR1)
        self.master.wait(PATIENCE)


class NodeSvcd(UnderSvcd):
    server = "node"
    replicas = 2


class Pm2Reload(Way):
    """Two processes in its cluster mode. The daemon becomes our child; it is ended by its own command."""
    server = "node"
    title = "pm2 reload"
    changes = {"web.js": {"{fd: Number(process.argv[2])}": '{host: "127.0.0.1", port: {port}}',
                          # What pm2 says to stop.
                          '"SIGTERM"': '"SIGINT"'}}

    def __init__(self, *arguments):
        super().__init__(*arguments)
        if self.node_modules is None:
            raise Missing("pm2 could not be had from npm")

    def pm2(self, *words):
        with open(self.log, "ab") as output:
            return subprocess.Popen(
                ["node", str(self.node_modules / "pm2/bin/pm2"), *words], cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, "PM2_HOME": str(self.directory / "pm2"), "PM2_DISABLE_VERSION_CHECK": "true"})

    @property
    def daemon(self):
        with contextlib.suppress(OSError, ValueError):
            return int((self.directory / "pm2/pm2.pid").read_text())
        return 0

    def launch(self):
        if self.pm2("start", "web.js", "--name", "web", "-i", str(NodeSvcd.replicas)).wait(PATIENCE) != 0:
            raise SystemExit(f"pm2 did not start:\n{tail(self.log)}")

    def trigger(self):
        return self.pm2("reload", "web")

    def pids(self):
        return children(self.daemon)

    def stop(self):
        gone = Exit(self.daemon)
        self.pm2("kill").wait(PATIENCE)
        gone.wait(PATIENCE)


WAYS = {
    "nginx": (NginxSvcd, NginxReload, NginxUpgrade),
    "gunicorn": (GunicornSvcd, GunicornHup),
    "haproxy": (HaproxySvcd, HaproxyReload),
    "node": (NodeSvcd, Pm2Reload),
}


def install_pm2(directory):
    """The node_modules with pm2 in it, or None and why."""
    if not shutil.which("npm"):
        return None, "npm is not installed"
    result = subprocess.run(["npm", "install", "pm2", "--prefix", str(directory), "--no-audit", "--no-fund",
                             "--ignore-scripts"], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
                            check=False)
    if result.returncode != 0:
        return None, "npm could not install pm2: " + (result.stderr.strip().splitlines() or ["?"])[-1]
    return pathlib.Path(directory) / "node_modules", ""
