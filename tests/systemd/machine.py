"""A real systemd, journald and all, as the first process of namespaces of its own.

`boot` builds the file tree and becomes systemd; this file gives it a cgroup and a network, knows
when it is up, sends commands in, and ends it. What it can reach is a copy in memory, its network
has a loopback device and nothing else, and it dies with this process.
"""
import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from cgroups import cgroup2_mount, remove_cgroups  # noqa: E402
from harness import main as run_tests  # noqa: E402
from processes import PATIENCE, children, command_line, wait_until  # noqa: E402
from supervisor import BUILD  # noqa: E402

SYSTEMD = pathlib.Path("/lib/systemd/systemd")
PROGRAMS = ("meson", "unshare", "nsenter", "setpriv", "pivot_root", "systemctl", "journalctl")
# They would show the kernel of the machine, which has no namespaces for these.
KERNELS = ("sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount",
           "sys-kernel-tracing.mount", "proc-sys-fs-binfmt_misc.automount")
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """Why no systemd can run on this machine."""


def require_all():
    if os.geteuid() != 0:
        raise Unavailable("needs root")
    if not SYSTEMD.exists():
        raise Unavailable(f"there is no {SYSTEMD}")
    for program in PROGRAMS:
        if not shutil.which(program):
            raise Unavailable(f"there is no {program}")


