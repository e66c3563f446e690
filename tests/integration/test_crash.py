"""A crash never deploys: what a worker that dies is started from after its files were replaced."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from harness import BUILD, PYTHON, ServiceTest, alive, main, service, wait_until
from load import Load

WEB = BUILD / "examples/web/example-web"
WORKER = pathlib.Path(__file__).resolve().parent / "workers/worker.py"
MARK = b"\nversion:"
LIBRARY = 'const char *answer(void) { return "%s"; }\n'
# One request at a time: what it answers is the library's.
PROGRAM = r"""
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
const char *answer(void);
int main(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path, getenv("NOTIFY_SOCKET"), sizeof to.sun_path - 1);
    int notify = socket(AF_UNIX, SOCK_DGRAM, 0);
    sendto(notify, "READY=1", 7, 0, (struct sockaddr *)&to, sizeof to);
    for (;;) {
        char request[4096];
        int client = accept(3, 0, 0);
        if (read(client, request, sizeof request) > 0) {
            const char *head = "HTTP/1.0 200 OK\r\n\r\n";
            if (write(client, head, strlen(head)) < 0 || write(client, answer(), strlen(answer())) < 0)
                return 1;
        }
        close(client);
    }
}
"""


def elf(version):
    """A server whose file tells its version. What stands after the last section harms nobody."""
    return WEB.read_bytes() + MARK + version.encode()


def script(version):
    text = WORKER.read_text().replace('default="1", help="what /', f'default="{version}", help="what /')
    return f"#!{PYTHON} -SE\n{text}".encode()


def version_of(pid):
    """Of the file that a process executes, whatever its path is by now."""
    return pathlib.Path(f"/proc/{pid}/exe").read_bytes().rpartition(MARK)[2].decode()


def put(path, content):
    """A file in place in one step."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(0o755)
    new.rename(path)
    return path


def put_over(path, content):
    with open(path, "r+b") as file:
        file.truncate()
        file.write(content)


def rename(path, content):
    put(path, content)


def delete(path, _content):
    path.unlink()


CHANGES = {"renamed over": rename, "overwritten in place": put_over, "deleted": delete}


class CrashTest(ServiceTest):
    def run_one(self, command, **tables):
        """One worker that comes back a second after it died: time to change its file, which cannot be
        written to while it is executed (ETXTBSY)."""
        tables.setdefault("restart", {"backoff": {"min": "1s", "max": "1s"}})
        return self.start(service(list(map(str, command)), rollout={"replicas": 1}, **tables))

    def kill_worker(self, supervisor):
        (pid,) = supervisor.pids("available")
        os.kill(pid, signal.SIGKILL)
        wait_until("its end", lambda: not alive(pid))
        return pid

    def comes_back(self, supervisor, not_pid):
        status = supervisor.wait_status("a worker", lambda status: [
            worker for worker in status["workers"]
            if worker["state"] == "available" and worker["pid"] != not_pid])
        return status["workers"][0]["pid"]

    def stays_down(self, supervisor, words):
        status = supervisor.wait_status("the reason why it stays down", lambda status: "changed since "
                                        "revision" in status["replica_list"][0]["waits_for"])
        reason = status["replica_list"][0]["waits_for"]
        for word in (*words, "not started: `svc reload` deploys it, or put the old file back"):
            self.assertIn(word, reason)
        self.assertEqual(0, status["available"])
        self.assertIn("changed since revision", supervisor.svc("status").stdout)

    @contextlib.contextmanager
    def subject(self, name):
        """A part of a test with a directory, and supervisors, of its own."""
        outer = self.directory
        with self.subTest(name):
            self.directory = outer / name.replace(" ", "-")
            self.directory.mkdir()
            try:
                yield self.directory
            finally:
                self.directory = outer
                for supervisor in self.supervisors:
                    supervisor.close()


