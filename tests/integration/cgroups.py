"""Control groups of version 2, seen from outside."""
import os
import pathlib


def cgroup2_mount():
    """Where the unified hierarchy is mounted (/sys/fs/cgroup, or beside version 1) and can be written to, or None."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, after = line.split(" - ")
        if after.split()[0] == "cgroup2" and os.access(before.split()[4], os.W_OK):
            return pathlib.Path(before.split()[4])
    return None


def remove_cgroups(top):
    """Removes a tree of cgroups without processes; whether it is gone."""
    for directory, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(directory)
        except FileNotFoundError:
            pass
        except OSError:  # a process is left
            return False
    return True


def processes_of(group):
    """The process ids in a cgroup; none if it is not there."""
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text(encoding="ascii").split()]
    except OSError:
        return []


def groups_in(group):
    return sorted(entry.name for entry in group.iterdir() if entry.is_dir())
