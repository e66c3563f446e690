"""What verbs print for programs: JSON as svc.1 and the schemas made of it say, and no escape codes."""
import json
import unittest

import schemas
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
        """What is asked, in this order; with the schema of what comes, and the exit status."""
        wrong = supervisor.directory / "wrong.toml"
        wrong.write_text("[service]\nname = 3\n", encoding="utf-8")
        return (
            (("status", "web"), "status", 0),
            (("status",), "list", 0),
            (("list",), "list", 0),
            (("top", "--once"), "list", 0),
            (("top",), "list", 0),
            (("events",), "events", 0),
            (("history",), "history", 0),
            (("history", "3"), "revision", 0),
            (("diff", "1", "3"), "diff", 0),
            (("timeline",), "timeline", 0),
            (("metrics",), "metrics", 0),
            (("check", supervisor.file), "check", 0),
            (("check", wrong), "check", 5),
            (("preset",), "preset", 0),
            (("preset", "nginx"), "preset", 0),
            (("init", "shop", "--print", "--", "/bin/sleep", "60"), "init", 0),
            (("reload", "web"), "progress", 0),
            (("apply", "web"), "progress", 0),
            (("undo", "web"), "progress", 0),
            (("scale", "2", "web"), "progress", 0),
            (("replace", "0", "web"), "progress", 0),
            (("pause", "web"), "error", 1),
            (("freeze", "web", "--reason", "Monday"), "progress", 0),
            (("reload", "web"), "error", 1),
            (("unfreeze", "web"), "progress", 0),
            (("upgrade", "web"), "upgrade", None),  # not under every parent
            (("stop", "web"), "progress", 0),
        )

    def printed(self):
        """(the verb, the schema's name, an object or array that it printed)"""
        supervisor = self.deployed()
        for words, kind, status in self.verbs(supervisor):
            result = supervisor.svc(words[0], "--json", *words[1:])
            if status is not None:
                self.assertEqual(status, result.returncode, result.stderr)
            lines = result.stdout.splitlines()
            self.assertTrue(lines or status is None, result.stderr)
            for line in lines:
                yield " ".join(map(str, words)), kind, json.loads(line)

    def test_json_is_as_its_schema_says_and_what_differs_in_one_place_is_not(self):
        if schemas.why_not():
            self.skipTest(schemas.why_not())
        exact = {name: schemas.strict(schemas.read(name)) for name in schemas.NAMES}
        seen, mutated = set(), 0
        for verb, kind, value in self.printed():
            with self.subTest(verb=verb):
                self.assertEqual([], schemas.problems(value, exact[kind]))
                if kind in seen and kind != "check":  # right and wrong files
                    continue
                seen.add(kind)
                for what, wrong in schemas.mutations(value):
                    mutated += 1
                    self.assertTrue(schemas.problems(wrong, exact[kind]), what)
        self.assertEqual(set(schemas.NAMES), seen)
        self.assertGreater(mutated, 500)

    def test_no_verb_writes_an_escape_code_into_a_pipe(self):
        supervisor = self.deployed()
        for words, _, status in self.verbs(supervisor):
            with self.subTest(verb=" ".join(map(str, words))):
                result = supervisor.svc(*words, environment={"TERM": "xterm-256color", "CLICOLOR_FORCE": "1"})
                if status is not None:
                    self.assertEqual(status, result.returncode, result.stderr)
                self.assertNotIn("\x1b", result.stdout + result.stderr)


@unittest.skipIf(schemas.why_not(), schemas.why_not())
class Schemas(unittest.TestCase):

    def test_each_is_a_schema_and_lets_a_later_release_add_members_and_words(self):
        for name in schemas.NAMES:
            with self.subTest(name):
                schemas.check_schema(schemas.read(name))
        event = {"sequence": 1, "at": 2, "kind": "of_a_later_release", "revision": 1, "worker": 0, "worker_name": "",
                 "text": "", "member_of_a_later_release": {}}
        self.assertEqual([], schemas.problems(event, schemas.read("events")))
        self.assertEqual(2, len(schemas.problems(event, schemas.strict(schemas.read("events")))))
        del event["text"]
        self.assertEqual(["$: 'text' is a required property"], schemas.problems(event, schemas.read("events")))

    def test_what_may_be_missing_may_and_what_a_list_holds_is_looked_at(self):
        status = schemas.read("list")
        self.assertEqual([], schemas.problems([{"service": "web", "control": "/run/svc/web/control"}], status))
        self.assertTrue(schemas.problems([{"service": "web"}], status))
        self.assertTrue(schemas.problems({"service": "web", "control": "/x"}, status))


if __name__ == "__main__":
    main()
