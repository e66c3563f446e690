"""svc init: the file that it writes has no mistakes, whatever is here."""
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import tomllib
import unittest

from harness import ServiceTest, main
from supervisor import SVC


WSGI = "def application(environ, start_response):\n    pass\n"
DJANGO_WSGI = "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n"
DJANGO_ASGI = DJANGO_WSGI.replace("wsgi", "asgi")
ELF = object()  # a built program
SCRIPT = object()

# What is in a directory, the preset that suits it, and what the command ends with.
DIRECTORIES = (
    ("nginx's configuration", {"nginx.conf": "http { server {\n  listen 8123;\n} }\n"}, "nginx", ["/nginx.conf"]),
    ("haproxy's configuration", {"haproxy.cfg": ""}, "haproxy", ["-f", "/haproxy.cfg"]),
    ("Flask", {"app.py": "import flask\nshop = flask.Flask(__name__)\n"}, "gunicorn", ["app:shop"]),
    ("Flask, with a type", {"app.py": "shop: Flask = Flask(__name__)\n"}, "gunicorn", ["app:shop"]),
    ("a factory of Flask", {"shop.py": "def create_app(config=None):\n    return Flask(__name__)\n"},
     "gunicorn", ["shop:create_app()"]),
    ("a factory in a package", {"shop/__init__.py": "def create_app():\n    return Flask(__name__)\n"},
     "gunicorn", ["shop:create_app()"]),
    ("uwsgi is asked for", {"app.py": "app = Flask(__name__)\n", "requirements.txt": "flask\nuwsgi\n"},
     "uwsgi", ["fd://3", "--need-app", "--plugin", "python3", "--module", "app:app"]),
    ("a function of WSGI", {"web.py": WSGI}, "gunicorn", ["web:application"]),
    ("a function of WSGI, with other names", {"web.py": "def application(\n    env, start):\n    pass\n"},
     "gunicorn", ["web:application"]),
    ("gunicorn in an environment of its own", {"web.py": WSGI, ".venv/bin/gunicorn": SCRIPT},
     "gunicorn", ["/.venv/bin/gunicorn", "web:application"]),
    ("FastAPI in a package", {"app/main.py": "app = FastAPI()\n"}, "uvicorn", ["--fd", "3", "app.main:app"]),
    ("a factory of FastAPI", {"main.py": "def create_app() -> FastAPI:\n    return FastAPI()\n"},
     "uvicorn", ["--fd", "3", "--factory", "main:create_app"]),
    ("hypercorn is asked for", {"main.py": "app = Starlette()\n", "pyproject.toml": 'dependencies = ["hypercorn"]\n'},
     "hypercorn", ["--bind", "fd://3", "main:app"]),
    ("a function of ASGI", {"web.py": "async def app(scope, receive, send):\n    pass\n"},
     "uvicorn", ["web:app"]),
    ("Django", {"manage.py": "", "shop/wsgi.py": DJANGO_WSGI, "shop/asgi.py": DJANGO_ASGI},
     "gunicorn", ["shop.wsgi:application"]),
    ("Django with uvicorn", {"manage.py": "", "shop/wsgi.py": DJANGO_WSGI, "shop/asgi.py": DJANGO_ASGI,
                             "requirements.txt": "django\nuvicorn\n"}, "uvicorn", ["shop.asgi:application"]),
    ("Node, its main file", {"package.json": '{"main": "lib/web.js"}', "lib/web.js": ""}, "node", ["lib/web.js"]),
    ("Node, its script", {"package.json": '{"scripts": {"start": "node srv.js"}, "main": "x.js"}', "srv.js": ""},
     "node", ["srv.js"]),
    ("Node without a package", {"server.js": ""}, "node", ["server.js"]),
    ("Rack", {"config.ru": "run App\n"}, "puma", ["only", "config.ru"]),
    ("Rack with unicorn", {"config.ru": "run App\n", "Gemfile": 'gem "unicorn"\n'}, "unicorn", ["config.ru"]),
    ("PSGI", {"app.psgi": ""}, "starlet", ["app.psgi"]),
    ("a Procfile", {"Procfile": "release: x\nweb: ./serve --fast\n"}, None, ["/serve", "--fast"]),
    ("a Procfile with a server", {"Procfile": "web: gunicorn -w 4 shop.web:app\n"}, "gunicorn", ["shop.web:app"]),
    ("a Procfile with a module", {"Procfile": "web: venv/bin/gunicorn -c gunicorn.conf.py shop.wsgi\n"},
     "gunicorn", ["shop.wsgi"]),
    ("a Procfile for a shell", {"Procfile": "web: cd shop && ./serve\n"}, None, ["-c", "cd shop && ./serve"]),
    ("a program of Rust", {"Cargo.toml": "", "target/release/shop": ELF}, None, ["/target/release/shop"]),
    ("a program of Go", {"go.mod": "module shop\n", "main.go": "", "shop": ELF}, None, ["/shop"]),
)
# Frameworks that are not installed, as far as a server sees of them.
FLASK = """class Flask:
    def __init__(self, name):
        pass

    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"served"]
"""
NODE = """require("http").createServer((asked, answer) => answer.end("served")).listen({fd: 3});
process.on("SIGTERM", () => process.exit(0));
"""
# What serves once `svc init` has written its file, and the program that it needs.
SERVING = (
    ("a factory", "/usr/bin/gunicorn",
     {"flask.py": FLASK, "shop.py": "from flask import Flask\ndef create_app():\n    return Flask(__name__)\n"}),
    ("node", "/usr/bin/node", {"server.js": NODE}),
    ("uwsgi", "/usr/bin/uwsgi",
     {"flask.py": FLASK, "shop.py": "import flask\napp = flask.Flask(__name__)\n", "requirements.txt": "uwsgi"}),
)
# What is in a directory that nothing can be made of, and what is said.
NOTHING = (
    ("nothing", {}, "nothing that could be served was found here"),
    ("a function that is no application", {"web.py": "def app(x):\n    pass\n"}, "nothing that could be served"),
    ("a factory that has to be told something", {"web.py": "def create_app(c):\n    return Flask(c)\n"}, "nothing"),
    ("Go, not built", {"go.mod": "module shop\n", "main.go": ""}, "not built yet: `go build`"),
    ("Rust, not built", {"Cargo.toml": ""}, "not built yet: `cargo build --release`"),
    ("Node with no file to run", {"package.json": '{"scripts": {"start": "next start"}}'}, "names no file of its own"),
)


