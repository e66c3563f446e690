"""What a person sees of `svc try`: whole screens, as in expected/try-*.txt; and that nothing of it is left."""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from expected import assert_screen, wait_for_screen  # noqa: E402
from harness import PATIENCE, ServiceTest, main, service, wait_until, worker  # noqa: E402
from processes import children, stop_now  # noqa: E402
from screen import Screen  # noqa: E402
from service_file import toml  # noqa: E402
from supervisor import SVC  # noqa: E402

WIDTHS = 80, 200
SAYS = "--say", "reading /etc/web.conf", "--say", "cannot reach the database at 10.0.0.3:5432"


class Try(ServiceTest):

    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="svc-test-try-")))
        self.write(service(worker()))

    def write(self, content):
        (self.place / "web.toml").write_text(toml(content), encoding="utf-8")

    def screen(self, *options, columns=80, environment=None):
        return Screen([SVC, "try", *(options or ["web.toml"])], columns=columns, lines=40, directory=self.place,
                      environment={"TMPDIR": str(self.place), **(environment or {})})

    @contextlib.contextmanager
    def trial(self, columns=80, **more):
        with self.screen(columns=columns, **more) as screen:
            screen.wait_for("web serves: 1 worker available")
            screen.wait_for("q or Ctrl-C: stop")
            yield screen

    def left(self):
        return list(self.place.glob("svc-try-*"))

    def test_it_boots_serves_reloads_and_stops(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns):
                ready = self.place / "ready"
                self.write(service(worker("--ready-when", ready), ready={"timeout": "24h"}))
                with self.screen(columns=columns) as screen:
                    wait_for_screen(screen, f"try-booting-{columns}")
                    ready.touch()
                    wait_for_screen(screen, f"try-{columns}")
                    screen.type("Enter")
                    wait_for_screen(screen, f"try-reloaded-{columns}")
                    screen.type("C-c")
                    self.assertEqual(0, screen.wait_for_end())
                    assert_screen(f"try-stopped-{columns}", screen.text())
                ready.unlink()
                self.assertEqual([], self.left())

    def test_a_new_version_that_fails_is_told_and_the_old_one_serves_on(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns):
                self.write(service(worker()))
                with self.trial(columns) as screen:
                    self.write(service(worker("--exit", 3, *SAYS)))
                    screen.type("Enter")
                    wait_for_screen(screen, f"try-failed-{columns}")
                    (self.place / "web.toml").write_text("[service]\nlisten = 8080\n", encoding="utf-8")
                    screen.type("Enter")
                    screen.wait_for(lambda text: text.endswith("\nThe old version serves on."))

    def test_a_stop_waits_for_what_drains_and_a_second_one_does_not(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns):
                self.write(service(worker("--end-when", self.place / "never"), stop={"grace": "24h"}))
                with self.trial(columns) as screen:
                    screen.type("C-c")
                    wait_for_screen(screen, f"try-draining-{columns}")
                    screen.type("C-c")
                    self.assertEqual(130, screen.wait_for_end())
                    assert_screen(f"try-killed-{columns}", screen.text())
                self.assertEqual([], self.left())

    def test_one_that_does_not_start_says_why_in_its_last_line(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns):
                self.write(service(worker("--exit", 3, *SAYS)))
                with self.screen(columns=columns) as screen:
                    self.assertEqual(1, screen.wait_for_end())
                    assert_screen(f"try-unstarted-{columns}", screen.text())

    def test_the_status_is_shown_while_it_boots_too(self):
        self.write(service(worker("--never-ready"), ready={"timeout": "24h"}))
        with self.screen() as screen:
            screen.wait_for("readiness")
            screen.write("s\n")
            screen.wait_for(lambda text: "REPLICA  REV  STATE" in text and "starting  " in text)
            screen.type("Enter")
            screen.wait_for("svc: web does not serve yet")
            screen.type("C-c")
            self.assertEqual(0, screen.wait_for_end())

    def test_a_supervisor_that_hangs_keeps_nobody_from_ending_it(self):
        with self.trial() as screen:
            supervisor = self.supervisor_of(screen)
            stop_now(supervisor)
            try:
                for _ in range(2):
                    screen.write("s\n")
                screen.wait_for("the supervisor has not answered yet")
                screen.type("C-c")
                screen.wait_for("Stopping: the workers finish what they do")
                screen.type("C-c")
                screen.wait_for(lambda _: screen.ended() is not None or screen.type("C-c"))
                screen.wait_for("web: killed")
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(supervisor, signal.SIGCONT)

    def supervisor_of(self, screen):
        """The svcd that it started: the child of the child of the shell in the terminal."""
        return children(children(screen.pid())[0])[0]

    def test_a_port_alone_is_one_of_this_machine(self):
        with self.screen("--listen", "0", "--", *worker()) as screen:
            screen.wait_for("python3 serves")
            self.assertIn("127.0.0.1:", screen.text())
            self.assertNotIn("0.0.0.0", screen.text())
            screen.type("C-d")
            self.assertEqual(0, screen.wait_for_end())

    def test_a_file_that_is_not_there_or_wrong_has_the_exit_status_that_check_gives_it(self):
        (self.place / "wrong.toml").write_text("[service]\n", encoding="utf-8")
        for file in "nosuch.toml", "nosuch", "wrong.toml":
            result = subprocess.run([SVC, "try", file], cwd=self.place, capture_output=True, text=True, check=False,
                                    timeout=PATIENCE)
            self.assertEqual(5, result.returncode, result.stderr)
            self.assertNotEqual("", result.stderr)

    def test_a_long_line_is_shown_whole_after_its_name(self):
        self.write(service(["/bin/sh", "-c", "head -c 40000 /dev/zero | tr '\\0' x; echo; exec sleep 100"],
                           ready={"on": "started"}, listener=None))
        with subprocess.Popen([SVC, "try", "web.toml"], cwd=self.place, text=True, stdin=subprocess.DEVNULL,
                              env={**os.environ, "TMPDIR": str(self.place)}, stdout=subprocess.PIPE) as trial:
            seen = 0
            while seen < 40000:
                line = trial.stdout.readline()
                if "x" * 100 in line:
                    self.assertTrue(line.startswith("r1-0 | xxx"), line[:100])
                    seen += line.count("x")
            trial.send_signal(signal.SIGINT)
            trial.stdout.read()

    def test_no_color_where_it_is_not_wanted_and_no_escape_on_a_dumb_terminal(self):
        with self.trial() as screen:
            self.assertRegex(screen.colored(), r"\x1b\[32m(\x1b\[49m)?web serves")
        with self.trial(environment={"NO_COLOR": "1"}) as screen:
            self.assertNotIn("\x1b", screen.colored())
        written = self.place / "written"
        with Screen(["/usr/bin/script", "-qc", f"TERM=dumb TMPDIR={self.place} {SVC} try {self.place}/web.toml",
                     written]) as screen:
            screen.wait_for("q or Ctrl-C: stop")
            screen.type("Enter")
            screen.wait_for("revision 2 serves")
            screen.write("q\n")
            self.assertEqual(0, screen.wait_for_end())
            self.assertNotIn(b"\x1b", written.read_bytes())

    def test_killed_it_leaves_nothing(self):
        with subprocess.Popen([SVC, "try", "web.toml"], cwd=self.place, text=True, stdin=subprocess.DEVNULL,
                              env={**os.environ, "TMPDIR": str(self.place)}, stdout=subprocess.PIPE) as trial:
            for line in trial.stdout:
                if "web serves" in line:
                    break
            trial.send_signal(signal.SIGKILL)
            trial.wait(PATIENCE)
        wait_until("the end of the trial's directory", lambda: not self.left(), PATIENCE)


if __name__ == "__main__":
    main()
