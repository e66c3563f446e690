"""A slow disk holds a rollout up, and nothing else: what is read, copied and written for a revision before it
begins is done by a child of the supervisor, which answers, restarts and stops meanwhile."""
import json
import os
import shutil
import signal
import subprocess
import unittest

from harness import PATIENCE, alive, main, service, wait_until, worker
from replacing import CrashTest, elf, put, script, version_of

COMPILER = shutil.which("cc") or shutil.which("gcc")
# A disk that stands still while the gate is there, for whole files: what is read in large pieces, copied, and
# written to disk in the course of it.
DISK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>
static void wait_for_disk(void) {
    const char *gate = getenv("GATE");
    const char *seen = getenv("GATE_SEEN");
    if (!gate || access(gate, F_OK) != 0)
        return;
    close(open(seen, O_WRONLY | O_CREAT, 0600));
    while (access(gate, F_OK) == 0)
        usleep(1000);
}
ssize_t copy_file_range(int in, off64_t *at, int out, off64_t *to, size_t size, unsigned flags) {
    ssize_t (*real)(int, off64_t *, int, off64_t *, size_t, unsigned) = dlsym(RTLD_NEXT, "copy_file_range");
    wait_for_disk();
    return real(in, at, out, to, size, flags);
}
ssize_t pread64(int fd, void *to, size_t size, off64_t at) {
    ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
    if (size >= 65536)
        wait_for_disk();
    return real(fd, to, size, at);
}
int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    wait_for_disk();
    return real(fd);
}
"""


@unittest.skipUnless(COMPILER, "there is no C compiler")
class SlowDisk(CrashTest):
    def start_on_slow_disk(self, content):
        source, library = self.directory / "disk.c", self.directory / "disk.so"
        source.write_text(DISK)
        subprocess.run([COMPILER, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
        self.gate, self.seen = self.directory / "gate", self.directory / "seen"
        # A sanitizer's runtime wants to come first, and does not need to for these three functions.
        sanitizers = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return self.start(content, environment={"LD_PRELOAD": str(library), "GATE": str(self.gate),
                                                "GATE_SEEN": str(self.seen), "ASAN_OPTIONS": sanitizers})

    def disk_stands_still(self):
        wait_until("somebody to wait for the disk", self.seen.exists)

    def test_a_reload_waits_and_everything_else_goes_on(self):
        for keep in "open", "copy":
            with self.apart(keep) as directory:
                web = put(directory / "web", elf("1"))
                supervisor = self.start_on_slow_disk(service(
                    service={"command": [web], "keep_executable": keep}, rollout={"replicas": 1}))
                put(web, elf("22"))  # another size: nothing to compare
                self.gate.touch()
                client = supervisor.start_svc("reload")
                self.disk_stands_still()
                # Calls are answered, a crash is started again (from the fd that is held), a scale works.
                pid = self.comes_back(supervisor, self.kill_worker(supervisor))
                self.assertEqual("1", version_of(pid))
                self.assertEqual(0, supervisor.svc("scale", "2").returncode)
                self.assertEqual(1, supervisor.status()["revision"])
                self.assertIsNone(client.poll())
                self.gate.unlink()
                out, err = client.communicate(timeout=PATIENCE)
                self.assertEqual(0, client.returncode, out + err)
                self.assertEqual({"22"}, {version_of(each) for each in supervisor.pids("available")})

    def test_a_verdict_waits_until_it_is_on_disk_and_nothing_else_does(self):
        flag = self.directory / "flag"
        supervisor = self.start_on_slow_disk(service(worker("--version", "1"), rollout={"replicas": 1}))
        supervisor.write(service(worker("--version", "2", "--ready-when", flag), rollout={"replicas": 1}))
        client = supervisor.start_svc("reload")
        supervisor.events.wait_for("worker_launched", lambda event: event["revision"] == 2)
        self.gate.touch()
        flag.touch()
        self.disk_stands_still()
        outcome = supervisor.state / "web/revisions/2/outcome.json"
        self.comes_back(supervisor, self.kill_worker(supervisor))
        self.assertEqual(0, supervisor.svc("scale", "2").returncode)
        self.assertEqual(2, supervisor.status()["revision"])
        self.assertFalse(outcome.exists())
        self.assertIsNone(client.poll())
        # A stop ends when the outcome is written, and not without it.
        left = supervisor.pids()
        supervisor.signal(signal.SIGTERM)
        wait_until("the last worker's end", lambda: not any(alive(pid) for pid in left))
        self.assertIsNone(supervisor.process.poll())
        self.gate.unlink()
        self.assertEqual(0, supervisor.wait())
        out, err = client.communicate(timeout=20)
        self.assertEqual(0, client.returncode, out + err)
        self.assertEqual("complete", json.loads(outcome.read_text())["outcome"]["verdict"])

    def test_a_stop_does_not_wait_and_leaves_nobody(self):
        web = put(self.directory / "web", elf("1"))
        supervisor = self.start_on_slow_disk(service([str(web)]))
        put(web, elf("2"))
        self.gate.touch()
        client = supervisor.start_svc("reload")
        self.disk_stands_still()
        self.assertEqual(0, supervisor.stop())
        client.communicate(timeout=PATIENCE)
        self.assertNotEqual(0, client.returncode)
        self.assertEqual([], [name for name in os.listdir(supervisor.state / "web/revisions")
                              if name.startswith(".")])

    def test_a_file_that_has_to_be_compared_holds_up_its_own_worker_only(self):
        app = put(self.directory / "app.py", script("1"))
        supervisor = self.start_on_slow_disk(service([str(app)], rollout={"replicas": 1}))
        put(app, script("1"))
        (pid,) = supervisor.pids("available")
        self.gate.touch()
        os.kill(pid, signal.SIGKILL)
        self.disk_stands_still()
        self.assertEqual(0, supervisor.status()["available"])
        self.gate.unlink()
        self.comes_back(supervisor, pid)
        self.assertTrue(supervisor.get().startswith("1 "))

    def test_a_worker_that_is_not_wanted_any_more_is_not_waited_for(self):
        app = put(self.directory / "app.py", script("1"))
        supervisor = self.start_on_slow_disk(service([str(app)], rollout={"replicas": 1}))
        put(app, script("1"))
        (pid,) = supervisor.pids("available")
        self.gate.touch()
        os.kill(pid, signal.SIGKILL)
        self.disk_stands_still()
        self.assertEqual(0, supervisor.stop())


if __name__ == "__main__":
    main()
