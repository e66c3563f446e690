"""The processes that we start, and none of them left at the end."""
import contextlib
import ctypes
import os
import pathlib
import select
import signal
import socket
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36


def take_charge():
    """Workers whose supervisor was killed become our children instead of init's, so that
    end_children() finds them; and SIGTERM and SIGHUP end us as Ctrl-C does, through every `finally`."""
    def interrupt(number, frame):
        raise KeyboardInterrupt

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def end_children(patience=10):
    """Asks all our children to stop, then kills what is left; by pid, and each reaped."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them
    deadline = time.monotonic() + patience
    asked = set()
    while left := children(os.getpid()):
        for pid in left:
            number = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
            if number == signal.SIGKILL or pid not in asked:
                asked.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


class Exit:
    """Waits for the end of a process, ours or not, by pidfd: it wakes at once and polls nothing."""

    def __init__(self, pid):
        self.fd = os.pidfd_open(pid)

    def wait(self, timeout):
        try:
            poll = select.poll()
            poll.register(self.fd, select.POLLIN)
            if not poll.poll(timeout * 1000):
                raise TimeoutError(f"a process that was told to stop still runs after {timeout} s")
            return time.monotonic()
        finally:
            os.close(self.fd)


class NotifySocket:
    """The service manager's side of NOTIFY_SOCKET, for the supervisor's own READY=1."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def took_ready(self, timeout):
        """Whether READY=1 was the next that came."""
        self.socket.settimeout(timeout)
        with contextlib.suppress(TimeoutError):
            return "READY=1" in self.socket.recv(8192).decode().splitlines()
        return False

    def wait_ready(self, process, log, timeout=30):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and process.poll() is None:
            if self.took_ready(0.1):
                # Nobody reads from here on; a closed socket loses messages, a full one blocks.
                self.socket.close()
                return
        raise SystemExit(f"the supervisor did not become ready; it said:\n{tail(log)}")


def tail(path, lines=20):
    with contextlib.suppress(OSError):
        return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:])
    return ""


def spawn(arguments, log, **options):
    with open(log, "ab") as output:
        return subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=output,
                                stderr=output, **options)


def free_port():
    """A port that the kernel picked, for programs that cannot be told to take any. Another process
    could take it in between; that shows as a failure to start."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
