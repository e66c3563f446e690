"""What clients see of an upgrade of the supervisor."""
import json
import shutil
import signal

from following import GOING_ON, ClientTest, Lines
from harness import Connection, main, require_root, service, worker
from supervisor import BUILD, SVCD


class Upgrade(ClientTest):

    def begin_copy(self, *options, **tables):
        """As begin(), with an svcd of its own that can be replaced by another one."""
        supervisor = self.make(service(**tables))
        self.program = self.directory / "svcd"
        shutil.copy(SVCD, self.program)
        supervisor.arguments[supervisor.arguments.index(str(SVCD))] = str(self.program)
        supervisor.environment["SVC_LAUNCH"] = str(BUILD / "src/launch/svc-launch")
        supervisor.start()
        self.flag = self.directory / "flag"
        supervisor.write(service(worker("--version", "2", "--ready-when", self.flag, *options), **tables))
        return supervisor

    def test_everybody_who_waits_goes_on(self):
        supervisor = self.begin(rollout={"replicas": 2})
        events = Lines(supervisor.start_svc("events", "--follow", "--json"))
        lines = self.waiting_reload(supervisor)
        pids = supervisor.pids()
        result = supervisor.svc("upgrade")
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        self.assertRegex(result.stdout, rf"^web: supervisor upgraded \(pid {supervisor.pid} as before, "
                                        r"3 workers untouched\), in \d+\.\d\ds\n$")
        self.assertEqual(2, supervisor.status()["generation"])
        self.assertEqual(pids, supervisor.pids())
        self.flag.touch()
        self.assertEqual((0, ""), lines.end())
        self.assertNotIn(GOING_ON, "".join(lines.seen))  # its connection did not even end
        last = json.loads(supervisor.svc("events", "--json").stdout.splitlines()[-1])["sequence"]
        events.wait_for(f'"sequence":{last},')
        events.process.send_signal(signal.SIGINT)
        self.assertEqual((130, ""), events.end())
        seen = [json.loads(line)["sequence"] for line in events.seen]
        self.assertEqual(list(range(1, len(seen) + 1)), seen)

    def test_connections_of_any_client_go_on(self):
        supervisor = self.begin(rollout={"replicas": 2})
        half, waiting, quiet, stream = (Connection(supervisor.control) for _ in range(4))
        for connection in half, waiting, quiet, stream:
            self.addCleanup(connection.close)
        stream.send("Events", {"follow": True}, more=True)
        first = stream.reply()["parameters"]["sequence"]
        waiting.send("Reload")
        waiting.send("Status")
        supervisor.wait_status("the new worker to run", lambda status: [
            entry for entry in status["workers"] if entry["state"] == "starting"])
        half.socket.sendall(b'{"method": "io.svc.Super')
        self.assertEqual(1, quiet.call("Status")["generation"])
        self.assertEqual(0, supervisor.svc("upgrade").returncode)
        half.socket.sendall(b'visor.Status"}\0')
        self.assertEqual(2, half.reply()["parameters"]["generation"])
        self.assertEqual(2, quiet.call("Status")["generation"])
        self.flag.touch()
        self.assertEqual("complete", waiting.reply()["parameters"]["verdict"])
        self.assertEqual(2, waiting.reply()["parameters"]["generation"])
        last = json.loads(supervisor.svc("events", "--json").stdout.splitlines()[-1])["sequence"]
        self.assertEqual(list(range(first + 1, last + 1)),
                         [stream.reply()["parameters"]["sequence"] for _ in range(first, last)])

    def test_a_program_that_cannot_go_on_is_refused(self):
        supervisor = self.begin_copy()
        lines = self.waiting_reload(supervisor)
        broken = self.directory / "broken"
        broken.write_text("#!/bin/sh\necho not today >&2\nexit 1\n", encoding="utf-8")
        broken.chmod(0o755)
        broken.rename(self.program)
        result = supervisor.svc("upgrade")
        self.assertEqual(1, result.returncode, result.stdout)
        self.assertIn("svc: web: ", result.stderr)
        self.assertEqual(1, supervisor.status()["generation"])
        self.flag.touch()
        self.assertEqual((0, ""), lines.end())
        self.assertNotIn(GOING_ON, "".join(lines.seen))

    @require_root
    def test_who_may_only_look_upgrades_nothing(self):
        supervisor = self.start()
        result = supervisor.svc("upgrade", user=65534)
        self.assertEqual(4, result.returncode)
        self.assertEqual(1, supervisor.status()["generation"])


if __name__ == "__main__":
    main()
