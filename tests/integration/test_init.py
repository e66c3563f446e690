"""svc init: the file that it writes has no mistakes, whatever is here."""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

from harness import main
from supervisor import SVC


class Init(unittest.TestCase):

    def setUp(self):
        self.place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="svc-test-init-")))

    def svc(self, *arguments, status=0):
        done = subprocess.run([SVC, *arguments], cwd=self.place, capture_output=True, text=True, check=False)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def file(self, name):
        return (self.place / f"{name}.toml").read_text("utf-8")

    def test_a_file_for_each_preset_has_no_mistakes_and_neither_has_what_stands_in_its_comments(self):
        for preset in json.loads(self.svc("preset", "--json")):
            with self.subTest(preset=preset["name"]):
                self.svc("init", "--preset", preset["name"], "web", "--force")
                self.assertIn("web.toml: no mistakes", self.svc("check", "web.toml"))
                text = self.file("web")
                with_comments = re.sub(r"^#(?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)
                self.assertNotEqual(text, with_comments)
                (self.place / "web.toml").write_text(with_comments, encoding="utf-8")
                self.assertIn("web.toml: no mistakes", self.svc("check", "web.toml"))

    def test_what_is_here_is_found(self):
        for name, content, wanted in (
                ("app.py", "from flask import Flask\nshop = Flask(__name__)\n", '"app:shop"'),
                ("nginx.conf", "http { server {\n  listen 8123;\n} }\n", '"0.0.0.0:8123"'),
                ("server.js", "", '"server.js"'),
                ("config.ru", "run App\n", 'preset = "puma"'),
                ("Procfile", "web: ./serve --fast\n", '"--fast"')):
            with self.subTest(name=name):
                (self.place / name).write_text(content, encoding="utf-8")
                self.svc("init", "web", "--force")
                (self.place / name).unlink()
                self.assertIn(wanted, self.file("web"))
                self.assertIn("web.toml: no mistakes", self.svc("check", "web.toml"))

    def test_what_others_wrote_becomes_no_key_and_reaches_no_terminal(self):
        for name, content in (("a\nevil = 1\n.ru", "run App\n"), ("Procfile", "web: ./srv \033]0;x\007 --fast\r\n")):
            with self.subTest(name=name):
                (self.place / name).write_text(content, encoding="utf-8")
                printed = self.svc("init", "web", "--print")
                self.assertNotIn("evil = 1", printed.splitlines())
                self.assertFalse(set(printed) & set("\033\007\r"), printed)
                self.svc("init", "web", "--force")
                (self.place / name).unlink()
                self.assertIn("web.toml: no mistakes", self.svc("check", "web.toml"))

    def test_a_procfile_has_options_and_an_environment(self):
        for line, wanted in (("gunicorn -b 0.0.0.0:8000 app:application", '"app:application"'),
                             ("MODE=fast ./srv --x", '"/usr/bin/env", "MODE=fast", "./srv"')):
            with self.subTest(line=line):
                (self.place / "Procfile").write_text(f"web: {line}\n", encoding="utf-8")
                self.svc("init", "web", "--force")
                self.assertIn(wanted, self.file("web"))
                self.assertIn("web.toml: no mistakes", self.svc("check", "web.toml"))

    def test_a_file_that_is_there_stays(self):
        said = self.svc("init", "web", "--", "sleep", "60")
        self.assertIn("svc try web.toml", said)
        text = self.file("web")
        self.assertIn("--force", self.svc("init", "web", "--", "sleep", "61", status=1))
        self.assertEqual(text, self.file("web"))
        self.assertIn('"61"]', self.svc("init", "web", "--print", "--", "sleep", "61"))
        self.assertEqual(text, self.file("web"))

    def test_where_nothing_is_found_it_says_what_to_write(self):
        self.assertIn("svc init NAME -- COMMAND", self.svc("init", status=1))
        self.assertEqual([], list(self.place.iterdir()))


if __name__ == "__main__":
    main()
