"""What of a service is in the journal, and what `svc logs` makes of it."""
import contextlib
import json
import os
import re
import signal
import threading

from machine import main  # first: it knows where the others are
from processes import PATIENCE, children, wait_until
from service_file import toml
from services import PYTHON, SystemdTest, content, worker

# What svcd(8) lists.
ROLLOUT_COMPLETE = "2f075a55871d4cc9bb2a3ea01bdff230"
ROLLOUT_FAILED = "f8baf7ebbd184814889dac8b010df9a1"
WORKER_FAILED = "f241b883edcf4de09415de64a5705ef3"


def counting(pause="0.002"):
    return [PYTHON, "-S", "-E", "/srv/shared/counting.py", pause]


class LogTest(SystemdTest):

    def journalctl(self, *arguments):
        """Entries, as dicts."""
        self.machine.run("journalctl", "--sync")
        answer = self.machine.run("journalctl", "--quiet", "--all", "--output=json", *arguments)
        self.assertEqual(0, answer.returncode, answer.stderr)
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def messages(self, *arguments):
        return [entry["MESSAGE"] for entry in self.journalctl(*arguments)]

    def stream(self, revision=1, replica=0):
        return f"{self.service.name}.r{revision}.{replica}"


class Streams(LogTest):

    def test_each_worker_has_its_own_by_its_name(self):
        service = self.start(content(worker("--say", "hello"), rollout={"replicas": 2}))
        for replica in 0, 1:
            (entry,) = self.journalctl("-t", self.stream(1, replica))
            self.assertEqual("hello", entry["MESSAGE"])
            self.assertEqual("6", entry["PRIORITY"])
            self.assertEqual(service.unit, entry["_SYSTEMD_UNIT"])
            pids = {worker["replica"]: worker["pid"] for worker in service.status()["workers"]}
            self.assertEqual(str(pids[replica]), entry["_PID"])
        service.write(content(worker("--say", "<3>bad")))
        self.succeed("reload")
        (entry,) = self.journalctl("-t", self.stream(2))
        self.assertEqual(("bad", "3"), (entry["MESSAGE"], entry["PRIORITY"]))

    def test_a_failing_versions_last_lines_come_from_it(self):
        service = self.start()
        said = [option for number in range(30) for option in ("--say", f"line {number}")]
        service.write(content(worker(*said, "--exit", "3")))
        failed = service.svc("reload", service.name)
        self.assertEqual(1, failed.returncode)
        text = failed.stdout + failed.stderr
        self.assertRegex(text, r"(?s)line 10\n.*line 29\n")
        self.assertNotIn("line 9\n", text)
        self.assertNotIn("in the journal", text)
        self.assertNotIn("svcd: ", text)
        self.assertRegex(self.messages("-t", self.stream(2))[-1],
                         r"svcd: r2-0 \(process \d+\): exit status 3")

    def test_those_of_a_worker_that_dies_after_its_supervisor_was_killed_too(self):
        service = self.start(content(worker("--say", "it is dark")))
        supervisor = service.show("MainPID")
        service.die()
        service.wait_back(supervisor)
        service.wait_status("the worker", lambda status: status["available"] == 1)
        self.machine.run("kill", "-SEGV", str(service.pids()[0]))
        wait_until("its last line", lambda: "SIGSEGV" in self.messages("-t", self.stream())[-1])

    def test_a_journald_that_is_restarted_or_killed_breaks_nothing(self):
        service = self.start(content(counting(), listener=None))
        pids = service.pids()

        def lines():
            return [int(message.split()[1]) for message in self.messages("-t", self.stream())
                    if message.startswith("line ")]
        for command in (("restart", "systemd-journald"),
                        ("kill", "--signal=KILL", "systemd-journald")):
            before = len(lines())
            self.assertEqual(0, self.machine.run("systemctl", *command).returncode)
            wait_until("the journal to go on", lambda: len(lines()) > before)
        self.assertEqual(pids, service.pids())
        self.succeed("reload")
        wait_until("the new worker's", lambda: self.messages("-t", self.stream(2)))
        numbers = lines()
        # What was in a buffer of a journald that was killed is its own loss; nothing is out of order or torn.
        self.assertEqual(sorted(set(numbers)), numbers)


class Fields(LogTest):

    def test_what_the_supervisor_says_has_them(self):
        service = self.start()
        service.write(content(worker("--exit", "3")))
        self.assertEqual(1, service.svc("reload", service.name).returncode)
        ours = "SVC_SERVICE=" + service.name
        (complete,) = self.journalctl(ours, "MESSAGE_ID=" + ROLLOUT_COMPLETE)
        self.assertEqual(("1", "complete", "rollout_ended", "svcd"),
                         tuple(complete[key] for key in
                               ("SVC_REVISION", "SVC_VERDICT", "SVC_EVENT", "SYSLOG_IDENTIFIER")))
        (failed,) = self.journalctl(ours, "MESSAGE_ID=" + ROLLOUT_FAILED)
        self.assertEqual(("2", "rolled_back", "3"),
                         (failed["SVC_REVISION"], failed["SVC_VERDICT"], failed["PRIORITY"]))
        available = self.journalctl(ours, "SVC_EVENT=worker_available")
        self.assertEqual(("r1-0", "0", "1"), tuple(available[0][key] for key in
                                                   ("SVC_WORKER", "SVC_REPLICA", "SVC_REVISION")))
        self.machine.run("kill", "-KILL", str(service.pids()[0]))
        wait_until("its failure", lambda: self.journalctl(ours, "MESSAGE_ID=" + WORKER_FAILED))


