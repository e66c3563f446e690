"""A terminal that a person could sit at: a command in a tmux of its own, which types and reads its screen."""
import contextlib
import os
import pathlib
import subprocess
import tempfile

from harness import PATIENCE, alive, wait_until

SETTINGS = """
set -g status off
set -g remain-on-exit on
set -g remain-on-exit-format ""
set -g history-limit 5000
set -g default-terminal screen-256color
"""


def in_session(leader):
    """Whether any process of the session runs."""
    for pid in [int(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()]:
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(pid) == leader and alive(pid):
                return True
    return False


class Screen:
    """One window of one tmux server, which ends with it: `with Screen([...], columns=80) as screen`."""

    def __init__(self, command, columns=80, lines=24, environment=None, directory=None):
        self._place = tempfile.TemporaryDirectory(prefix="svc-tmux-")
        self._socket = pathlib.Path(self._place.name) / "tmux"
        self._status = pathlib.Path(self._place.name) / "status"
        # TMUX and the caller's own locale, colours and shell are nobody's business here.
        own = {"PATH": os.environ["PATH"], "HOME": self._place.name, "LANG": "C.UTF-8", "SHELL": "/bin/sh",
               "TMUX_TMPDIR": self._place.name, **(environment or {})}
        size = ["-x", str(columns), "-y", str(lines)]
        where = ["-c", str(directory)] if directory else []
        (pathlib.Path(self._place.name) / "tmux.conf").write_text(SETTINGS, encoding="utf-8")
        # tmux has been seen to say that a command ended, but not how: a shell around it writes that down. It has the
        # terminal's signals, too, and outlives them; what it starts does not inherit that.
        around = ["/bin/sh", "-c", "trap : INT QUIT TSTP; \"$@\"; echo $? > \"$0\"", str(self._status)]
        subprocess.run([*self._tmux(), "new-session", "-d", *size, *where, "--", *around, *map(str, command)],
                       env=own, check=True, timeout=PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _tmux(self):
        return ["tmux", "-u", "-f", str(self._socket.with_name("tmux.conf")), "-S", str(self._socket)]

    def _ask(self, *words):
        return subprocess.run([*self._tmux(), *words], text=True, encoding="utf-8", capture_output=True, check=True,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE).stdout

    def type(self, *keys):
        """Keys as tmux names them: "Enter", "C-c", "q"."""
        self._ask("send-keys", *keys)

    def write(self, text):
        """Text as it is."""
        self._ask("send-keys", "-l", text)

    def resize(self, columns, lines):
        self._ask("resize-window", "-x", str(columns), "-y", str(lines))

    def text(self, history=False):
        """What is on the screen, without spaces at the ends of lines and empty lines at the end; with what was
        scrolled out of it, if that is asked for."""
        shown = self._ask("capture-pane", "-p", *(["-S", "-"] if history else []))
        return "\n".join(line.rstrip() for line in shown.splitlines()).rstrip("\n")

    def colored(self):
        """The same with its colours, as escape sequences."""
        return self._ask("capture-pane", "-p", "-e")

    def wait_for(self, wanted, timeout=PATIENCE):
        """Until the screen has the text, or until wanted(text) is true; returns the text."""
        condition = wanted if callable(wanted) else lambda text: wanted in text
        last = [""]

        def look():
            last[0] = self.text()
            return condition(last[0])

        try:
            wait_until(wanted if isinstance(wanted, str) else "the screen", look, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen is\n{last[0]}") from None
        return last[0]

    def pid(self):
        """Of the shell around the command."""
        return int(self._ask("display-message", "-p", "#{pane_pid}"))

    def ended(self):
        """The exit status of the command, once it has ended; before that None."""
        written = self._status.read_text(encoding="ascii") if self._status.exists() else ""
        return int(written) if written.endswith("\n") else None

    def wait_for_end(self, timeout=PATIENCE):
        wait_until("the end of the command", lambda: self.ended() is not None, timeout)
        return self.ended()

    def close(self):
        # It ends a little after it was told to, and is a child of the test's by then; so does what ran in it.
        server, session = map(int, self._ask("display-message", "-p", "#{pid} #{pane_pid}").split())
        subprocess.run([*self._tmux(), "kill-server"], capture_output=True, check=False, timeout=PATIENCE)
        wait_until("the end of tmux", lambda: not alive(server) and not in_session(session), PATIENCE)
        self._place.cleanup()
