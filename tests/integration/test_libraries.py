"""Shared libraries: what the supervisor holds is the executable, and the linker takes a library by its path.

What the manual says (svcd(8), A CRASH NEVER DEPLOYS) is shown here, the case in which nothing can be promised
too: a library outside a release directory is the one that is there.
"""
import os
import shutil
import subprocess
import unittest

from harness import main, service
from replacing import CHANGES, CrashTest, put

COMPILER = shutil.which("cc") or shutil.which("gcc")
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


@unittest.skipUnless(COMPILER, "there is no C compiler")
class LibraryTest(CrashTest):
    LISTENER = [{"name": "http", "address": "127.0.0.1:0"}]

    def compile(self, output, source, *options):
        text = self.directory / "source.c"
        text.write_text(source)
        subprocess.run([COMPILER, "-o", str(output), str(text), *options], check=True)

    def library(self, directory, text):
        """Its content."""
        self.compile(directory / "made.so", LIBRARY % text, "-shared", "-fPIC")
        content = (directory / "made.so").read_bytes()
        (directory / "made.so").unlink()
        return content

    def program(self, directory, text, path="$ORIGIN"):
        """web and libanswer.so, found beside it."""
        put(directory / "libanswer.so", self.library(directory, text))
        self.compile(directory / "web", PROGRAM, f"-L{directory}", "-lanswer", f"-Wl,-rpath,{path}")
        return directory / "web"

    def start_one(self, command, **tables):
        return self.run_one(command, listener=self.LISTENER, **tables)


class Outside(LibraryTest):
    """The executable is held, its library is not."""

    def test_a_crash_takes_the_library_that_is_there(self):
        for name, change in CHANGES.items():
            with self.apart(name) as directory:
                web = self.program(directory, "old library")
                content = web.read_bytes()
                supervisor = self.start_one([web])
                self.assertEqual("old library", supervisor.get())
                self.assertIn("libraries", supervisor.status()["guarantee"])
                new, old = self.library(directory, "new library"), (directory / "libanswer.so").read_bytes()
                pid = self.kill_worker(supervisor, lambda: (change(directory / "libanswer.so", new),
                                                            put(web, content + b"2")))
                if name != "deleted":
                    self.comes_back(supervisor, pid)
                    self.assertEqual("new library", supervisor.get())
                    continue
                # It does not start, and it is said why; put back, it does.
                supervisor.wait_status("the reason", lambda status: "exit status 127" in
                                       status["replica_list"][0]["waits_for"])
                supervisor.wait_log("libanswer.so")
                put(directory / "libanswer.so", old)
                self.comes_back(supervisor, pid)
                self.assertEqual("old library", supervisor.get())

    def test_an_undo_takes_the_library_that_is_there(self):
        for name, change in CHANGES.items():
            with self.apart(name) as directory:
                web = self.program(directory, "old library")
                supervisor = self.start_one([web])
                new = self.library(directory, "new library")
                pid = self.kill_worker(supervisor, lambda: change(directory / "libanswer.so", new))
                if name == "deleted":
                    # What serves by now needs no library of that path.
                    supervisor.write(service(rollout={"replicas": 1}, listener=self.LISTENER))
                    self.reload(supervisor)
                    failed = supervisor.svc("undo")
                    self.assertEqual(1, failed.returncode)
                    self.assertIn("libanswer.so", failed.stdout + failed.stderr)
                    self.assertEqual((2, 1), (supervisor.status()["revision"], supervisor.status()["available"]))
                    continue
                self.comes_back(supervisor, pid)
                self.reload(supervisor)
                self.assertEqual(0, supervisor.svc("undo").returncode)
                self.assertEqual("new library", supervisor.get())

    def test_named_among_the_inputs_an_undo_is_refused(self):
        web = self.program(self.directory, "old library")
        library = self.directory / "libanswer.so"
        supervisor = self.start_one([web], service={"command": [web], "inputs": [library]})
        put(library, self.library(self.directory, "new library"))
        self.reload(supervisor)
        refused = supervisor.svc("undo")
        self.assertEqual(1, refused.returncode)
        self.assertIn(f"its input {library} changed since it was made", refused.stderr)
        self.assertEqual(2, supervisor.status()["revision"])


class Inside(LibraryTest):
    """A release directory has its own."""

    def deploy(self, version):
        release = self.directory / "releases" / version
        release.mkdir(parents=True)
        self.program(release, f"library {version}")
        new = self.directory / "new"
        new.symlink_to(release)
        os.replace(new, self.directory / "current")
        return release

    def test_a_crash_and_an_undo_find_the_library_of_the_release(self):
        self.deploy("1")
        supervisor = self.start_one([], service={"command": ["${release}/web"],
                                                 "release": self.directory / "current"})
        self.deploy("2")
        self.comes_back(supervisor, self.kill_worker(supervisor))
        self.assertEqual("library 1", supervisor.get())
        self.reload(supervisor)
        self.assertEqual("library 2", supervisor.get())
        self.assertEqual(0, supervisor.svc("undo").returncode)
        self.assertEqual("library 1", supervisor.get())

    def test_a_release_that_is_moved_has_its_library_still_and_one_that_is_gone_says_so(self):
        release = self.deploy("1")
        supervisor = self.start_one([], service={"command": ["${release}/web"],
                                                 "release": self.directory / "current"})
        away = release.with_name("away")
        release.rename(away)
        pid = self.comes_back(supervisor, self.kill_worker(supervisor))
        self.assertEqual("library 1", supervisor.get())
        shutil.copytree(away, release)
        shutil.rmtree(away)
        shutil.rmtree(release)
        pid = self.kill_worker(supervisor)
        supervisor.wait_status("the reason", lambda status: "exit status 127" in
                               status["replica_list"][0]["waits_for"])
        self.deploy("1")
        self.comes_back(supervisor, pid)
        self.assertEqual("library 1", supervisor.get())


if __name__ == "__main__":
    main()
