"""A Plack application under Starlet, which was written for Server::Starter, reloaded under load."""
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import QUICK, ServiceTest, alive, main, wait_until  # noqa: E402
from load import Load  # noqa: E402

PLACKUP = shutil.which("plackup", path="/usr/bin:/usr/local/bin")
APPLICATION = """
my $generation = $ENV{SERVER_STARTER_GENERATION};
sub {
    my $text = getppid() . " $generation";
    [200, ["Content-Type" => "text/plain", "Content-Length" => length($text)], [$text]];
};
"""


def has_starlet():
    return PLACKUP and subprocess.run(["perl", "-MPlack::Handler::Starlet", "-e", "1"],
                                      capture_output=True, check=False).returncode == 0


@unittest.skipUnless(has_starlet(), "Starlet is not installed")
class Starlet(ServiceTest):

    def test_reloads_under_load_lose_no_connection(self):
        (self.directory / "app.psgi").write_text(APPLICATION, encoding="utf-8")
        supervisor = self.start({
            "service": {"command": [PLACKUP, "-s", "Starlet", "-E", "production", "--max-workers", "2",
                                    "--spawn-interval", "0", "app.psgi"],
                        "directory": str(self.directory), "protocol": ["server-starter"]},
            "listener": [{"name": "http", "address": "127.0.0.1:0"}],
            "ready": {"on": "started", "delay": "1s"},
            "stop": {"grace": "60s"},
        })
        with Load(supervisor.address(), rate=100, keepalive=0) as load:
            for _ in range(2 if QUICK else 5):
                old = supervisor.pids()[0]
                self.reload(supervisor)
                new = supervisor.pids()[0]
                wait_until("the old parent to be gone", lambda old=old: not alive(old))
                self.assertEqual(f"{new} {supervisor.status()['revision']}", supervisor.get())
        load.assert_no_failure(self)


if __name__ == "__main__":
    main()
