"""Node's own process.send('ready'), as pm2's wait_ready has it, and its cluster. With on = "accepting": test_preset.py."""
import shutil
import sys
import unittest
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import QUICK, ServiceTest, alive, get, main, wait_until  # noqa: E402
from load import Load  # noqa: E402
from processes import parent  # noqa: E402

NODE = shutil.which("node", path="/usr/bin:/usr/local/bin")
RELOADS = 2 if QUICK else 5

# What somebody has who runs it under pm2: nothing in it knows of svc. A word that does not arrive ends it.
APPLICATION = """
const http = require("http");
const { setTimeout: later } = require("timers/promises");
process.on("disconnect", () => { console.error("the channel is closed"); process.exit(3); });
async function main() {
  const server = http.createServer((request, response) => response.end(`${process.pid}`));
  await later(300);
  await new Promise((done) => server.listen({ fd: 3 }, done));
  await later(300);
  setInterval(() => process.send({ topic: "metrics", text: "ready ".repeat(200) }), 10);
  process.send("ready");
  process.on("SIGTERM", () => server.close(() => process.exit(0)));
}
main();
"""
# The primary has the channel and the socket; its workers ask it for both of theirs.
CLUSTER = """
const cluster = require("cluster");
const http = require("http");
const count = 2;
if (cluster.isPrimary) {
  let listening = 0;
  for (let i = 0; i < count; ++i)
    cluster.fork().once("listening", () => { if (++listening == count && process.send) process.send("ready"); });
  process.on("SIGTERM", () => cluster.disconnect(() => process.exit(0)));
} else {
  http.createServer((request, response) => response.end(`${process.pid}`)).listen({ fd: 3 });
}
"""


@unittest.skipUnless(NODE, "node is not installed (nodejs)")
class Node(ServiceTest):

    def begin(self, application, **ready):
        program = self.directory / "app.js"
        program.write_text(application, encoding="utf-8")
        return self.start({
            "service": {"preset": "node", "command": [NODE, str(program)]},
            "listener": [{"name": "http", "address": "127.0.0.1:0"}],
            "ready": ready,
        })

    def reload_under_load(self, supervisor, is_of, keepalive):
        with Load(supervisor.address(), rate=100, keepalive=keepalive) as load:
            for _ in range(RELOADS):
                (old,) = supervisor.pids()
                self.reload(supervisor)
                (new,) = supervisor.pids()
                self.assertNotEqual(old, new)
                wait_until("the old process to be gone", lambda old=old: not alive(old))
                self.assertTrue(is_of(int(get(supervisor.address())), new))
        load.assert_no_failure(self, idle_closes_allowed=True)

    def test_an_application_that_sends_ready_and_more(self):
        supervisor = self.begin(APPLICATION, on="ipc")
        self.reload_under_load(supervisor, lambda answering, worker: answering == worker, keepalive=4)
        (pid,) = supervisor.pids()
        supervisor.die()
        supervisor.succeed()
        self.assertEqual([pid], supervisor.pids("available"))
        self.reload_under_load(supervisor, lambda answering, worker: answering == worker, keepalive=4)

    def test_an_application_that_never_sends_it_is_taken_back(self):
        supervisor = self.begin(APPLICATION, on="ipc")
        (pid,) = supervisor.pids()
        (self.directory / "app.js").write_text(APPLICATION.replace('send("ready")', 'send("steady")'), encoding="utf-8")
        supervisor.write(supervisor.file.read_text().replace('on = "ipc"', 'on = "ipc"\ntimeout = "2s"'))
        result = supervisor.svc("reload")
        self.assertEqual(1, result.returncode)
        self.assertIn("was not ready within 2s", result.stdout + result.stderr)
        self.assertEqual([pid], supervisor.pids("available"))

    def test_a_cluster_that_says_ready_by_its_primary(self):
        self.reload_under_load(self.begin(CLUSTER, on="ipc"), lambda answering, worker: parent(answering) == worker, 0)

    def test_a_cluster_that_is_seen_to_accept(self):
        self.reload_under_load(self.begin(CLUSTER, on="accepting"), lambda answering, worker: parent(answering) == worker, 0)


if __name__ == "__main__":
    main()
