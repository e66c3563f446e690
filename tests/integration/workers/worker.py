"""A web server that does on request what workers do by mistake.

It serves every socket that it got by LISTEN_FDS, says READY=1, and at SIGTERM finishes the requests
in flight and ends. Options change how it starts and stops; the target of a request makes it do
something while it runs.
"""
import os

# Before anything else can open one: what this process was born with.
BORN_WITH = {}
for _name in os.listdir("/proc/self/fd"):
    try:
        BORN_WITH[_name] = os.readlink(f"/proc/self/fd/{_name}")
    except FileNotFoundError:
        pass  # the one that listed

import argparse
import fcntl
import json
import select
import signal
import socket
import struct
import sys
import threading
import time
import urllib.parse

def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", default="1", help="what / answers, before the pid")
    parser.add_argument("--never-ready", action="store_true")
    parser.add_argument("--ready-child", action="store_true", help="a child says READY=1")
    parser.add_argument("--ready-when", help="ready once this file exists")
    parser.add_argument("--exit", type=int, help="exit status, before it is ready")
    parser.add_argument("--exit-after-ready", type=float, help="seconds until it dies with 9")
    parser.add_argument("--say", action="append", default=[], help="a line for stderr")
    parser.add_argument("--status", help="STATUS=")
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--stop-signal", default="SIGTERM")
    parser.add_argument("--linger", type=float, default=0, help="seconds from the signal to the end")
    parser.add_argument("--end-when", help="after the signal, it ends once this file exists")
    parser.add_argument("--extend", type=int, help="EXTEND_TIMEOUT_USEC= at the signal")
    parser.add_argument("--fork", type=int, default=0, help="children that ignore SIGTERM")
    parser.add_argument("--config", help="a JSON file that is read at the start and at SIGHUP; see reconfigure()")
    parser.add_argument("--marks", help="a file that gets a line for each turn in its life")
    parser.add_argument("--bind", help="a unix socket of its own, with {pid} or {replica} in its path")
    parser.add_argument("--ready-fd", help='ready by a newline on this fd, or "env": on SVC_READY_FD')
    parser.add_argument("--sick", help="while this file or FILE.PID exists, /healthz is 503 and "
                        "the watchdog hears nothing")
    return parser.parse_args()


OPTIONS = parse()


def notify(text, fds=()):
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.connect("\0" + path[1:] if path.startswith("@") else path)
        data = text if isinstance(text, bytes) else text.encode()
        if fds:
            socket.send_fds(sender, [data], list(fds))
        else:
            sender.send(data)


def mark(word):
    if OPTIONS.marks:
        with open(OPTIONS.marks, "a", encoding="utf-8") as file:
            file.write(f"{word} {os.getpid()} {time.monotonic():.6f}\n")


def inherited():
    if os.environ.get("LISTEN_PID", str(os.getpid())) != str(os.getpid()):
        return []
    return [socket.socket(fileno=3 + index) for index in range(int(os.environ.get("LISTEN_FDS", 0)))]


