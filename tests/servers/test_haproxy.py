"""Debian's haproxy, which takes a socket by its number and says READY=1, reloaded under load."""
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import QUICK, ServiceTest, alive, main, wait_until  # noqa: E402
from load import Load  # noqa: E402
from processes import parent  # noqa: E402

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")

CONFIGURATION = """
global
    maxconn 1000
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend web
    bind "fd@${FD_WEB}"
    http-request return status 200 content-type text/plain lf-string "%pid"
"""


@unittest.skipUnless(HAPROXY, "haproxy is not installed")
class Haproxy(ServiceTest):

    def test_reloads_under_load_lose_no_new_connection(self):
        configuration = self.directory / "haproxy.cfg"
        configuration.write_text(CONFIGURATION, encoding="utf-8")
        supervisor = self.start({
            "service": {"command": [HAPROXY, "-Ws", "-f", str(configuration)], "protocol": [],
                        "environment": {"FD_WEB": "{fd:http}"}, "inputs": [str(configuration)]},
            "listener": [{"name": "http", "address": "127.0.0.1:0", "nonblock": True}],
            "stop": {"signal": "SIGUSR1", "grace": "60s"},
        })
        with Load(supervisor.address(), rate=300, keepalive=4) as load:
            for _ in range(3 if QUICK else 10):
                old = supervisor.pids()[0]
                self.reload(supervisor)
                new = supervisor.pids()[0]
                self.assertNotEqual(old, new)
                wait_until("the old master to be gone", lambda old=old: not alive(old))
                self.assertEqual(new, parent(int(supervisor.get())))
        load.assert_no_failure(self, idle_closes_allowed=True)


if __name__ == "__main__":
    main()
