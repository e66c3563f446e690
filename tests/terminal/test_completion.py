"""What a person at bash, zsh and fish gets for the Tab key."""
import contextlib
import os
import pathlib
import re
import shutil
import sys
import time
import unittest  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import PATIENCE, ServiceTest, main, service, worker  # noqa: E402
from screen import Screen  # noqa: E402
from supervisor import SOURCE, SVC  # noqa: E402

ONCE = 5.0  # seconds from a key to what is shown, or the key is pressed again
SCRIPTS = SOURCE / "completions"
BASH_COMPLETION = pathlib.Path("/usr/share/bash-completion/bash_completion")


class Shell:
    """A shell with nobody's settings but those of the test, in its HOME."""

    name = executable = None
    several = "\t"                  # shows all that there is
    row = re.compile(r"(?!)")       # of what is shown: a candidate and its description
    columns = False                 # they are in several, each from above to below
    sees_rest = True                # while it completes it knows what stands behind the cursor
    passes_on = True                # it completes the command of a command: "nice svc ..."

    def missing(self):
        return None if shutil.which(self.executable) else f"there is no {self.executable}"

    def place(self, home, file, text):
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text(text, encoding="utf-8")


class PlainBash(Shell):
    """Without bash-completion, and with what breaks careless scripts."""

    name = "bash alone"
    executable = "bash"
    several = "\t\t"
    row = re.compile(r"^(\S+)  +(\S.*)$")
    passes_on = False
    settings = f"set -u -f\nIFS=:e\n. {SCRIPTS}/svc.bash\n"

    def command(self, home, more=""):
        self.place(home, ".rc", f"PS1='$ '\n{self.settings}\n{more}\n")
        return ["bash", "--noprofile", "--rcfile", home / ".rc", "-i"]


class Bash(PlainBash):
    """It finds the script by itself, in the place for a user's own."""

    name = "bash"
    passes_on = True
    settings = f". {BASH_COMPLETION}"

    def missing(self):
        return super().missing() or (None if BASH_COMPLETION.exists() else "there is no bash-completion")

    def command(self, home, more=""):
        for command in "svc", "svcd":
            self.place(home, f".local/share/bash-completion/completions/{command}",
                       (SCRIPTS / "svc.bash").read_text(encoding="utf-8"))
        return super().command(home, more)


class Zsh(Shell):
    name = executable = "zsh"
    row = re.compile(r"^(\S+) +-- (\S.*)$")

    def command(self, home, more=""):
        self.place(home, "functions/_svc", (SCRIPTS / "_svc").read_text(encoding="utf-8"))
        self.place(home, ".zshrc", "PS1='$ '\nfpath=(~/functions $fpath)\nautoload -U compinit\ncompinit -u -d ~/dump\n" + more)
        return ["zsh", "-d", "-i"]


class Fish(Shell):
    name = executable = "fish"
    columns = True
    sees_rest = False
    row = re.compile(r"(\S+) +\((\S.*?)\)(?=  |$)")

    def command(self, home, more=""):
        for command in "svc", "svcd":
            self.place(home, f".config/fish/completions/{command}.fish", (SCRIPTS / "svc.fish").read_text(encoding="utf-8"))
        self.place(home, ".config/fish/config.fish", "function fish_prompt; printf '$ '; end\nset -g fish_greeting\n"
                   "set -g fish_autosuggestion_enabled 0\n" + more)
        return ["fish", "-i"]


SHELLS = PlainBash(), Bash(), Zsh(), Fish()


