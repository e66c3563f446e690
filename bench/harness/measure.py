"""What a process costs, from /proc."""
import pathlib
import re


def cpu_ns(pid):
    """On-CPU time of all threads. /proc/PID/stat counts in ticks of 10 ms, which is more than a whole
    reload costs; schedstat counts nanoseconds (kernel: Documentation/scheduler/sched-stats.rst)."""
    return sum(int(path.read_text().split()[0])
               for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))


def pss_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M)[1])


def wakeups(pid):
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", path.read_text(), re.M)[1])
               for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status"))