class Logs(LogTest):

    def logs(self, *options):
        self.machine.run("journalctl", "--sync")
        answer = self.service.svc("logs", *options, self.service.name)
        self.assertEqual(0, answer.returncode, answer.stderr)
        return answer.stdout

    def test_workers_and_supervisor_are_one_stream_in_the_order_of_time(self):
        self.start(content(worker("--say", "hello from it")))
        text = self.logs()
        self.assertRegex(text, r"(?s)r1-0 +\| hello from it\n.*svcd +\| .*revision 1.*complete")
        # By the time alone: of two lines of one millisecond either may be the first.
        times = [line.split()[:2] for line in text.splitlines()]
        self.assertEqual(sorted(times), times)

    def test_one_revision_one_replica_and_so_many(self):
        service = self.start(content(worker("--say", "the old one"), rollout={"replicas": 2}))
        service.write(content(worker("--say", "the new one"), rollout={"replicas": 2}))
        self.succeed("reload")
        text = self.logs("--revision", "2")
        self.assertIn("the new one", text)
        self.assertNotIn("the old one", text)
        text = self.logs("--replica", "1")
        self.assertEqual(["r1-1", "r2-1"], re.findall(r"(r\d-\d) +\| the", text))
        self.assertEqual(1, len(self.logs("-n", "1").splitlines()))
        (entry,) = map(json.loads, self.logs("--json", "-n", "1", "--revision", "1", "--replica", "1",
                                             ).splitlines())
        self.assertIn("MESSAGE", entry)

    def interrupt(self, following):
        # nsenter is our child, and svc its child.
        for pid in children(following.pid):
            os.kill(pid, signal.SIGINT)

    @contextlib.contextmanager
    def following(self, *arguments):
        """The lines of `svc logs -f`, which end with its time."""
        process = self.machine.popen("svc", "logs", "-f", *arguments)
        too_late = threading.Timer(PATIENCE, self.interrupt, [process])
        too_late.start()
        try:
            yield process.stdout
        finally:
            too_late.cancel()
            self.interrupt(process)
            process.communicate(timeout=PATIENCE)

    def test_following_sees_a_revision_that_comes_later(self):
        service = self.start()
        with self.following("--revision", "2", service.name) as lines:
            service.write(content(worker("--say", "the new one")))
            self.succeed("reload")
            for line in lines:
                self.assertNotIn("r1-0 ", line.split("|")[0])
                if "the new one" in line:
                    break
            else:
                self.fail("it ended")

    def test_following_one_that_is_in_no_unit_sees_it_too(self):
        name = "by-hand"
        file = self.machine.services / f"{name}.toml"

        def write(said):
            file.write_text(toml(content(worker("--say", said), listener=None, log={"output": "journal"})),
                            encoding="utf-8")

        def svc(*arguments):
            answer = self.machine.run("svc", *arguments, name)
            self.assertEqual(0, answer.returncode, answer.stderr)
            return answer.stdout
        write("the old one")
        by_hand = self.machine.popen("svcd", f"/etc/svc/{name}.toml")
        try:
            wait_until("its worker", lambda: '"available":1' in self.machine.run(
                "svc", "status", "--json", name).stdout.replace(" ", ""))
            with self.following(name) as lines:
                # It follows when it has shown what was there.
                self.assertTrue(any("the old one" in line for line in lines), "it ended")
                write("the new one")
                svc("reload")
                self.assertTrue(any("the new one" in line for line in lines), "it ended")
        finally:
            self.machine.run("svc", "stop", name)
            by_hand.communicate(timeout=PATIENCE)
            file.unlink()

    def test_a_wrong_time_is_a_wrong_command_line(self):
        service = self.start()
        answer = service.svc("logs", "--since=soon", service.name)
        self.assertEqual(2, answer.returncode, answer.stderr)
        self.assertIn("--since soon is not a time that journalctl takes", answer.stderr)
        self.assertEqual(0, service.svc("logs", "--since=-1h", service.name).returncode)

    def test_after_the_supervisor_is_gone(self):
        service = self.start(content(worker("--say", "hello from it")))
        self.succeed("stop")
        self.assertIn("hello from it", self.logs())

    def test_what_would_steer_a_terminal_is_not_printed(self):
        self.start(content(worker("--say", "a\x1b[2Jb")))
        self.assertIn("a?[2Jb", self.logs())


if __name__ == "__main__":
    main(SystemdTest.use)
