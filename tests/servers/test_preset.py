"""A server from Debian with its preset and five lines, reloaded under load: test_preset.py NAME.

For each reload: the new process accepts connections and answers, the old one is gone, a request that was in flight was
answered whole, and no request on a new connection failed.
"""
import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from catalogue import LARGE, NGINX, SERVERS, fill, write_files  # noqa: E402
from harness import PATIENCE, QUICK, ServiceTest, alive, connect, get, hold_port, main, wait_until  # noqa: E402
from load import Load  # noqa: E402
from processes import parent  # noqa: E402

NAME = sys.argv.pop(1)
SERVER = SERVERS[NAME]
RELOADS = int(os.environ.get("SVC_TEST_RELOADS", "2" if QUICK else "5"))  # --all-servers: 20
BETWEEN = 20  # requests after a reload and before the next
# Where what was seen is written, for svc-presets(7): a line of JSON.
TABLE = os.environ.get("SVC_TEST_TABLE")


class Slow(http.server.BaseHTTPRequestHandler):
    """What haproxy stands before."""

    def do_GET(self):  # noqa: N802
        time.sleep(1)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def inodes_of(pid):
    with contextlib.suppress(OSError):
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                link = os.readlink(fd)
                if link.startswith("socket:["):
                    yield int(link[8:-1])


def owners(port, client):
    """The processes that have accepted the connection of this client's socket (its port)."""
    ends = f":{port:04X}", f":{client.getsockname()[1]:04X}"
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {int(row[9]) for row in rows if (row[1][-5:], row[2][-5:]) == ends}
    return [int(entry.name) for entry in pathlib.Path("/proc").iterdir()
            if entry.name.isdigit() and inodes - {0} & set(inodes_of(entry.name))]


def is_of(pid, worker):
    """Whether a process is the worker or descends from it."""
    with contextlib.suppress(OSError):
        while pid > 1:
            if pid == worker:
                return True
            pid = parent(pid)
    return False


def version():
    """Of the server as Debian has it: 1.22.1 of 1.22.1-9+deb12u11."""
    package = SERVER.package.split()[0]
    result = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return result.stdout.split(":")[-1].split("-")[0].split("+")[0]


