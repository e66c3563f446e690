"""Debian's gunicorn, over LISTEN_FDS and sd_notify, reloaded under load."""
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import QUICK, ServiceTest, alive, main, wait_until  # noqa: E402
from load import Load  # noqa: E402

GUNICORN = shutil.which("gunicorn", path="/usr/bin")

APPLICATION = """
import os

def application(environ, start_response):
    body = str(os.getppid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


@unittest.skipUnless(GUNICORN, "gunicorn is not installed")
class Gunicorn(ServiceTest):

    def test_reloads_under_load_lose_no_connection(self):
        (self.directory / "web.py").write_text(APPLICATION, encoding="utf-8")
        supervisor = self.start({
            "service": {"command": [GUNICORN, "--workers", "2", "--worker-tmp-dir", "/dev/shm",
                                    "web:application"],
                        "directory": str(self.directory),
                        "environment": {"PYTHONDONTWRITEBYTECODE": "1"}},
            "listener": [{"name": "http", "address": "127.0.0.1:0"}],
            "stop": {"grace": "60s"},
        })
        with Load(supervisor.address(), rate=100, keepalive=0) as load:
            for _ in range(2 if QUICK else 5):
                old = supervisor.pids()[0]
                self.reload(supervisor)
                new = supervisor.pids()[0]
                self.assertNotEqual(old, new)
                wait_until("the old arbiter to be gone", lambda old=old: not alive(old))
                self.assertEqual(str(new), supervisor.get())
        load.assert_no_failure(self)


if __name__ == "__main__":
    main()
