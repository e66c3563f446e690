"""What the manual pages show at a prompt, typed into a machine with a real systemd; and the workers that they show."""
import pathlib
import re
import shutil
import subprocess
import unittest

from machine import BUILD, main  # first: it knows where the others are
from listening import connect
from processes import wait_until
from services import PYTHON, SystemdTest, content
from sessions import Shell, same, sessions
from source_text import blocks

# The service that svc(1) speaks of, as it is before its first example.
WEB = """
mkdir -p /srv/web/2.4.0 /srv/web/2.4.1 /srv/web/2.4.2
echo 'application = print' | tee /srv/web/2.4.0/app.py > /srv/web/2.4.1/app.py
printf '%s\\n' 'import os' 'application = print' 'if "SVC_REPLICA" in os.environ: os.environ["DATABASE_URL"]' \\
    > /srv/web/2.4.2/app.py
ln -s 2.4.0 /srv/web/current
cat > /etc/svc/web.toml <<'EOF'
[service]
preset = "gunicorn"
command = ["/usr/bin/gunicorn", "app:application"]
release = "/srv/web/current"
directory = "${release}"
[[listener]]
name = "http"
address = "127.0.0.1:8001"
[rollout]
replicas = 2
EOF
systemctl start svcd@web
"""
# What svcd(8) finds in the directory that it is in.
APP = """
mkdir -p /srv/app && cd /srv/app
cp /srv/shared/example-web app
cat > app.toml <<'EOF'
[service]
command = ["/srv/app/app"]
[[listener]]
name = "http"
address = "127.0.0.1:8080"
EOF
groupadd --system deploy
useradd --system --groups deploy alice
"""


class Sessions(unittest.TestCase):

    maxDiff = None
    machine = None

    def setUp(self):
        self.shell = Shell(self.machine)
        self.addCleanup(self.shell.close)

    def prepare(self, text):
        status, printed = self.shell.run(text)
        self.assertEqual(0, status, "\n".join(printed))

    def type(self, page, section=None):
        """Each command of the sessions, whose status and output must be as they are written."""
        typed = 0
        for session in sessions(page, section):
            for command in session:
                typed += 1
                # What a job in the background says comes at any time; a reader knows whose it is.
                status, printed = self.shell.run(re.sub(r"&$", "> /dev/null 2>&1 &", command.text))
                where = f"{page}:{command.line}: $ {command.text}\n" + "\n".join(printed)
                self.assertEqual(command.status, status, where)
                if command.output and not same(command.output, printed):
                    self.assertEqual("\n".join(command.output), "\n".join(printed), where)
                if command.text.endswith("&"):
                    self.wait_for_supervisor(command.text)
        self.assertGreater(typed, 0, f"{page} has no session")

    def wait_for_supervisor(self, command):
        """A person types the next command once a supervisor that was started in the background is there."""
        where = re.search(r"--runtime-dir \S+", command)
        wait_until(f"the supervisor of: {command}", lambda: self.machine.run(
            "svc", *(where.group(0).split() if where else []), "status", "app").returncode == 0)

    def test_the_tour(self):
        self.type("svc.7")

    def test_of_svc(self):
        self.prepare(WEB)
        self.addCleanup(self.machine.run, "systemctl", "stop", "svcd@web")
        self.type("svc.1", "EXAMPLES")

    def test_of_svcd(self):
        self.prepare(APP)
        self.type("svcd.8", "EXAMPLES")


class Workers(SystemdTest):

    def block(self, beginning):
        """The text of the one example of svc-worker(7) that begins so."""
        found = [block.text for block in blocks("svc-worker.7", "EXAMPLES") if block.text.startswith(beginning)]
        self.assertEqual(1, len(found))
        return found[0]

    def ask(self, service):
        with connect(service.address()) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n")[0]

    def assert_serves(self, command):
        service = self.start(content(command, rollout={"replicas": 2}))
        self.assertEqual(b"HTTP/1.1 204 No Content", self.ask(service))
        reloaded = service.svc("reload", service.name)
        self.assertEqual(0, reloaded.returncode, reloaded.stdout + reloaded.stderr)
        self.assertEqual(b"HTTP/1.1 204 No Content", self.ask(service))
        self.assertIn("revision 2", service.status()["summary"])

    def test_the_one_in_c(self):
        source = self.machine.shared / "worker.c"
        source.write_text(self.block("#include"), encoding="utf-8")
        subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", str(source.with_suffix("")), str(source)], check=True)
        self.assert_serves(["/srv/shared/worker"])

    def test_the_one_in_python(self):
        (self.machine.shared / "page.py").write_text(self.block("import os"), encoding="utf-8")
        self.assert_serves([PYTHON, "/srv/shared/page.py"])


def use(machine):
    SystemdTest.use(machine)
    Sessions.machine = machine
    shutil.copy(pathlib.Path(BUILD) / "examples/web/example-web", machine.shared)


if __name__ == "__main__":
    main(use)
