#!/usr/bin/env python3
"""What a keeper takes for a supervisor: does what the test tells it over a unix socket, one JSON object a
line each way. Its first line says what it was started with."""
import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys

SIGNALS = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}


def name_of(fd):
    return os.readlink(f"/proc/self/fd/{fd}")


def given():
    """The fds that were passed, as [name, what it is]."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    names = os.environ["LISTEN_FDNAMES"].split(":")
    assert len(names) == int(os.environ["LISTEN_FDS"])
    assert all(not fcntl.fcntl(fd, fcntl.F_GETFD) for fd in range(3, 3 + len(names)))
    return [[name, name_of(fd)] for fd, name in enumerate(names, 3)]


class Kept:
    def __init__(self, test):
        self.pid = os.getpid()
        self.passed = given()
        self.open = sorted(int(fd) for fd in os.listdir("/proc/self/fd")
                           if os.path.exists(f"/proc/self/fd/{fd}"))
        self.test = socket.socket(socket.AF_UNIX)
        self.test.connect(test)
        # Two: a text file that is written to forgets what it has read ahead.
        self.requests, self.answers = self.test.makefile("r"), self.test.makefile("w")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
        self.kept = {}

    def hello(self):
        return {"pid": os.getpid(), "parent": os.getppid(), "group": os.getpgrp(), "fds": self.passed,
                "open": self.open, "arguments": sys.argv[2:], "environment": dict(os.environ),
                "soft": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
                "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
                "pending": sorted(signal.sigpending())}

    def say(self, text, fds=()):
        socket.send_fds(self.manager, [text.encode()], list(fds))

    def store(self, names):
        """A file of its own for each name; returns what each of them is."""
        for name in names:
            fd = os.memfd_create(name)
            self.say(f"FDSTORE=1\nFDNAME={name}\nFDPOLL=0", [fd])
            os.close(fd)
        return self.barrier()

    def remove(self, name):
        self.say(f"FDSTOREREMOVE=1\nFDNAME={name}")

    def barrier(self):
        reading, writing = os.pipe()
        self.say("BARRIER=1", [writing])
        os.close(writing)
        answered = bool(select.select([reading], [], [], 10)[0]) and os.read(reading, 1) == b""
        os.close(reading)
        return answered

    def signals(self, until):
        """The signals that came up to and with this one, in their order."""
        seen = []
        while not seen or seen[-1] != until:
            info = signal.sigtimedwait(SIGNALS, 10)
            seen.append(info.si_signo if info else None)
            if info is None:
                break
        return seen

    def pending(self):
        return sorted(signal.sigpending())

    def stranger(self, text):
        """Another process says it in our name."""
        child = os.fork()
        if child == 0:
            self.say(text, [0] if "FDSTORE=1" in text else [])
            os._exit(0)
        os.waitpid(child, 0)
        return child

    def orphans(self, seconds):
        """A grandchild that ends with us still there, and one that goes on; their pids."""
        reading, writing = os.pipe()
        if os.fork() == 0:
            for time in (0, seconds):
                pid = os.fork()
                if pid == 0:
                    signal.pthread_sigmask(signal.SIG_SETMASK, [])
                    os.execvp("sleep", ["sleep", str(time)])
                os.write(writing, f"{pid}\n".encode())
            os._exit(0)
        os.close(writing)
        os.wait()
        with os.fdopen(reading) as pids:
            return [int(line) for line in pids]

    def write(self, text):
        return os.write(2, text.encode())

    def exit(self, status):
        os._exit(status)

    def kill(self, number):
        os.kill(os.getpid(), number)

    def serve(self):
        self.answer(self.hello())
        for line in self.requests:
            request = json.loads(line)
            self.answer(getattr(self, request[0])(*request[1:]))

    def answer(self, value):
        self.answers.write(json.dumps(value) + "\n")
        self.answers.flush()


kept = Kept(sys.argv[1])
try:
    kept.serve()
except BrokenPipeError:
    pass