class InFlight:
    """A request that is sent before a reload, and whose answer takes a second or is read slowly."""

    def __init__(self, address, target):
        self.connection = connect(address)
        self.connection.sendall(f"GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
        self.size = 0
        self.head = self.connection.recv(1024) if target == "/large" else b""

    def finish(self):
        answer = self.head + b"".join(iter(lambda: self.connection.recv(65536), b""))
        self.connection.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        whole = len(body) == LARGE if self.head else b"ok" in body
        return b" 200 " in head.split(b"\r\n")[0] and whole


class Kept(threading.Thread):
    """A connection that is used again and again until the server ends it, and how it did."""

    def __init__(self, address):
        super().__init__()
        self.connection = connect(address)
        self.ending = None
        self.first = self.ask()
        self.start()

    def ask(self):
        """The head of one answer; nothing: the connection has ended instead."""
        with contextlib.suppress(ConnectionError):
            self.connection.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            answer = b""
            while not answer.endswith((b"ok", b"ok\r\n0\r\n\r\n")):  # php-fpm's nginx sends it in chunks
                came = self.connection.recv(65536)
                if not came:
                    return None
                answer += came
            return answer.partition(b"\r\n\r\n")[0].lower()
        return None

    def run(self):
        head, used = self.first, 0
        with self.connection:
            while head and b"connection: close" not in head:
                time.sleep(0.02)  # idle for a while, as a browser's
                head = self.ask()
                used += 1
        self.ending = "announced" if head and used else "one request each" if head else "closed when idle"


@unittest.skipUnless(SERVER.installed(), f"{NAME} is not installed ({SERVER.package})")
class Preset(ServiceTest):

    def setUp(self):
        super().setUp()
        for server in [self.serve_slowly()] if "backend" in str(SERVER.files) else []:
            self.backend = "127.0.0.1:" + str(server.server_address[1])

    def serve_slowly(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def begin(self, address=None):
        """The service, at this address or at a port."""
        if not address and SERVER.by_address:
            holder = hold_port()
            self.addCleanup(holder.close)
            address = "127.0.0.1:" + str(holder.getsockname()[1])
        address = address or "127.0.0.1:0"
        url = address.replace("unix:", "unix://") if address.startswith("unix:") else "tcp://" + address
        words = {"url": url, "directory": str(self.directory), "address": address, "port": address.split(":")[1],
                 "backend": getattr(self, "backend", "")}
        write_files(SERVER, self.directory, words)
        supervisor = self.start({
            "service": {"preset": SERVER.preset or NAME, **fill(SERVER.service, words), "directory": str(self.directory),
                        "environment": {"PYTHONDONTWRITEBYTECODE": "1", **SERVER.environment}},
            "listener": [{"name": "http", "address": address}],
        })
        return supervisor

    def stand_before(self, supervisor):
        """nginx, which speaks FastCGI to the server and tries nothing twice."""
        holder = hold_port()
        self.addCleanup(holder.close)
        front = "127.0.0.1", holder.getsockname()[1]
        content = ("location / {{ fastcgi_pass {}:{}; fastcgi_next_upstream off; "
                   "fastcgi_param SCRIPT_FILENAME {}/files/index.php; fastcgi_param REQUEST_METHOD GET; "
                   "fastcgi_param REQUEST_URI $request_uri; }}").format(*supervisor.address(), self.directory)
        directory = self.directory / "front"
        directory.mkdir()
        (directory / "nginx.conf").write_text(NGINX.format(
            directory=directory, address="{}:{}".format(*front), content=content), encoding="utf-8")
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-g", "daemon off;", "-c", str(directory / "nginx.conf"), "-e",
                                  "stderr"])
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.terminate)
        wait_until("the server in front", lambda: self.answers(front))
        return front

    def answers(self, address):
        with contextlib.suppress(OSError, AssertionError):
            return get(address)
        return False

    def assert_accepts(self, supervisor, pid):
        """The worker takes a connection and answers on it."""
        address = supervisor.address()
        with connect(address) as client:
            # Not whole yet: who has accepted it holds it.
            if not SERVER.fastcgi:
                client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n")
            found = wait_until("the connection to be accepted", lambda: owners(address[1], client))
            self.assertTrue(any(is_of(one, pid) for one in found), (found, pid))
            if not SERVER.fastcgi:
                client.sendall(b"\r\n")
                answer = b"".join(iter(lambda: client.recv(65536), b""))
                self.assertIn(b" 200 ", answer.split(b"\r\n")[0], answer)

    def test_reloads_under_load(self):
        supervisor = self.begin()
        address = self.stand_before(supervisor) if SERVER.fastcgi else supervisor.address()
        cut, endings = 0, set()
        with Load(address, rate=200, keepalive=SERVER.keepalive) as load:
            for _ in range(RELOADS):
                old = supervisor.pids()[0]
                request = InFlight(address, SERVER.request)
                kept = Kept(address) if not SERVER.fastcgi else None
                if not SERVER.fastcgi:
                    wait_until("it to be accepted", lambda: owners(address[1], request.connection))
                waiting = threading.Thread(target=self.reload, args=(supervisor,))
                waiting.start()
                cut += not request.finish()
                waiting.join()
                new = supervisor.pids()[0]
                self.assertNotEqual(old, new)
                wait_until("the old process to be gone", lambda old=old: not alive(old))
                if kept:
                    kept.join()
                    endings.add(kept.ending)
                self.assert_accepts(supervisor, new)
                done = load.count()["requests"]
                wait_until("more requests", lambda done=done: load.count()["requests"] > done + BETWEEN)
        self.write(load.report, cut, endings)
        load.assert_no_failure(self, idle_closes_allowed=True)
        self.assertEqual(0, cut, "requests in flight were cut")

    @unittest.skipIf("{port}" in str(SERVER.files), "its configuration is one for a port")
    def test_a_unix_socket_keeps_its_path(self):
        path = f"{self.directory}/web.sock"
        supervisor = self.begin(f"unix:{path}")
        for _ in range(2):
            old = supervisor.pids()[0]
            self.reload(supervisor)
            # It may have removed the path at its end, as if it were its own.
            wait_until("the old process to be gone", lambda old=old: not alive(old))
            wait_until("the path", lambda: os.path.exists(path))
            self.assertIn("ok", get(path))

    def write(self, report, cut, endings):
        new, kept = report["new"], report["keep_alive"]
        row = {"server": NAME, "reloads": RELOADS, "new": new["succeeded"],
               "new_failed": new["failed"] - new["failures"]["not_sent"],  # the client was too busy to send these
               "kept": kept["succeeded"], "kept_failed": kept["failed"],
               "idle_closes": new["failures"]["idle_close_race"] + kept["failures"]["idle_close_race"],
               "in_flight_cut": cut, "version": version(),
               "endings": sorted(endings)}
        print(json.dumps(row))
        if TABLE and not SERVER.preset:
            with open(TABLE, "a", encoding="utf-8") as table:
                table.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