class Place(unittest.TestCase):

    def setUp(self):
        self.place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="svc-test-init-")))

    def svc(self, *arguments, status=0):
        done = subprocess.run([SVC, *arguments], cwd=self.place, capture_output=True, text=True, check=False)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def file(self, name):
        return (self.place / f"{name}.toml").read_text("utf-8")

    def fill(self, files):
        """A directory that everybody may enter, with these files."""
        self.place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="svc-test-init-")))
        self.place.chmod(0o755)
        for name, content in files.items():
            path = self.place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is ELF:
                shutil.copy("/bin/sleep", path)
            elif content is SCRIPT:
                path.write_text("#!/bin/sh\n", encoding="utf-8")
                path.chmod(0o755)
            else:
                path.write_text(content, encoding="utf-8")

    def right(self, name):
        """The service file, as a table: it has no mistakes, and its user can reach what is in it."""
        said = self.svc("check", f"{name}.toml")
        self.assertIn(f"{name}.toml: no mistakes", said)
        self.assertNotIn("the user", said.partition("On this machine:")[2])
        return tomllib.loads(self.file(name))


class Init(Place):

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
        for kind, files, preset, end in DIRECTORIES:
            with self.subTest(kind):
                self.fill(files)
                self.svc("init", "shop")
                service = self.right("shop")["service"]
                self.assertEqual(preset, service.get("preset"))
                said = [word.removeprefix(str(self.place)) for word in service["command"]]
                self.assertEqual(end, said[-len(end):], self.file("shop"))

    def test_where_nothing_is_found_it_says_what_is_missing_and_what_to_write(self):
        for kind, files, said in NOTHING:
            with self.subTest(kind):
                self.fill(files)
                answer = self.svc("init", status=1)
                self.assertIn(said, answer)
                self.assertIn("svc init NAME -- COMMAND", answer)
                self.assertEqual(set(files), {path.name for path in self.place.iterdir()})

    def test_sockets_are_those_of_the_configuration_and_the_factory_is_told(self):
        self.fill(dict(DIRECTORIES[0][1]))
        self.svc("init", "web")
        self.assertEqual(["0.0.0.0:8123"], [each["address"] for each in self.right("web")["listener"]])
        self.fill({"app.py": "def create_app():\n    return Flask(__name__)\n"})
        self.svc("init", "web")
        self.assertIn("# The server calls create_app() at its start", self.file("web"))

    def test_options_of_a_procfile_that_are_not_taken_over_are_told(self):
        self.fill({"Procfile": "web: MODE=fast bundle exec puma -C config/puma.rb -b tcp://0.0.0.0:$PORT\n"})
        self.svc("init", "web")
        self.right("web")
        self.assertIn("Not in this command, but in the Procfile: MODE=fast bundle exec -C config/puma.rb -b "
                      "tcp://0.0.0.0:$PORT.", self.file("web").replace("\n# ", " "))

    def test_a_preset_and_a_program_that_do_not_exist_are_refused_with_near_ones(self):
        self.assertIn("did you mean nginx?", self.svc("init", "--preset", "ngnix", status=1))
        said = self.svc("init", "web", "--", "slep", "60", status=1)
        self.assertIn("there is no program slep in PATH (", said)
        self.assertIn("did you mean sleep?", said)
        (self.place / "only-here").write_text("#!/bin/sh\n", encoding="utf-8")
        (self.place / "only-here").chmod(0o755)
        self.assertIn("is ./only-here", self.svc("init", "web", "--", "only-here", status=1))
        self.assertEqual(["only-here"], [path.name for path in self.place.iterdir()])
        self.svc("init", "web", "--", "./only-here")
        self.assertEqual([f"{self.place}/only-here"], tomllib.loads(self.file("web"))["service"]["command"])

    def test_what_the_server_has_to_do_is_told_as_its_preset_says_it(self):
        self.fill({"server.js": "require('http').createServer().listen(3000)\n"})
        self.svc("init", "web")
        said = self.file("web").replace("\n# ", " ")
        self.assertIn("the application listens with `server.listen({fd: 3})`", said)
        self.assertIn("It handles SIGTERM itself:", said)
        self.assertNotIn("# command = ", self.file("web"))  # there is one

    def test_a_path_where_no_program_is_is_refused_but_one_of_a_release(self):
        (self.place / "plain").write_text("", encoding="utf-8")
        for program, said in (("./nothere", f"there is no program {self.place}/nothere"),
                              ("/nothere", "there is no program /nothere"),
                              ("./plain", f"{self.place}/plain is no program: chmod +x makes it one")):
            with self.subTest(program=program):
                self.assertIn(said, self.svc("init", "web", "--", program, status=1))
        self.assertEqual(["plain"], [path.name for path in self.place.iterdir()])
        self.svc("init", "web", "--", "${release}/serve")
        self.assertIn("web.toml: no mistakes", self.svc("check", "web.toml"))
        self.assertEqual(["${release}/serve"], tomllib.loads(self.file("web"))["service"]["command"])
        self.assertIn("# a guess: the link to the release that serves", self.file("web"))

    def test_the_hint_has_no_file_that_looks_like_an_option(self):
        self.place = self.place / "-dash"
        self.place.mkdir()
        self.assertIn("svc check ./-dash.toml", self.svc("init", "--", "sleep", "60"))
        self.assertIn("no mistakes", self.svc("check", "./-dash.toml"))

    def test_a_server_that_is_not_installed_is_told(self):
        self.fill({"web.py": WSGI})
        done = subprocess.run([SVC, "init", "--print", "--preset", "mojolicious"], cwd=self.place,
                              capture_output=True, text=True, check=True)
        self.assertIn("Nothing that mojolicious could run was found here", done.stdout)
        if not pathlib.Path("/usr/bin/hypercorn").exists():
            self.assertIn("# hypercorn was not found, in PATH or here", self.svc("init", "--print", "--preset", "hypercorn"))

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
                             ("MODE=fast ./srv --x", '"/usr/bin/env", "MODE=fast", "./srv"'),
                             ("./srv -p $PORT", '"exec ./srv -p $PORT"'),
                             ("MODE=fast ./srv -p $PORT", '"exec env MODE=fast ./srv -p $PORT"'),
                             ("(./srv -p $PORT)", '"-c", "(./srv -p $PORT)"'),
                             ("(MODE=fast ./srv)", '"-c", "(MODE=fast ./srv)"')):
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

    def test_force_puts_another_file_in_place_with_mode_and_owner(self):
        self.svc("init", "web", "--", "sleep", "60")
        file = self.place / "web.toml"
        file.chmod(0o640)
        if os.geteuid() == 0:
            os.chown(file, 4321, 4321)
        before = file.stat()
        with open(file, encoding="utf-8") as open_still:
            self.svc("init", "web", "--force", "--", "sleep", "61")
            self.assertIn('"60"]', open_still.read())  # whoever reads it has it whole
        after = file.stat()
        self.assertIn('"61"]', self.file("web"))
        self.assertEqual(stat.filemode(before.st_mode), stat.filemode(after.st_mode))
        self.assertEqual((before.st_uid, before.st_gid), (after.st_uid, after.st_gid))
        self.assertNotEqual(before.st_ino, after.st_ino)
        self.assertEqual(["web.toml"], [path.name for path in self.place.iterdir()])

    def test_force_follows_a_link(self):
        (self.place / "kept").mkdir()
        (self.place / "kept/web.toml").write_text("", encoding="utf-8")
        (self.place / "web.toml").symlink_to("kept/web.toml")
        self.svc("init", "web", "--force", "--", "sleep", "61")
        self.assertTrue((self.place / "web.toml").is_symlink())
        self.assertIn('"61"]', (self.place / "kept/web.toml").read_text("utf-8"))