class Session:
    """A shell on a screen, which is empty but for what was typed last and came of it."""

    def __init__(self, shell, screen):
        self.shell = shell
        self.screen = screen
        screen.wait_for(lambda text: text == "$")

    def clear(self):
        self.screen.type("C-e", "C-u", "C-l")
        self.screen.wait_for(lambda text: text == "$")

    def press(self, typed, condition):
        """Until the screen is so. Once more if it did not come to that: a supervisor of a busy machine may not have
        answered in the little time that it is given."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.screen.write(typed)
            try:
                self.screen.wait_for(condition, ONCE)
                break
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
            self.clear()
        self.clear()

    def becomes(self, typed, line):
        """Nothing else is on the screen."""
        self.press(typed, lambda text: text == f"$ {line}")

    def shows(self, typed, line, rows):
        """The rows, candidate and description, in this order and nothing besides."""
        order = sorted if self.shell.columns else list
        self.press(typed + self.shell.several, lambda text: order(self.seen(text, line)) == order(rows))

    def seen(self, text, line):
        rows = []
        for each in text.splitlines():
            # How old something is differs.
            each = re.sub(r"\b\d+(s|m(\d+s)?)(?= ago|$|\))", "N", each).strip()
            if each != f"$ {line}":
                rows += self.shell.row.findall(each) or [("?", each)]
        return rows


class Completion(ServiceTest):

    def setUp(self):
        super().setUp()
        self.supervisor = self.start(service(worker(), rollout={"replicas": 2}))

    @contextlib.contextmanager
    def session(self, shell, more="", path=f"{SVC.parent}:{SVC.parents[1]}/svcd/front:"):
        with self.subTest(shell.name):
            if why := shell.missing():
                self.skipTest(why)
            home = self.directory / shell.name.replace(" ", "-")
            (home / "sub dir").mkdir(parents=True)
            (home / "other.toml").touch()
            (home / "svc").symlink_to(SVC)
            environment = {"HOME": str(home), "PATH": path + os.environ["PATH"], "ZDOTDIR": str(home),
                           "SVC_RUNTIME_DIR": str(self.supervisor.runtime)}
            with Screen(shell.command(home, more), environment=environment, directory=home) as screen:
                yield Session(shell, screen)

    def test_what_is_the_only_one_is_put_in_with_a_space(self):
        for shell in SHELLS:
            with self.session(shell) as session:
                for typed, line in (
                        ("svc rel\tx", "svc reload x"),
                        ("svc undo --cau\tx", "svc undo --cause x"),
                        ("svc init --preset ngi\tx", "svc init --preset nginx x"),
                        ("svc init --preset=ngi\tx", "svc init --preset=nginx x"),
                        ("svc status w\tx", "svc status web x"),
                        ("svc status \"w\tx", "svc status \"web\" x"),
                        ("svc logs web --revision \tx", "svc logs web --revision 1 x"),
                        ("svc logs web --rev\t\tx", "svc logs web --revision 1 x"),
                        ("svc reload --cause 'a b' w\tx", "svc reload --cause 'a b' web x"),
                        ("cd .; svc status w\tx", "cd .; svc status web x"),
                        ("svc check oth\tx", "svc check other.toml x"),
                        ("svc metrics --output=oth\tx", "svc metrics --output=other.toml x"),
                        ("svc status --runtime-dir su\tx", "svc status --runtime-dir sub\\ dir/x"),
                        ("svc status --runtime-dir=su\tx", "svc status --runtime-dir=sub\\ dir/x"),
                        ("svc status >oth\tx", "svc status >other.toml x"),
                        ("svc try -- ls oth\tx", "svc try -- ls other.toml x"),
                        ("svcd --log-l\tx", "svcd --log-level x"),
                        ("svc status nothing\tx", "svc status nothingx")):
                    session.becomes(typed, line)

    def test_several_are_shown_with_what_tells_them_apart(self):
        self.reload(self.supervisor, "--cause", "CVE fix")
        self.reload(self.supervisor)
        for shell in SHELLS:
            with self.session(shell) as session:
                session.shows("svc re", "svc re", [
                    ("reload", "Replace every worker by a new revision"), ("resume", "Let it go on"),
                    ("replace", "Replace one worker by another of its revision")])
                session.shows("svc undo web --to ", "svc undo web --to", [
                    ("2", "complete, N ago: reload: CVE fix"), ("1", "complete, N ago: boot")])
                session.shows("svc replace ", "svc replace", [
                    ("0", "r3-0 available for N"), ("1", "r3-1 available for N")])
                session.shows("svc history ", "svc history", [
                    ("3", "complete, serves, N ago: reload"), ("2", "complete, N ago: reload: CVE fix"),
                    ("1", "complete, N ago: boot"), ("web", "revision 3, 2/2 available")])

    def test_the_cursor_may_be_anywhere_in_the_line(self):
        for shell in SHELLS:
            with self.session(shell) as session:
                session.screen.write("svc stat web")
                session.screen.type(*["Left"] * len(" web"), "Tab")
                session.screen.wait_for(lambda text: text.split() == ["$", "svc", "status", "web"])
                session.clear()
                if not shell.sees_rest:
                    continue
                # What follows the cursor is there already, and not offered again.
                rest = " web --no-wait --no-wait-drain"
                session.screen.write("svc undo --n" + rest)
                session.screen.type(*["Left"] * len(rest), "Tab")
                session.screen.wait_for(lambda text: text.split() == f"$ svc undo --now{rest}".split())

    def test_a_supervisor_that_hangs_holds_up_nobody(self):
        other = self.start(service(worker()), name="api")
        for shell in SHELLS:
            with self.session(shell) as session, other.frozen():
                session.shows("svc status ", "svc status", [
                    ("api", "does not answer"), ("web", "revision 1, 2/2 available")])
                session.becomes("svc status a\tx", "svc status api x")
                session.becomes("svc undo api --to \tx", "svc undo api --to x")
                session.becomes("svc logs web --revision \tx", "svc logs web --revision 1 x")

    def test_the_svc_that_is_typed_is_asked_and_another_program_of_that_name_says_nothing(self):
        place = self.directory / "other"
        place.mkdir()
        (place / "svc").write_text("#!/bin/sh\necho 'svc: usage: svc options' >&2\nexit 100\n", encoding="ascii")
        (place / "svc").chmod(0o755)
        for shell in SHELLS:
            with self.session(shell, path=f"{place}:") as session:
                session.becomes("svc rel\tx", "svc relx")
                session.becomes("~/svc rel\tx", "~/svc reload x")
                session.becomes("./svc status w\tx", "./svc status web x")

    def test_behind_another_command_it_is_the_same(self):
        for shell in SHELLS:
            if shell.passes_on:
                with self.session(shell) as session:
                    session.becomes("nice svc undo --cau\tx", "nice svc undo --cause x")

    def test_where_bash_puts_in_one_after_the_other_it_puts_in_no_description(self):
        self.reload(self.supervisor)
        for shell in SHELLS:
            if shell.executable == "bash":
                with self.session(shell, "bind TAB:menu-complete") as session:
                    session.becomes("svc logs web --revision \tx", "svc logs web --revision 2 x")


if __name__ == "__main__":
    main()
