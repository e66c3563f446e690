"""Hooks that write down when they ran and what they knew: what the tests of hooks share."""
import contextlib
import http.server
import json
import threading

import example_web
from harness import PATIENCE, alive, wait_until, worker


class HookTest(example_web.ExampleWebTest):

    def setUp(self):
        super().setUp()
        self.book = self.directory / "hooks"

    @contextlib.contextmanager
    def apart(self, name):
        """With a book of its own."""
        book = self.book
        with super().apart(name) as directory:
            self.book = directory / "hooks"
            try:
                yield directory
            finally:
                self.book = book

    def hook(self, name, *options, **keys):
        command = worker(str(self.book), name, *options, program="hook.py")
        if name == "post_stop":  # the only one that has a deadline by itself
            keys = {"timeout": "60s", **keys}
        return {"exec": command, **keys}

    def told(self, name, **known):
        """What each run of that hook with these variables knew."""
        if not self.book.exists():
            return []
        # What stands after the last newline is not written to its end yet.
        entries = map(json.loads, self.book.read_text(encoding="utf-8").split("\n")[:-1])
        return [entry for entry in entries if entry["name"] == name
                and all(entry.get(key) == str(value) for key, value in known.items())]

    def wait_for_hook(self, name, **known):
        return wait_until(f"the hook {name}", lambda: self.told(name, **known))[0]

    def gone(self, name):
        for entry in self.told(name):
            wait_until("the hook's end", lambda pid=entry["pid"]: not alive(pid))

    def refused_reload(self, supervisor, *options):
        result = supervisor.svc("reload", *options, timeout=PATIENCE)
        self.assertEqual(1, result.returncode, result.stdout + result.stderr)
        return result.stdout + result.stderr


class Answering:
    """An HTTP server for hooks: .seen are method and target of each request, .status what it answers."""

    def __init__(self, status=200):
        self.status, self.seen = status, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                outer.seen.append((self.command, self.path))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def url(self, target):
        return "http://127.0.0.1:{}{}".format(self.server.server_address[1], target)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
