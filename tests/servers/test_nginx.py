"""Debian's nginx: a configuration that it refuses, and its own reload. How it is replaced: test_preset.py."""
import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from catalogue import NGINX as CONFIGURATION, SERVERS  # noqa: E402
from harness import ServiceTest, hold_port, main  # noqa: E402
from load import Load  # noqa: E402
from processes import parent  # noqa: E402

NGINX = SERVERS["nginx"].installed()


@unittest.skipUnless(NGINX, "nginx is not installed")
class Nginx(ServiceTest):

    def free_port(self):
        """nginx knows an inherited socket by its address, so the configuration must have the port."""
        holder = hold_port()
        self.addCleanup(holder.close)
        return holder.getsockname()[1]

    def configuration(self, port, version):
        content = 'location = / { return 200 "$pid"; } ' + f"location = /version-{version} {{ return 204; }}"
        return CONFIGURATION.format(directory=self.directory, address=f"127.0.0.1:{port}", content=content)

    def test_a_configuration_that_nginx_refuses_is_not_deployed(self):
        port = self.free_port()
        configuration = self.directory / "nginx.conf"
        configuration.write_text(self.configuration(port, 1), encoding="utf-8")
        command = [NGINX, "-g", "daemon off;", "-c", str(configuration), "-e", "stderr"]
        supervisor = self.start({
            "service": {"preset": "nginx", "command": command},
            "listener": [{"name": "http", "address": f"127.0.0.1:{port}"}],
        })
        before = supervisor.pids()
        configuration.write_text("no_such_directive on;\n", encoding="utf-8")
        result = supervisor.svc("reload")
        self.assertEqual(1, result.returncode)
        self.assertIn("no_such_directive", result.stdout + result.stderr)
        self.assertEqual(before, supervisor.pids())
        os.kill(before[0], 0)

    def test_it_reloads_in_place_and_goes_back_from_what_it_does_not_take(self):
        port = self.free_port()
        configuration = self.directory / "nginx.conf"
        good = self.directory / "good.conf"
        command = [NGINX, "-g", "daemon off;", "-c", str(configuration), "-e", "stderr"]

        def deploy(version, text=None, timeout="60s"):
            configuration.write_text(text or self.configuration(port, version), encoding="utf-8")
            revert = f"cp {good} {configuration} && kill -HUP $SVC_WORKER_PID"
            return {
                "service": {"preset": "nginx", "command": command, "check": []},
                "listener": [{"name": "http", "address": f"127.0.0.1:{port}"}],
                "ready": {"timeout": timeout},
                "rollout": {"strategy": "in-place", "in_place": {
                    "reload": {"signal": "HUP"}, "revert": {"exec": ["/bin/sh", "-c", revert]},
                    "verify": {"http": f"http://127.0.0.1:{port}/version-{version}"}}},
            }

        supervisor = self.start(deploy(1))
        (master,) = supervisor.pids()
        with Load(("127.0.0.1", port), rate=300, keepalive=4) as load:
            for version in 2, 3:
                supervisor.write(deploy(version))
                self.reload(supervisor)
                self.assertEqual([master], supervisor.pids("available"))
            shutil.copy(configuration, good)
            supervisor.write(deploy(4, "no_such_directive on;\n", timeout="5s"))
            result = supervisor.svc("reload")
            said = result.stdout + result.stderr
            self.assertEqual(1, result.returncode, said)
            self.assertIn("it was not verified within 5s", said)
            supervisor.wait_log("no_such_directive")
            self.assertEqual([master], supervisor.pids("available"))
        load.assert_no_failure(self, idle_closes_allowed=True)
        self.assertEqual(master, parent(int(supervisor.get())))


if __name__ == "__main__":
    main()
