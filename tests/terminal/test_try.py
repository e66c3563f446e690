"""What a person sees of `svc try`, and that nothing of it is left."""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import PATIENCE, ServiceTest, main, service, wait_until, worker  # noqa: E402
from screen import Screen  # noqa: E402
from service_file import toml  # noqa: E402
from supervisor import SVC  # noqa: E402


class Try(ServiceTest):

    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="svc-test-try-")))
        self.file = self.place / "web.toml"
        self.file.write_text(toml(service(worker())), encoding="utf-8")

    @contextlib.contextmanager
    def trial(self, columns):
        with Screen([SVC, "try", "web.toml"], columns=columns, lines=40, directory=self.place,
                    environment={"TMPDIR": str(self.place)}) as screen:
            screen.wait_for("web serves: 1 worker available")
            yield screen

    def left(self):
        return list(self.place.glob("svc-try-*"))

    def test_enter_reloads_and_ctrl_c_stops_at_80_and_200_columns(self):
        for columns in (80, 200):
            with self.subTest(columns=columns), self.trial(columns) as screen:
                screen.wait_for("Enter: reload   s: status   u: undo   q or Ctrl-C: stop")
                self.assertRegex(screen.text(), r"http +http://127\.0\.0\.1:\d+/")
                screen.type("Enter")
                screen.wait_for("web: revision 2 serves: 1 of 1 worker available")
                screen.type("C-c")
                self.assertEqual(0, screen.wait_for_end())
                self.assertIn("web: stopped, nothing is left of it", screen.text())
                self.assertEqual([], self.left())

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
