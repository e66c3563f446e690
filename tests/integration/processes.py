"""Processes as /proc shows them, and waiting for what nothing tells of."""
import contextlib
import os
import pathlib
import signal
import time

PATIENCE = 60.0  # seconds until a wait gives up; never how long something takes when all is well


def wait_until(what, condition, timeout=PATIENCE):
    """Polls where nothing can be waited on; returns the condition's first true value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}")
        time.sleep(0.01)


def alive(pid):
    """Whether a process exists and is no zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid):
    """The processes whose parent this is."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(entry.name))
    return found


def being_killed(pid):
    """Whether SIGKILL was sent to a process. It is kept as pending until nothing is left of it (proc(5), ShdPnd)."""
    with contextlib.suppress(OSError):
        pending = pathlib.Path(f"/proc/{pid}/status").read_text().partition("ShdPnd:")[2].split()[0]
        return bool(int(pending, 16) & 1 << signal.SIGKILL - 1)
    return True


def stop_now(pid):
    """Stops a process, and returns once it does nothing more."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(f"process {pid} to stop", lambda: pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(
        ")", 1)[1].split()[0] == "T")


def parent(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(stat.rsplit(")", 1)[1].split()[1])


def command_line(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return "?"


def end_orphans(pids):
    """Kills and reaps what a killed supervisor left behind: its workers are our children now."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def end_children():
    """Kills every child of this process, and says which there were. Orphans come to us one
    generation at a time, so until there is none."""
    left = []
    for pid in iter_children():
        # Killed, or without a command line (it has given its memory back already), it is about to be a
        # zombie: with sanitizers that takes a while.
        if alive(pid) and not being_killed(pid) and (command := command_line(pid)):
            left.append(f"{pid} {command}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    return left


def iter_children():
    while True:
        found = children(os.getpid())
        if not found:
            return
        yield from found