def fork_child():
    """A descendant that only SIGKILL ends."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    return pid


LISTENERS = inherited()


def orphan():
    """A grandchild whose parent ends at once: it becomes somebody else's to reap."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0)
        os.write(writer, str(grandchild).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return os.read(reader, 64).decode()


def is_sick():
    return bool(OPTIONS.sick) and any(map(os.path.exists, (OPTIONS.sick, f"{OPTIONS.sick}.{os.getpid()}")))


def feed_watchdog(stop):
    """Far more often than at half of the time (sd_watchdog_enabled(3)): the machine may be busy."""
    while not stop.wait(int(os.environ["WATCHDOG_USEC"]) / 20e6):
        if not is_sick():
            notify("WATCHDOG=1")


def bind_own():
    path = OPTIONS.bind.replace("{pid}", str(os.getpid())).replace("{replica}", os.environ["SVC_REPLICA"])
    if os.path.exists(path):
        os.unlink(path)
    own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    own.bind(path)
    own.listen()
    return own


MEMORY = []


def grow(mebibytes):
    MEMORY.append(b"x" * (mebibytes << 20))
    return str(os.getpid())


def backlog(listener):
    """Of a listening socket tcpi_sacked is what listen(2) was given (net/ipv4/tcp.c)."""
    information = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    return struct.unpack_from("I", information, 28)[0]


def notify_from_child(text):
    pid = os.fork()
    if pid == 0:
        notify(text)
        os._exit(0)
    os.waitpid(pid, 0)
    return "sent"


CONFIG = {}


def configure():
    """Its `version` is what / answers, and stands beside it for whoever wants to verify it."""
    with open(OPTIONS.config, encoding="utf-8") as file:
        CONFIG.clear()
        CONFIG.update(json.load(file))
    OPTIONS.version = CONFIG["version"]
    with open(f"{OPTIONS.config}.{os.environ['SVC_REPLICA']}", "w", encoding="utf-8") as file:
        file.write(OPTIONS.version)


def reconfigure():
    """At SIGHUP. `die_at`, `silent_at` and `half_at` are lists of the replicas that end over it, say nothing
    of it, or never say that it is done."""
    mark("SIGHUP")
    before = OPTIONS.version
    configure()
    replica = os.environ["SVC_REPLICA"]
    if replica in CONFIG.get("die_at", []):
        print(f"cannot do what version {OPTIONS.version} wants", file=sys.stderr, flush=True)
        os._exit(7)
    if replica in CONFIG.get("silent_at", []):
        print(f"keeps version {before}", file=sys.stderr, flush=True)
        OPTIONS.version = before
        return
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
    if replica not in CONFIG.get("half_at", []):
        notify("READY=1")


def wait_for_file(path):
    while not os.path.exists(path):
        time.sleep(0.01)


def wait_and_tell(path):
    wait_for_file(path)
    return f"{OPTIONS.version} {os.getpid()}"


def act(path, query):
    """What a request's target asks for; the body of the answer."""
    value = query.get("v", [""])[0]
    actions = {
        "/": lambda: f"{OPTIONS.version} {os.getpid()}",
        "/env": lambda: json.dumps(dict(os.environ)),
        "/fds": lambda: json.dumps(BORN_WITH),
        "/self": lambda: json.dumps({"uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
                                     "cwd": os.getcwd(), "pgid": os.getpgrp(), "sid": os.getsid(0),
                                     "argv": sys.argv, "nice": os.nice(0),
                                     "umask": os.umask(0o77) if value else None}),
        "/proc": lambda: open(f"/proc/self/{value}", encoding="utf-8").read(),
        "/until": lambda: wait_and_tell(value),
        "/exit": lambda: os._exit(int(value)),
        "/signal": lambda: str(os.kill(os.getpid(), getattr(signal, value))),
        "/say": lambda: str(print(value, file=sys.stderr, flush=True)),
        "/shutdown": lambda: str(LISTENERS[0].shutdown(socket.SHUT_RDWR)),
        "/backlog": lambda: str(backlog(LISTENERS[int(value or 0)])),
        "/listen": lambda: str(LISTENERS[0].listen(int(value))),
        "/unlink": lambda: str(os.unlink(value)),
        "/notify": lambda: str(notify(value)),
        "/notify-child": lambda: notify_from_child(value),
        "/fork": lambda: str(fork_child()),
        "/orphan": orphan,
        "/healthz": lambda: "well",
        "/grow": lambda: grow(int(value)),
        "/garbage": garbage,
        "/flood": lambda: flood(int(value)),
    }
    return actions[path]()


def garbage():
    """Datagrams that no protocol knows, and fds that nobody asked for."""
    for data in (b"\0" * 100, b"\xff\xfe=\n=\n==", b"READY", b"READY=2", b"=" * 5000, b"X=" + b"y" * 60000,
                 b"MAINPID=-1\nERRNO=99999999999999999\nEXTEND_TIMEOUT_USEC=-5", b"MAINPID=1"):
        notify(data)
    reader, writer = os.pipe()
    for _ in range(20):
        notify("STATUS=with fds", [reader, writer, reader])
    return "sent"


def flood(count):
    for index in range(count):
        notify(f"STATUS=flood {index}")
    return "sent"


def answer(connection):
    with connection:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return
            data += more
        url = urllib.parse.urlsplit(data.split()[1].decode())
        body = act(url.path, urllib.parse.parse_qs(url.query)).encode()
        status = b"503 Sick" if url.path == "/healthz" and is_sick() else b"200 OK"
        connection.sendall(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                           % (status, len(body), body))


def serve(listener, threads):
    if listener.type == socket.SOCK_DGRAM:
        data, sender = listener.recvfrom(65536)
        if sender:
            listener.sendto(f"{OPTIONS.version} {os.getpid()}".encode(), sender)
        mark("datagram " + data.decode(errors="replace"))
        return
    try:
        connection, _ = accept(listener)
    except (BlockingIOError, OSError):
        return  # another worker took it, or the listener was shut down
    connection.setblocking(True)
    if listener.type == socket.SOCK_SEQPACKET:
        with connection:
            connection.send(f"{OPTIONS.version} {os.getpid()}".encode())
        return
    thread = threading.Thread(target=answer, args=(connection,))
    thread.start()
    threads.append(thread)


def accept(listener):
    """On a blocking listener, whoever was told of a connection that another worker then took would wait for the next
    one, and no signal ends that: one worker at a time looks and takes it."""
    if not os.get_blocking(listener.fileno()):
        return listener.accept()
    with open(__file__, encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not select.select([listener], [], [], 0)[0]:
            raise BlockingIOError
        return listener.accept()


def become_ready(stop):
    while OPTIONS.ready_when and not os.path.exists(OPTIONS.ready_when) and not stop.is_set():
        stop.wait(0.01)
    if stop.is_set():
        return
    mark("ready")  # first: the stop signal may come before the next line is reached
    if OPTIONS.ready_fd:
        fd = int(os.environ["SVC_READY_FD"] if OPTIONS.ready_fd == "env" else OPTIONS.ready_fd)
        os.write(fd, b"\n")
        os.close(fd)
    else:
        notify("READY=1" + (f"\nSTATUS={OPTIONS.status}" if OPTIONS.status else ""))
    if OPTIONS.exit_after_ready is not None:
        stop.wait(OPTIONS.exit_after_ready)
        os._exit(9)


def prepare():
    mark("start")
    for line in OPTIONS.say:
        print(line, file=sys.stderr, flush=True)
    if OPTIONS.exit is not None:
        sys.exit(OPTIONS.exit)
    for _ in range(OPTIONS.fork):
        fork_child()
    if OPTIONS.ready_child:
        notify_from_child("READY=1")
    if OPTIONS.bind:
        LISTENERS.append(bind_own())


def main():
    prepare()
    stop = threading.Event()
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for name in {OPTIONS.stop_signal, "SIGTERM"}:
        signal.signal(getattr(signal, name),
                      lambda number, frame: mark(f"{signal.Signals(number).name}")
                      or (None if OPTIONS.ignore_term else stop.set()))
    if OPTIONS.config:
        configure()
        signal.signal(signal.SIGHUP, lambda number, frame: reconfigure())
    signal.signal(signal.SIGUSR2, lambda number, frame: mark("SIGUSR2"))
    threads = []
    if not OPTIONS.never_ready:
        threading.Thread(target=become_ready, args=(stop,), daemon=True).start()
    if "WATCHDOG_USEC" in os.environ:
        threading.Thread(target=feed_watchdog, args=(stop,), daemon=True).start()
    poll = select.poll()
    by_fd = {listener.fileno(): listener for listener in LISTENERS}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while not stop.is_set():
        for fd, _ in poll.poll():
            if fd == wake:
                os.read(wake, 64)
            else:
                serve(by_fd[fd], threads)
    finish(threads)


def finish(threads):
    if OPTIONS.extend:
        notify(f"EXTEND_TIMEOUT_USEC={OPTIONS.extend}")
        mark("extended")
    if OPTIONS.end_when:
        wait_for_file(OPTIONS.end_when)
    for listener in LISTENERS:
        listener.close()
    deadline = time.monotonic() + OPTIONS.linger
    for thread in threads:
        thread.join()
    time.sleep(max(0, deadline - time.monotonic()))  # what --linger asks for
    mark("end")


main()
