"""Debian's nginx, which knows no LISTEN_FDS and cannot notify, reloaded under load."""
import os
import pathlib
import shutil
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import QUICK, ServiceTest, alive, main, wait_until  # noqa: E402
from load import Load  # noqa: E402

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 "$pid"; }}
    }}
}}
"""


def free_port():
    """nginx knows an inherited socket by its address, so the configuration must have the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def parent(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(stat.rsplit(")", 1)[1].split()[1])


@unittest.skipUnless(NGINX, "nginx is not installed")
class Nginx(ServiceTest):

    def test_reloads_under_load_lose_no_new_connection(self):
        port = free_port()
        configuration = self.directory / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(directory=self.directory, port=port),
                                 encoding="utf-8")
        command = [NGINX, "-c", str(configuration), "-e", "stderr"]
        supervisor = self.start({
            "service": {"command": command, "check": [*command, "-t"], "inputs": [str(configuration)],
                        "environment": {"NGINX": "3;"}},
            "listener": [{"name": "http", "address": f"127.0.0.1:{port}"}],
            "ready": {"on": "started", "delay": "200ms"},
            "stop": {"signal": "SIGQUIT", "grace": "20s"},
        })
        address = ("127.0.0.1", port)
        with Load(address, rate=300, keepalive=4) as load:
            for _ in range(3 if QUICK else 10):
                old = supervisor.pids()[0]
                self.reload(supervisor)
                new = supervisor.pids()[0]
                self.assertNotEqual(old, new)
                wait_until("the old master to be gone", lambda old=old: not alive(old))
                self.assertEqual(new, parent(int(supervisor.get())))
        load.assert_no_failure(self, idle_closes_allowed=True)

    def test_a_configuration_that_nginx_refuses_is_not_deployed(self):
        port = free_port()
        configuration = self.directory / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(directory=self.directory, port=port),
                                 encoding="utf-8")
        command = [NGINX, "-c", str(configuration), "-e", "stderr"]
        supervisor = self.start({
            "service": {"command": command, "check": [*command, "-t"],
                        "environment": {"NGINX": "3;"}},
            "listener": [{"name": "http", "address": f"127.0.0.1:{port}"}],
            "ready": {"on": "started", "delay": "200ms"}, "stop": {"signal": "SIGQUIT"},
        })
        before = supervisor.pids()
        configuration.write_text("no_such_directive on;\n", encoding="utf-8")
        result = supervisor.svc("reload")
        self.assertEqual(1, result.returncode)
        self.assertIn("no_such_directive", result.stdout + result.stderr)
        self.assertEqual(before, supervisor.pids())
        os.kill(before[0], 0)


if __name__ == "__main__":
    main()
