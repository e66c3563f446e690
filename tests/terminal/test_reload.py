"""What a person sees of `svc reload`."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import ServiceTest, main, service, worker  # noqa: E402
from screen import Screen  # noqa: E402
from supervisor import SVC  # noqa: E402


class Reload(ServiceTest):

    def test_its_verdict_stays_on_the_screen(self):
        supervisor = self.start(service(worker()))
        with Screen([SVC, "reload", "web", "--runtime-dir", supervisor.runtime]) as screen:
            self.assertEqual(0, screen.wait_for_end())
            self.assertIn("web: revision 2 serves: 1 of 1 worker available", screen.text())

    def test_a_row_a_worker_with_a_bar_and_an_interruption_that_says_what_goes_on(self):
        supervisor = self.start(service(worker()))
        # Of what a rollout waits for it never comes to its end here.
        supervisor.write(service(worker(), rollout={"min_ready": "1h", "progress_deadline": "2h"}))
        command = [SVC, "reload", "web", "--runtime-dir", supervisor.runtime]
        with Screen(command, columns=80) as screen:
            text = screen.wait_for("min_ready")
            self.assertRegex(text, r"(?m)^  r1-0  available {19}for \d+s$")
            self.assertRegex(text, r"(?m)^  r2-0  ready      \u2595 {13}\u258f  (1h|59m\d+s) left +min_ready$")
            screen.resize(50, 24)
            screen.wait_for(lambda text: "\u2595" not in text and "left  min_ready" in text)
            screen.resize(200, 24)
            text = screen.wait_for(lambda text: "\u2595" + " " * 30 + "\u258f" in text)
            self.assertEqual(1, text.count("r2-0  ready"), text)
            screen.type("C-c")
            text = screen.wait_for("interrupted: the rollout goes on")
            self.assertNotIn("^C", text)
        supervisor.svc("abort", "web")


if __name__ == "__main__":
    main()
