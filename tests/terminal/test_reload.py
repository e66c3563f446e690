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


if __name__ == "__main__":
    main()
