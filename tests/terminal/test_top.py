"""What a person sees of `svc top`."""
import pathlib
import sys
import unittest  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import ServiceTest, main, service, wait_until, worker  # noqa: E402
from screen import Screen  # noqa: E402
from supervisor import SVC  # noqa: E402


class Top(ServiceTest):

    def rows(self, text):
        """The names in the first column, below the titles."""
        lines = text.splitlines()
        return [line.split()[0] for line in lines[4:-1] if line.strip()]

    def test_it_shows_services_and_workers_and_follows_the_size_of_the_terminal(self):
        supervisor = self.start(service(worker(), rollout={"replicas": 2}))
        for columns in 80, 200:
            with Screen([SVC, "top", "--runtime-dir", supervisor.runtime], columns=columns, lines=14) as screen:
                text = screen.wait_for("svcd")
                self.assertIn("1 service: 1 serves", text)
                self.assertEqual(["web", "r1-0", "r1-1", "svcd"], self.rows(text))
                self.assertTrue(text.splitlines()[13].startswith("q quit"), text)
                screen.resize(40, 8)
                text = screen.wait_for(lambda text: len(text.splitlines()) == 8 and "q quit" in text.splitlines()[7])
                self.assertEqual(["web", "r1-0", "r1-1"], self.rows(text))
                screen.type("Down")
                screen.wait_for(lambda text: self.rows(text) == ["r1-0", "r1-1", "svcd"])
                screen.type("c")
                screen.wait_for(lambda text: self.rows(text) == ["web"])

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

    def test_a_supervisor_that_hangs_is_shown_as_one_and_holds_up_nothing(self):
        supervisor = self.start(service(worker()))
        with Screen([SVC, "top", "--runtime-dir", supervisor.runtime, "--interval", "200ms"]) as screen:
            screen.wait_for("serves")
            with supervisor.frozen():
                screen.wait_for("does not answer")
            screen.wait_for("serves")

    def test_without_a_terminal_it_is_one_frame_without_an_escape(self):
        supervisor = self.start(service(worker()))
        for arguments in ["top"], ["top", "--once"], ["status"], ["list"], ["reload"], ["history"], ["timeline"]:
            result = supervisor.svc(*arguments)
            self.assertEqual(0, result.returncode, result.stderr)
            self.assertNotIn("\x1b", result.stdout + result.stderr)
        wait_until("a service that has a row", lambda: "web" in supervisor.svc("top", "--once").stdout)


if __name__ == "__main__":
    main()
