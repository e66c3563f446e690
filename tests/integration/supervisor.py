"""One svcd under test: its life, its service manager, its story, its control socket."""
import contextlib
import fcntl
import itertools
import math
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

from listening import get, split_address
from processes import PATIENCE, stop_now, wait_until
from service_file import toml
from varlink import Connection, call

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SVC_BUILD", SOURCE / "build"))
SVCD = BUILD / "src/svcd/front/svcd"
SVC = BUILD / "src/svc/svc"


class Manager:
    """The service manager's side of NOTIFY_SOCKET, with systemd's store of fds."""

    def __init__(self, path):
        self.path = path
        self.messages = []
        self.stored = {}  # by name
        self._changed = threading.Condition()
        self._marks = itertools.count(1)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        path.unlink(missing_ok=True)  # a test starts a second supervisor of the same name
        self._socket.bind(str(path))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(OSError):
            while True:
                datagram, fds, _, _ = socket.recv_fds(self._socket, 65536, 8)
                if not datagram:  # shut down
                    break
                lines = datagram.decode(errors="replace").splitlines()
                with self._changed:
                    self._keep(lines, fds)
                    self.messages += lines
                    self._changed.notify_all()

    def _keep(self, lines, fds):
        name = next((line.removeprefix("FDNAME=") for line in lines if line.startswith("FDNAME=")), "")
        if "FDSTORE=1" in lines:
            assert name not in self.stored, f"{name} is stored twice"
            self.stored[name] = fds.pop()
        if "FDSTOREREMOVE=1" in lines and name in self.stored:
            os.close(self.stored.pop(name))
        for fd in fds:  # of a BARRIER=1: closing it is the answer
            os.close(fd)

    @contextlib.contextmanager
    def busy(self):
        """It reads nothing meanwhile, and its queue is full."""
        with self._changed, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            with contextlib.suppress(BlockingIOError):
                while True:
                    sender.sendto(b"of another unit", str(self.path))
            yield

    def forget(self):
        """As a manager that keeps nothing."""
        with self._changed:
            while self.stored:
                os.close(self.stored.popitem()[1])

    def lose(self, name):
        with self._changed:
            os.close(self.stored.pop(name))

    def passed(self):
        """Popen's options that give a process what is in the store, as systemd does."""
        with self._changed:
            names = list(self.stored)
            numbers = range(3, 3 + len(names))
            # Out of the way of the numbers that they are to have.
            copies = [fcntl.fcntl(self.stored[name], fcntl.F_DUPFD_CLOEXEC, 3 + len(names)) for name in names]

        def place():
            for number, copy in zip(numbers, copies):
                os.dup2(copy, number)

        listening = {"LISTEN_FDS": str(len(names)), "LISTEN_FDNAMES": ":".join(names)} if names else {}
        return listening, place, copies, numbers

    def mark(self):
        """The number of lines that were said so far, those that nobody has read yet among them."""
        word = f"mark {next(self._marks)};"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(word.encode(), str(self.path))
        return self.wait_for(word)

    def wait_for(self, word, timeout=PATIENCE, after=0, alive=lambda: True):
        """Waits for a line that starts with `word` after the first `after` ones; returns the
        number of lines up to and with it."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                ended = not alive()
                if ended:
                    self.mark()  # its last words
                for index in range(after, len(self.messages)):
                    if self.messages[index].startswith(word):
                        return index + 1
                left = deadline - time.monotonic()
                if left <= 0 or ended:
                    raise AssertionError(f"no {word} from the supervisor in {timeout:g} s; it said "
                                         f"{self.messages[after:]}")
                self._changed.wait(min(left, 0.2))

    def close(self):
        # The reader first: about to read from a number that is closed and given to the next socket, it
        # would take that one's messages.
        with contextlib.suppress(OSError):  # closed before
            self._socket.shutdown(socket.SHUT_RD)
        self._reader.join()
        self._socket.close()
        self.forget()


def events_after(connection, sequence, follow=False):
    for event in connection.stream("Events", {"since": sequence, "follow": follow}):
        if event:  # the end of the stream carries none
            yield event


class EventStream:
    """Follows the service's story from its first event that is still kept. Whoever looks at what was told (.seen,
    .of(), .last) sees all that had happened until then; .wait_for() waits for what has not."""

    def __init__(self, control):
        self._control = control
        self._seen = []
        self._changed = threading.Condition()
        self._ended = False
        self._connection = Connection(control)
        self._seen += events_after(self._connection, 0)
        self._connection.socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(OSError, EOFError, ValueError):
            for event in events_after(self._connection, self._newest(), follow=True):
                with self._changed:
                    self._seen.append(event)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _newest(self):
        with self._changed:
            return self._seen[-1]["sequence"] if self._seen else 0

    def _catch_up(self):
        """Until all has come that has happened by now: up to what a connection of its own is told, or to the end
        where there is nobody any more to ask."""
        newest = math.inf
        with contextlib.suppress(OSError, EOFError), Connection(self._control) as asking:
            newest = max([event["sequence"] for event in events_after(asking, self._newest())], default=0)
        with self._changed:
            if not self._changed.wait_for(lambda: self._ended or self._newest() >= newest, PATIENCE):
                raise AssertionError("the events do not come up to now; there were:\n" + "\n".join(self._lines()))

    def wait_for(self, kind, condition=lambda event: True, timeout=PATIENCE, after=0):
        """The first event of this kind with a sequence number over `after` that meets the
        condition."""
        deadline = time.monotonic() + timeout
        looked_at = 0
        with self._changed:
            while True:
                for event in self._seen[looked_at:]:
                    if event["kind"] == kind and event["sequence"] > after and condition(event):
                        return event
                looked_at = len(self._seen)
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    raise AssertionError(f"waited {timeout:g} s for event {kind}; there were:\n" +
                                         "\n".join(self._lines()))
                self._changed.wait(left)

    @property
    def seen(self):
        self._catch_up()
        with self._changed:
            return list(self._seen)

    @property
    def last(self):
        self._catch_up()
        return self._newest()

    def of(self, kind):
        return [event for event in self.seen if event["kind"] == kind]

    def lines(self):
        self._catch_up()
        return self._lines()

    def _lines(self):
        return [f"  {event['sequence']} {event['kind']}: {event['text']}" for event in self._seen]

    def close(self):
        with contextlib.suppress(OSError):
            self._connection.socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._connection.close()


class Supervisor:
    """One svcd in a directory of its own."""

    def __init__(self, directory, content, name="web", arguments=(), environment=None, prefix=()):
        self.directory = pathlib.Path(directory)
        self.name = name
        self.file = self.directory / f"{name}.toml"
        self.runtime = self.directory / "run"
        self.state = self.directory / "state"
        self.control = self.runtime / name / "control"
        self.log_path = self.directory / f"{name}.log"
        self.manager = Manager(self.directory / f"{name}.manager")
        self.environment = {**os.environ, "NOTIFY_SOCKET": str(self.manager.path),
                            "SVC_RUNTIME_DIR": str(self.runtime), **(environment or {})}
        self.arguments = [*map(str, prefix), str(SVCD), "--name", name, "--runtime-dir",
                          str(self.runtime), "--state-dir", str(self.state), *map(str, arguments)]
        self.process = None
        self._events = None
        self.write(content)

    # Life ------------------------------------------------------------------------------------------

    def write(self, content):
        """Puts a service file in place in one step, as an editor does."""
        text = content if isinstance(content, str) else toml(content)
        new = self.file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.rename(self.file)

    def spawn(self, **options):
        """Starts svcd, to which nothing is passed; `options` are Popen's."""
        self.manager.forget()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.arguments, str(self.file)], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env=self.environment, **options)
        return self

    def succeed(self, **options):
        """Starts the next svcd after one that ended, with what that left in the store."""
        listening, place, copies, numbers = self.manager.passed()
        environment = {**self.environment, **listening, **options.pop("environment", {})}
        # LISTEN_PID is known after the fork only, and Popen has made the environment by then.
        wrapped = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *self.arguments, str(self.file)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(wrapped, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env=environment, preexec_fn=place, pass_fds=numbers, **options)
        for copy in copies:
            os.close(copy)
        return self

    def drop_events(self):
        """Of one whose connection is at its end, or is going to be."""
        if self._events:
            self._events.close()
            self._events = None

    def die(self):
        """kill -9; until it is reaped."""
        self.drop_events()
        self.process.kill()
        self.process.wait()

    def start(self, timeout=PATIENCE):
        """Starts svcd and waits until it told its manager that the service is ready."""
        said = self.manager.mark()
        self.spawn()
        self.manager.wait_for("READY=1", timeout, said, alive=lambda: self.process.poll() is None)
        return self

    @property
    def pid(self):
        return self.process.pid

    def wait(self, timeout=PATIENCE):
        """The exit status of svcd, which ends by itself."""
        return self.process.wait(timeout)

    def signal(self, number):
        os.kill(self.process.pid, number)

    @contextlib.contextmanager
    def frozen(self):
        """It does nothing meanwhile: whatever happens is seen by it as one, and nothing of its comes in between."""
        stop_now(self.pid)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def stop(self, timeout=PATIENCE):
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def close(self):
        """After a test: ends what still runs, hard."""
        if self._events:
            self._events.close()
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGQUIT)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.manager.close()

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, text):
        """Until the log has this. What a worker writes comes there through the supervisor."""
        wait_until(f"{text!r} in the log", lambda: text in self.log)

    # Talk ------------------------------------------------------------------------------------------

    def svc(self, *arguments, timeout=PATIENCE, user=None, environment=None):
        """Runs `svc …` to its end, perhaps as another uid; .returncode, .stdout and .stderr."""
        return subprocess.run([str(SVC), *map(str, arguments)], text=True,
                              env={**self.environment, **(environment or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
                              **({"user": user, "group": user, "extra_groups": []} if user else {}))

    def start_svc(self, *arguments):
        """Starts `svc …` and does not wait for it."""
        return subprocess.Popen([str(SVC), *map(str, arguments)], env=self.environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def call(self, method, parameters=None, timeout=PATIENCE):
        """One Varlink call without `more`: its reply's parameters."""
        return call(self.control, method, parameters, timeout)

    def status(self, **asked):
        return self.call("Status", asked)

    @property
    def events(self):
        if self._events is None:
            self._events = EventStream(self.control)
        return self._events

    def wait_status(self, what, condition, timeout=PATIENCE):
        """Polls the status until the condition holds; returns that status."""
        def met():
            status = self.status()
            return status if condition(status) else None
        return wait_until(what, met, timeout)

    def wait_for_revision(self, number):
        """Until no worker of another revision is left. A verdict comes before the old workers have
        ended: until then they may take a request that waits."""
        return self.wait_status(f"revision {number} alone", lambda status: status["revision"] == number
                                and {entry["revision"] for entry in status["workers"]} == {number})

    def events_when_up(self):
        """The events of a supervisor that was only spawned: as soon as it takes connections."""
        def connected():
            with contextlib.suppress(OSError):
                return self.events
        return wait_until("the control socket", connected)

    # Facts -----------------------------------------------------------------------------------------

    def workers(self, *states):
        return [entry for entry in self.status()["workers"] if not states or entry["state"] in states]

    def pids(self, *states):
        return [entry["pid"] for entry in self.workers(*states)]

    def address(self, listener="http"):
        """Where a listener is bound: ("127.0.0.1", 40123), or a unix path."""
        for entry in self.status()["listeners"]:
            if entry["name"] == listener:
                return split_address(entry["address"])
        raise AssertionError(f"no listener {listener}")

    def get(self, target="/", listener="http", timeout=PATIENCE):
        """One HTTP request over a connection of its own: the body of the answer."""
        return get(self.address(listener), target, timeout)