@unittest.skipIf(os.geteuid() != 0, "only root chooses a user")
class User(Place):

    def user(self):
        return tomllib.loads(self.file("web"))["service"].get("user")

    def test_who_owns_the_directory_or_else_www_data(self):
        self.fill({"web.py": WSGI})
        self.svc("init", "web")
        self.assertEqual("www-data", self.user())
        os.chown(self.place, 1, -1)  # daemon
        self.svc("init", "web", "--force")
        self.assertEqual("daemon", self.user())

    def test_nobody_who_cannot_reach_the_program_and_why(self):
        for files, closed in (({"shop": ELF}, "shop"), ({"web.py": WSGI}, "web.py"), ({"web.py": WSGI}, ".")):
            with self.subTest(closed=closed):
                self.fill(files)
                (self.place / closed).chmod(0o700 if closed != "web.py" else 0o600)
                printed = self.svc("init", "web")
                self.assertIsNone(self.user())
                self.assertIn("Without a user it runs as root. www-data cannot be that yet: ", printed)
                said = self.file("web").replace("\n# ", " ")
                self.assertIn("Without a user it runs as root. www-data cannot be that yet: ", said)
                self.assertRegex(said, r"chmod o\+[rx]+ " + re.escape(str((self.place / closed).resolve())))


class Serves(ServiceTest):

    def test_what_is_written_serves_and_is_reloaded(self):
        for kind, program, files in SERVING:
            if not pathlib.Path(program).exists():
                print(f"skipped: {kind}: there is no {program}")
                continue
            with self.apart(kind) as place:
                for name, content in files.items():
                    (place / name).write_text(content, encoding="utf-8")
                supervisor = self.make()
                subprocess.run([SVC, "init", "web", "--force"], cwd=place, capture_output=True, check=True)
                text = supervisor.file.read_text("utf-8")
                supervisor.file.write_text(re.sub("127.0.0.1:[0-9]+", "127.0.0.1:0", text), encoding="utf-8")
                supervisor.start()
                self.assertIn("served", supervisor.get())
                self.reload(supervisor)
                self.assertIn("served", supervisor.get())


if __name__ == "__main__":
    main()
