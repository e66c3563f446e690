"""What a person sees of `svc top`: whole screens, as in expected/top-*.txt."""
import contextlib
import os
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from expected import wait_for_screen  # noqa: E402
from harness import ServiceTest, main, service, wait_until, worker  # noqa: E402
from screen import Screen  # noqa: E402
from supervisor import SVC  # noqa: E402

WIDTHS = 80, 200
LONG = {"min_ready": "24h", "progress_deadline": "96h"}
BUSY = ["/bin/sh", "-c", "while :; do :; done"]


class Top(ServiceTest):

    def top(self, supervisor, *options, columns=80, lines=20, **more):
        command = [SVC, "top", *options, "--runtime-dir", supervisor.runtime]
        return Screen(command, columns=columns, lines=lines, **more)

    @contextlib.contextmanager
    def four(self):
        """Four services: api has lost a worker for good, mail its supervisor, web is being reloaded, zoo is well."""
        api = self.start(service(worker(), rollout={"replicas": 2}, restart={"policy": "never"}), name="api")
        os.kill(next(each["pid"] for each in api.workers() if each["replica"] == 1), signal.SIGKILL)
        api.wait_status("a replica that is down", lambda status: status["available"] == 1)
        mail = self.start(service(worker()), name="mail")
        mail.die()
        mail.manager.forget()  # else its socket would wait in the store for the next one
        web = self.start(service(worker(), rollout={"replicas": 2}), name="web")
        web.write(service(worker(), rollout={"replicas": 2, **LONG}))
        web.svc("reload", "web", "--no-wait")
        web.wait_status("a worker that stands its time", lambda status: any(
            each["waits_for"].startswith("min_ready") for each in status["workers"]))
        self.start(service(worker("--status", "12 requests in flight")), name="zoo")
        try:
            yield web
        finally:
            mail.succeed()

    def rows(self, text):
        """The names in the first column, below the titles."""
        lines = text.splitlines()
        return [line.split()[0] for line in lines[4:-1] if line.strip()]

    def test_four_services_of_which_one_alone_is_well(self):
        with self.four() as supervisor:
            for columns in WIDTHS:
                with self.subTest(columns=columns), self.top(supervisor, columns=columns) as screen:
                    wait_for_screen(screen, f"top-{columns}")
            with self.subTest("resized"), self.top(supervisor, columns=200) as screen:
                wait_for_screen(screen, "top-200")
                screen.resize(80, 20)
                wait_for_screen(screen, "top-80")
                screen.resize(80, 9)
                wait_for_screen(screen, "top-80x9")
                screen.type("c")
                wait_for_screen(screen, "top-collapsed-80x9")

    def test_more_rows_than_lines_scroll(self):
        supervisor = self.start(service(worker(), rollout={"replicas": 12}))
        with self.top(supervisor, lines=14) as screen:
            wait_for_screen(screen, "top-many-80")
            screen.type("Down")
            wait_for_screen(screen, "top-many-down-80")
            screen.type("G")
            wait_for_screen(screen, "top-many-end-80")
            screen.type("g")
            wait_for_screen(screen, "top-many-80")

    def test_a_supervisor_that_hangs_is_shown_as_one_and_its_workers_as_they_were(self):
        supervisor = self.start(service(worker()))
        for columns in WIDTHS:
            with self.subTest(columns=columns), self.top(
                    supervisor, "--interval", "200ms", columns=columns, lines=10) as screen:
                wait_for_screen(screen, f"top-one-{columns}")
                with supervisor.frozen():
                    wait_for_screen(screen, f"top-hanging-{columns}")
                wait_for_screen(screen, f"top-one-{columns}")

    def test_that_somebody_took_a_rollout_back_is_not_told_of_a_service_that_is_well(self):
        supervisor = self.start(service(worker()))
        supervisor.write(service(worker(), rollout=LONG))
        supervisor.svc("reload", "web", "--no-wait")
        supervisor.svc("abort", "web")
        supervisor.wait_for_revision(1)
        with self.top(supervisor, "--interval", "200ms", lines=10) as screen:
            wait_for_screen(screen, "top-one-80")
        self.assertNotIn("aborted", supervisor.svc("list").stdout)
        self.assertIn("aborted", supervisor.svc("status", "web").stdout)

    def test_that_a_version_failed_is_told_beside_the_one_that_serves(self):
        supervisor = self.start(service(worker()))
        supervisor.write(service(worker("--exit", 3)))
        supervisor.svc("reload", "web")
        for columns in WIDTHS:
            with self.subTest(columns=columns), self.top(supervisor, columns=columns, lines=10) as screen:
                wait_for_screen(screen, f"top-failed-{columns}")

    def test_what_a_busy_worker_uses_is_seen(self):
        supervisor = self.start(service(BUSY, ready={"on": "started"}))

        def busy(text):
            found = re.search(r"(?m)^  r1-0 +available +\S+ +0 +(\d+\.\d) ", text)
            return found and float(found[1]) >= 1
        with self.top(supervisor) as screen:
            text = screen.wait_for(busy)
            self.assertRegex(text, r"1 worker, CPU \d+\.\d%, memory ")
        self.assertTrue(busy(supervisor.svc("top", "--once").stdout))

    def test_the_terminal_is_as_it_was_after_its_end_and_while_it_is_stopped(self):
        supervisor = self.start(service(worker()))
        with Screen(["/bin/bash", "--norc", "-i"], environment={"PS1": "shell> "}) as screen:
            screen.wait_for("shell>")
            screen.write(f"{SVC} top --runtime-dir {supervisor.runtime}\n")
            screen.wait_for("q quit")
            screen.type("C-z")
            text = screen.wait_for("Stopped")
            self.assertNotIn("q quit", text)
            screen.write("fg\n")
            screen.wait_for("q quit")
            screen.type("q")
            screen.wait_for(lambda text: "q quit" not in text)
            screen.write("echo seen$((1+1))\n")
            text = screen.wait_for("seen2")
            self.assertIn("echo seen$((1+1))", text)  # it is echoed again

    def test_its_keys_are_echoed_again_after_it(self):
        # A shell that edits its line has a mode of its own: here nobody mends what top leaves.
        supervisor = self.start(service(worker()))
        with Screen(["/bin/sh", "-c", f"{SVC} top --runtime-dir {supervisor.runtime}; stty -a"]) as screen:
            screen.wait_for("q quit")
            screen.type("q")
            self.assertEqual(0, screen.wait_for_end())
            self.assertRegex(screen.text(), r"(?s)\bicanon\b.* echo\b")
            self.assertNotRegex(screen.text(), r"-icanon|-echo\b")

    def test_escape_does_not_swallow_the_key_after_it(self):
        supervisor = self.start(service(worker()))
        with self.top(supervisor) as screen:
            screen.wait_for("q quit")
            screen.write("\x1bq")
            self.assertEqual(0, screen.wait_for_end())

    def test_no_color_where_it_is_not_wanted_and_a_plain_frame_on_a_dumb_terminal(self):
        supervisor = self.start(service(worker()))
        with self.top(supervisor) as screen:
            screen.wait_for("serves")
            self.assertIn("\x1b[32mserves", screen.colored())
        with self.top(supervisor, environment={"NO_COLOR": "1"}) as screen:
            screen.wait_for("serves")
            self.assertNotIn("\x1b", screen.colored())
        with Screen(["/usr/bin/env", "TERM=dumb", SVC, "top", "--runtime-dir", supervisor.runtime]) as screen:
            self.assertEqual(0, screen.wait_for_end())
            self.assertEqual(["web", "r1-0"], self.rows(screen.text()))

    def test_without_a_terminal_it_is_one_frame_without_an_escape(self):
        supervisor = self.start(service(worker()))
        for arguments in ["top"], ["top", "--once"], ["status"], ["list"], ["reload"], ["history"], ["timeline"]:
            result = supervisor.svc(*arguments)
            self.assertEqual(0, result.returncode, result.stderr)
            self.assertNotIn("\x1b", result.stdout + result.stderr)
        wait_until("a service that has a row", lambda: "web" in supervisor.svc("top", "--once").stdout)

    def test_a_name_that_no_service_has_ends_it_as_it_ends_status(self):
        supervisor = self.start(service(worker()))
        for name in "wbe", "another":
            asked = [supervisor.svc(*words, name) for words in (["status"], ["top", "--once"], ["top", "--json"])]
            with self.top(supervisor, name) as screen:
                self.assertEqual(3, screen.wait_for_end())
            for result in asked:
                self.assertEqual(3, result.returncode, result.stdout)
                self.assertEqual(asked[0].stderr, result.stderr)
            self.assertEqual(name == "wbe", "did you mean web?" in asked[0].stderr)


if __name__ == "__main__":
    main()