class SingleExecutable(CrashTest):
    def test_is_executed_by_its_fd_after_a_rename_or_a_removal(self):
        for name in ("renamed over", "deleted"):
            with self.subject(name) as directory:
                web = put(directory / "web", elf("1"))
                supervisor = self.run_one([web])
                CHANGES[name](web, elf("2"))
                pid = self.comes_back(supervisor, self.kill_worker(supervisor))
                self.assertEqual("1", version_of(pid))
                self.assertEqual(str(web), pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                                 .split(b"\0")[0].decode())
                inherited = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
                self.assertFalse([link for link in inherited if link.startswith(str(web) + " ")], inherited)
                self.assertIn("single executable", supervisor.svc("status").stdout)

    def test_stays_down_when_it_was_overwritten_until_the_old_content_is_back(self):
        web = put(self.directory / "web", elf("1"))
        supervisor = self.run_one([web])
        pid = self.kill_worker(supervisor)
        put_over(web, elf("2"))
        self.stays_down(supervisor, [str(web), "it was overwritten at"])
        put_over(web, elf("1"))
        self.assertEqual("1", version_of(self.comes_back(supervisor, pid)))

    def test_a_reload_deploys_what_was_overwritten(self):
        web = put(self.directory / "web", elf("1"))
        supervisor = self.run_one([web])
        self.kill_worker(supervisor)
        put_over(web, elf("2"))
        self.stays_down(supervisor, [])
        self.reload(supervisor)
        self.assertEqual("2", version_of(supervisor.pids("available")[0]))

    def test_is_executed_from_its_copy_whatever_happened_to_it(self):
        for name, change in CHANGES.items():
            with self.subject(name) as directory:
                web = put(directory / "web", elf("1"))
                supervisor = self.run_one([web], service={"command": [web], "keep_executable": "copy"})
                pid = self.kill_worker(supervisor)
                change(web, elf("2"))
                self.assertEqual("1", version_of(self.comes_back(supervisor, pid)))

    def test_uses_the_shared_library_that_is_there(self):
        """What is not held is taken as it is: this is what the manual says of libraries."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            self.skipTest("there is no C compiler")

        def build_library(text):
            source = self.directory / "answer.c"
            source.write_text(LIBRARY % text)
            new = self.directory / "libanswer.new"
            subprocess.run([compiler, "-shared", "-fPIC", "-o", str(new), str(source)], check=True)
            new.rename(self.directory / "libanswer.so")

        build_library("old library")
        (self.directory / "main.c").write_text(PROGRAM)
        web = self.directory / "web"
        subprocess.run([compiler, "-o", str(web), str(self.directory / "main.c"), f"-L{self.directory}",
                        "-lanswer", f"-Wl,-rpath,{self.directory}"], check=True)
        content = web.read_bytes()
        supervisor = self.run_one([web], listener=[{"name": "http", "address": "127.0.0.1:0"}])
        self.assertEqual("old library", supervisor.get())
        build_library("new library")
        put(web, content + b"2")
        self.comes_back(supervisor, self.kill_worker(supervisor))
        self.assertEqual("new library", supervisor.get())


class ScriptsAndPrograms(CrashTest):
    def command(self, path, as_script):
        return [path] if as_script else [PYTHON, "-S", "-E", path]

    def test_a_changed_one_is_not_started_until_the_old_content_is_back(self):
        for as_script in (True, False):
            for name, change in CHANGES.items():
                with self.subject(f"{name} {'script' if as_script else 'program'}") as directory:
                    app = put(directory / "app.py", script("1"))
                    supervisor = self.run_one(self.command(app, as_script),
                                              restart={"backoff": {"min": "100ms", "max": "200ms"}})
                    change(app, script("2"))
                    pid = self.kill_worker(supervisor)
                    self.stays_down(supervisor, [str(app)])
                    self.assertIn("  crash     none: ", supervisor.svc("status").stdout)
                    put(app, script("1"))
                    self.comes_back(supervisor, pid)
                    self.assertTrue(supervisor.get().startswith("1 "), supervisor.get())

    def test_undo_is_refused_once_it_changed_and_works_when_the_old_content_is_back(self):
        for as_script in (True, False):
            for name, change in CHANGES.items():
                with self.subject(f"{name} {'script' if as_script else 'program'}") as directory:
                    app = put(directory / "app.py", script("1"))
                    supervisor = self.run_one(self.command(app, as_script))
                    change(app, script("2"))
                    put(app, script("2"))
                    self.reload(supervisor)
                    refused = supervisor.svc("undo")
                    self.assertEqual(1, refused.returncode, refused.stdout + refused.stderr)
                    self.assertIn(f"{app} changed since revision 1 was made (it was", refused.stderr)
                    self.assertEqual(2, supervisor.status()["revision"])
                    self.assertTrue(supervisor.get().startswith("2 "))
                    put(app, script("1"))
                    self.assertEqual(0, supervisor.svc("undo").returncode)
                    supervisor.wait_for_revision(3)
                    self.assertTrue(supervisor.get().startswith("1 "))

    def test_a_copy_of_a_script_is_refused_with_the_remedy(self):
        app = put(self.directory / "app.py", script("1"))
        supervisor = self.make(service(service={"command": [app], "keep_executable": "copy"}))
        supervisor.spawn()
        self.assertNotEqual(0, supervisor.wait())
        self.assertIn("put it into a release directory", supervisor.log)


class Undo(CrashTest):
    def test_goes_back_to_a_binary_that_was_replaced_and_loses_no_request(self):
        for name in ("renamed over", "deleted"):
            with self.subject(name) as directory:
                web = put(directory / "web", elf("1"))
                supervisor = self.start(service([str(web), "--drain", "200"], rollout={"replicas": 2}))
                with Load(supervisor.address(), rate=200, keepalive=4) as load:
                    CHANGES[name](web, elf("2"))
                    put(web, elf("2"))
                    self.reload(supervisor)
                    self.assertEqual({"2"}, {version_of(pid) for pid in supervisor.pids("available")})
                    undone = supervisor.svc("undo", "--cause", "it was slow")
                    self.assertEqual(0, undone.returncode, undone.stdout + undone.stderr)
                    self.assertEqual({"1"}, {version_of(pid) for pid in supervisor.pids("available")})
                load.assert_no_failure(self)
                status = supervisor.status()
                self.assertEqual((3, "undo to 1: it was slow"), (status["revision"], status["cause"]))
                # And a crash after it starts that one again.
                os.kill(supervisor.pids("available")[0], signal.SIGKILL)
                status = supervisor.wait_status("two workers again", lambda s: s["available"] == 2 and
                                                s["replica_list"][0]["restarts"] +
                                                s["replica_list"][1]["restarts"] == 1)
                self.assertEqual({"1"}, {version_of(worker["pid"]) for worker in status["workers"]})

    def test_is_refused_when_the_old_binary_was_overwritten(self):
        one, two = (put(self.directory / name, elf(name)) for name in ("1", "2"))
        supervisor = self.run_one([one])
        supervisor.write(service([str(two)], rollout={"replicas": 1}))
        self.reload(supervisor)
        put_over(one, elf("3"))
        refused = supervisor.svc("undo")
        self.assertEqual(1, refused.returncode)
        self.assertIn(f"{one} changed since revision 1 was made (it was overwritten at", refused.stderr)
        self.assertEqual("2", version_of(supervisor.pids("available")[0]))

    def test_goes_back_to_a_copy_after_the_supervisor_was_restarted(self):
        web = put(self.directory / "web", elf("1"))
        content = service([str(web)], rollout={"replicas": 1},
                          service={"command": [web], "keep_executable": "copy"})
        supervisor = self.start(content)
        put(web, elf("2"))
        supervisor.stop()
        seen = len(supervisor.manager.messages)
        supervisor.spawn()
        supervisor.manager.wait_for("READY=1", after=seen)
        self.assertEqual("2", version_of(supervisor.pids("available")[0]))
        undone = supervisor.svc("undo", "--to", "1")
        self.assertEqual(0, undone.returncode, undone.stdout + undone.stderr)
        self.assertEqual("1", version_of(supervisor.pids("available")[0]))
        pid = self.kill_worker(supervisor)
        self.assertEqual("1", version_of(self.comes_back(supervisor, pid)))

    def test_to_what_serves_or_what_never_was_is_refused(self):
        supervisor = self.run_one([put(self.directory / "web", elf("1"))])
        for arguments, words in ((("--to", "1"), "serves already"), (("--to", "9"), "is not kept"),
                                 ((), "no revision that completed before revision 1")):
            refused = supervisor.svc("undo", *arguments)
            self.assertEqual(1, refused.returncode)
            self.assertIn(words, refused.stderr)


class Release(CrashTest):
    def deploy(self, version):
        release = self.directory / "releases" / version
        release.mkdir(parents=True)
        put(release / "web", elf(version))
        new = self.directory / "current.new"
        new.symlink_to(release)
        new.rename(self.directory / "current")
        return release

    def start_release(self):
        release = self.deploy("1")
        supervisor = self.run_one([], service={"command": ["${release}/web"],
                                               "release": self.directory / "current"})
        self.assertIn("immutable release", supervisor.svc("status").stdout)
        return supervisor, release

    def test_a_crash_stays_on_the_release_that_was_resolved(self):
        supervisor, release = self.start_release()
        self.deploy("2")
        pid = self.comes_back(supervisor, self.kill_worker(supervisor))
        self.assertEqual("1", version_of(pid))
        for gone in (lambda: release.rename(release.with_name("away")),
                     lambda: shutil.rmtree(release.with_name("away"))):
            gone()
            pid = self.comes_back(supervisor, self.kill_worker(supervisor))
            self.assertEqual("1", version_of(pid))

    def test_a_crash_does_not_start_what_was_overwritten_in_it(self):
        supervisor, release = self.start_release()
        self.kill_worker(supervisor)
        put_over(release / "web", elf("3"))
        self.stays_down(supervisor, [str(release / "web")])

    def test_undo_goes_back_to_it_while_it_is_there(self):
        supervisor, release = self.start_release()
        self.deploy("2")
        self.reload(supervisor)
        self.assertEqual("2", version_of(supervisor.pids("available")[0]))
        self.assertEqual(0, supervisor.svc("undo").returncode)
        self.assertEqual("1", version_of(supervisor.pids("available")[0]))
        self.reload(supervisor)
        shutil.rmtree(release)
        refused = supervisor.svc("undo", "--to", "1")
        self.assertEqual(1, refused.returncode)
        self.assertIn(f"its release directory {release} is gone", refused.stderr)
        self.assertEqual("2", version_of(supervisor.pids("available")[0]))


class Check(CrashTest):
    def test_prints_the_guarantee_that_holds(self):
        web = put(self.directory / "web", elf("1"))
        app = put(self.directory / "app.py", script("1"))
        for command, words in (([web], "single executable: "), ([app], "none: "),
                               ([PYTHON, app], "none: ")):
            file = self.directory / "check.toml"
            file.write_text(f"[service]\ncommand = {[str(word) for word in command]}\n")
            result = subprocess.run([str(BUILD / "src/svc/svc"), "check", str(file)], text=True,
                                    capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
            self.assertEqual(0, result.returncode, result.stderr)
            self.assertIn("After a crash: " + words, result.stdout)


if __name__ == "__main__":
    main()
