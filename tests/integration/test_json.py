"""What verbs print for programs: JSON as svc.1 documents it, and no escape codes."""
import json
import unittest  # noqa: F401

from described import problems
from harness import ServiceTest, main, service, worker


class Printed(ServiceTest):

    def deployed(self):
        """A supervisor with a history: a reload and a version that failed."""
        supervisor = self.start(service(worker()))
        self.reload(supervisor)
        supervisor.write(service(worker("--exit", "3", "--say", "no database")))
        self.assertEqual(1, supervisor.svc("reload", "web").returncode)
        supervisor.write(service(worker()))
        return supervisor

    def verbs(self, supervisor):
        """What is asked, in this order; with the type of what comes, and the exit status."""
        wrong = supervisor.directory / "wrong.toml"
        wrong.write_text("[service]\nname = 3\n", encoding="utf-8")
        return (
            (("status", "web"), "Status", 0),
            (("status",), "[]List", 0),
            (("list",), "[]List", 0),
            (("top", "--once"), "[]List", 0),
            (("top",), "[]List", 0),
            (("events",), "Events", 0),
            (("history",), "History", 0),
            (("history", "3"), "Revision", 0),
            (("diff", "1", "3"), "Diff", 0),
            (("timeline",), "Timeline", 0),
            (("metrics",), "Metrics", 0),
            (("check", supervisor.file), "Check", 0),
            (("check", wrong), "Check", 5),
            (("preset",), "[]Preset", 0),
            (("preset", "nginx"), "Preset", 0),
            (("reload", "web"), "Progress", 0),
            (("apply", "web"), "Progress", 0),
            (("undo", "web"), "Progress", 0),
            (("scale", "2", "web"), "Progress", 0),
            (("replace", "0", "web"), "Progress", 0),
            (("freeze", "web", "--reason", "Monday"), "Progress", 0),
            (("unfreeze", "web"), "Progress", 0),
            (("upgrade", "web"), "Upgrade", None),  # not under every parent
            (("stop", "web"), "Progress", 0),
        )

    def test_json_is_as_the_manual_page_says(self):
        supervisor = self.deployed()
        for words, kind, status in self.verbs(supervisor):
            with self.subTest(verb=" ".join(map(str, words))):
                result = supervisor.svc(*words, "--json")
                if status is not None:
                    self.assertEqual(status, result.returncode, result.stderr)
                lines = result.stdout.splitlines()
                self.assertTrue(lines or status is None, result.stderr)
                found = [problem for line in lines for problem in problems(json.loads(line), kind, kind)]
                self.assertEqual([], found)

    def test_no_verb_writes_an_escape_code_into_a_pipe(self):
        supervisor = self.deployed()
        for words, _, status in self.verbs(supervisor):
            with self.subTest(verb=" ".join(map(str, words))):
                result = supervisor.svc(*words, environment={"TERM": "xterm-256color", "CLICOLOR_FORCE": "1"})
                if status is not None:
                    self.assertEqual(status, result.returncode, result.stderr)
                self.assertNotIn("\x1b", result.stdout + result.stderr)


if __name__ == "__main__":
    main()