class Machine:
    """One systemd. `shared` is /srv/shared inside, `services` /etc/svc, `units` /etc/systemd/system:
    a test writes there from outside. On this machine's files with the build installed on top of them; with
    `root`, a directory, on those and nothing else."""

    def __init__(self, root=None):
        require_all()
        self.root = root
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="svc-systemd-"))
        self.directory.chmod(0o755)
        self.services, self.units, self.shared, self.layer = (
            self.directory / name for name in ("svc", "units", "shared", "layer"))
        self.cgroup = None
        self.process = None  # unshare
        self.init = None     # a pidfd of systemd
        self.init_pid = None
        try:
            self._boot()
        except BaseException:
            self.close()
            raise

    # Birth -----------------------------------------------------------------------------------------

    def _boot(self):
        for name in ("svc", "units", "shared", "layer", "memory", "root"):
            (self.directory / name).mkdir()
        self._make_layer()
        for unit in KERNELS:
            (self.units / unit).symlink_to("/dev/null")
        self._make_cgroup()
        # Our network is the machine's: its ports are free, and nothing outside can be reached.
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise Unavailable(f"no network namespace: {os.strerror(ctypes.get_errno())}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
            notifications.bind("\0svc-test-systemd")
            self._spawn("@svc-test-systemd")
            self._wait_until_up(notifications)
        if self.root:
            self.services = self.inside("/etc/svc")

    def _make_layer(self):
        """The tree as `meson install` makes it, and what a machine needs to boot."""
        if not self.root:
            self._install()
        etc = self.layer / "etc"
        etc.mkdir(exist_ok=True)
        (etc / "fstab").touch()
        # Without one this would be a first boot, which asks questions.
        (etc / "machine-id").write_text(os.urandom(16).hex() + "\n", encoding="ascii")

    def _install(self):
        subprocess.run(["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet", "--destdir",
                        str(self.layer)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        if not list(self.layer.rglob("svcd@.service")):
            raise Unavailable("this build has no unit file")

    def _make_cgroup(self):
        top = cgroup2_mount()
        if top is None:
            raise Unavailable("there is no cgroup2 mount that can be written to")
        for left in top.glob("svc-test-*"):
            # Of a run that was killed. One of a run beside this one has processes.
            with contextlib.suppress(FileNotFoundError):
                if "populated 0" in (left / "cgroup.events").read_text(encoding="ascii"):
                    remove_cgroups(left)
        try:
            self.cgroup = pathlib.Path(tempfile.mkdtemp(prefix="svc-test-", dir=top))
            self.cgroup.chmod(0o755)  # it becomes the root that users find theirs in
        except OSError as error:
            raise Unavailable(f"cannot make a cgroup in {top}: {error.strerror}") from error

    def _spawn(self, notify_socket):
        def prepare():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            (self.cgroup / "cgroup.procs").write_text("0", encoding="ascii")

        with open(self.directory / "boot.log", "wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--cgroup", "--ipc", "--uts", "--fork", "--kill-child",
                 str(HERE / "boot"), str(self.directory), *([str(self.root)] if self.root else [])],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=prepare,
                env={**os.environ, "NOTIFY_SOCKET": notify_socket})
        init = wait_until("systemd's process", lambda: children(self.process.pid)
                          or self.process.poll() is not None and [None])[0]
        if init is not None:
            self.init_pid, self.init = init, os.pidfd_open(init)

    def _wait_until_up(self, notifications, timeout=2 * PATIENCE):
        """systemd says READY=1 to its own manager when basic.target is reached."""
        deadline = time.monotonic() + timeout
        notifications.settimeout(0.2)
        while True:
            try:
                if "READY=1" in notifications.recv(65536).decode().splitlines():
                    return
            except TimeoutError:
                pass
            said = (self.directory / "boot.log").read_text(errors="replace").strip()
            # unshare itself ends with 1 where it may not make namespaces.
            if self.process.poll() == 77 or (self.process.poll() == 1 and "unshare" in said):
                raise Unavailable(said.splitlines()[-1])
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"systemd did not boot in {timeout} s: {said}")

    # Death -----------------------------------------------------------------------------------------

    def close(self):
        """Ends systemd, and with it everything in its pid namespace."""
        if self.init is not None:
            # unshare ignores SIGTERM; systemd's own shutdown would take its time.
            try:
                signal.pidfd_send_signal(self.init, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.close(self.init)
            self.init = None
        if self.process:
            if self.init_pid is None and self.process.poll() is None:
                self.process.kill()
            wait_until("systemd to be gone", self._is_gone)
        if self.cgroup:
            wait_until("the machine's cgroups to be empty", lambda: remove_cgroups(self.cgroup))
            self.cgroup = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def _is_gone(self):
        """A pid namespace ends when all of its processes were reaped. One whose nsenter was killed has
        become our child (main() in harness.py makes us a subreaper)."""
        for pid in children(os.getpid()):
            if pid != self.process.pid:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass
        return self.process.poll() is not None

    # Commands --------------------------------------------------------------------------------------

    def _inside(self, command):
        return ["nsenter", "--target", str(self.init_pid), "--all", "--root", "--wd", "--",
                *map(str, command)]

    def popen(self, *command):
        """Starts a command inside and does not wait for it."""
        return subprocess.Popen(self._inside(command), text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)

    def run(self, *command, timeout=2 * PATIENCE):
        """Runs a command inside to its end; .returncode, .stdout and .stderr."""
        return subprocess.run(self._inside(command), text=True, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=timeout, env=ENVIRONMENT, check=False)

    def shell(self):
        """A bash inside, which reads commands from .stdin; .stdout has stderr too."""
        return subprocess.Popen(self._inside(["bash", "--norc", "--noprofile"]), text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT)

    def inside(self, path):
        """A path of the machine, as it can be read from here."""
        return pathlib.Path(f"/proc/{self.init_pid}/root") / path.lstrip("/")

    def journal(self, unit):
        """Everything that the journal has of a unit, systemd's own messages about it too."""
        self.run("journalctl", "--sync")
        return self.run("journalctl", "--no-pager", "--output", "short-monotonic", "--unit", unit).stdout

    def processes(self, unit=None):
        """The processes of a unit, or of all of the machine: {pid as seen from here: command line}."""
        found = {}
        for directory, _, files in os.walk(self.cgroup):  # rglob() fails where a cgroup goes away meanwhile
            if "cgroup.procs" not in files or (unit is not None and unit not in pathlib.Path(directory).parts):
                continue
            try:
                text = pathlib.Path(directory, "cgroup.procs").read_text(encoding="ascii")
            except OSError:  # it went away meanwhile
                continue
            found.update((int(line), command_line(int(line))) for line in text.split())
        return found


ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "LANG": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}


def main(use, make=Machine):
    """What every test file ends with: boots a machine, hands it to `use`, runs the tests. Exit status
    77, meson's "skipped", where no systemd can run."""
    # So that close() runs when meson's time is over; unittest takes SystemExit for a failed test.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        machine = make()
    except Unavailable as reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    try:
        use(machine)
        run_tests()
    finally:
        machine.close()
