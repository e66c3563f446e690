"""What a person reads when something is not as it should be: the thing, and what to do about it."""
import contextlib
import os
import pty
import signal

from harness import PATIENCE, ServiceTest, main, require_root, service, worker
from supervisor import SVC

NOBODY = 65534


class Listeners(ServiceTest):

    def test_a_port_that_our_own_listener_holds_is_not_looked_for_elsewhere(self):
        supervisor = self.start()
        port = supervisor.address()[1]
        before = supervisor.pids()
        supervisor.write(service(listener=[{"name": "http", "address": f"0.0.0.0:{port}"}]))
        result = supervisor.svc("reload")
        self.assertEqual(1, result.returncode, result.stdout)
        self.assertIn(f"own listener http holds port {port} at 127.0.0.1:{port}", result.stderr)
        self.assertIn("take another port, or stop the service and start it again", result.stderr)
        self.assertNotIn("ss -", result.stderr)
        self.assertEqual(before, supervisor.pids())

    def test_where_it_listens_is_told_and_where_it_no_longer_does(self):
        supervisor = self.start()
        port = supervisor.address()[1]
        self.assertIn(f"listener http: opened (127.0.0.1:{port})", supervisor.log)
        supervisor.write(service(listener=[{"name": "other", "address": "127.0.0.1:0"}]))
        self.reload(supervisor)
        supervisor.events.wait_for("listener", lambda event: event["text"] ==
                                   f"listener http: closed (127.0.0.1:{port})")


class Refusals(ServiceTest):

    def refusal(self, supervisor):
        return supervisor.events.wait_for("refused")["text"]

    def test_the_event_names_the_request_and_the_first_mistake(self):
        supervisor = self.start()
        supervisor.write("[service]\ncommand = 5\ncolour = 1\n")
        supervisor.svc("reload")
        self.assertRegex(self.refusal(supervisor),
                         r"^reload refused: the service file is wrong \(2 mistakes\): .*web.toml:2:11: ")
        supervisor.wait_log("web.toml:3:1: ")

    def test_a_file_that_cannot_be_read_is_not_said_to_be_wrong(self):
        supervisor = self.start()
        supervisor.file.unlink()
        supervisor.file.mkdir()
        result = supervisor.svc("apply")
        self.assertEqual(5, result.returncode, result.stderr)
        self.assertIn("the service file cannot be read", result.stderr)
        self.assertIn("it is a directory", self.refusal(supervisor))

    def test_a_supervisor_without_its_file_ends_as_with_a_wrong_one(self):
        supervisor = self.make()
        supervisor.file.unlink()
        supervisor.spawn()
        self.assertEqual(5, supervisor.wait())
        self.assertIn(f"boot refused: the service file cannot be read: cannot open {supervisor.file}",
                      supervisor.log)

    def test_a_rejected_version_is_no_restart_of_the_one_that_serves(self):
        supervisor = self.start()
        supervisor.write(service(["/bin/false"]))
        self.assertEqual(1, supervisor.svc("reload").returncode)
        replica = supervisor.status()["replica_list"][0]
        self.assertEqual((0, 0), (replica["restarts"], replica["failures"]))


class Log(ServiceTest):
    """One line for one failure; `svc events` has the whole story."""

    def lines(self, supervisor, words):
        return [line for line in supervisor.log.splitlines() if words in line]

    def test_a_crash_is_one_line_that_says_who_how_and_what_now(self):
        supervisor = self.start()
        os.kill(supervisor.pids()[0], signal.SIGKILL)
        restarting = supervisor.events.wait_for("worker_restarting")
        supervisor.events.wait_for("worker_available", after=restarting["sequence"])
        (line,) = self.lines(supervisor, "SIGKILL")
        self.assertRegex(line, r"r1-\d+: killed by SIGKILL; next try in 100ms$")

    def test_a_version_that_fails_is_one_line(self):
        supervisor = self.start()
        supervisor.write(service(["/bin/false"]))
        self.assertEqual(1, supervisor.svc("reload").returncode)
        (line,) = self.lines(supervisor, "exit status 1")
        self.assertRegex(line, r"revision 2 rolled back: r2-\d+: exit status 1 before it was ready$")


class Interrupted(ServiceTest):

    def interrupt(self, client, status=130):
        client.send_signal(signal.SIGINT)
        _, said = client.communicate(timeout=PATIENCE)
        self.assertEqual(status, client.returncode, said)
        return said

    def test_before_an_answer_nothing_is_promised(self):
        flag = self.directory / "flag"
        supervisor = self.start()
        check = ["/bin/sh", "-c", f"until [ -e {flag} ]; do sleep 0.02; done"]
        supervisor.write(service(worker("--version", "2"), service={"check": check}))
        client = supervisor.start_svc("reload")
        supervisor.manager.wait_for("STATUS=checking the new version: /bin/sh")
        said = self.interrupt(client)
        self.assertIn("was asked and has not answered: the rollout may or may not come", said)
        self.assertNotIn("goes on", said)
        flag.touch()
        supervisor.wait_for_revision(2)

    def test_after_one_it_goes_on(self):
        flag = self.directory / "flag"
        supervisor = self.start()
        supervisor.write(service(worker("--version", "2", "--ready-when", flag)))
        client = supervisor.start_svc("reload")
        self.assertIn("revision 2 is accepted", client.stdout.readline())
        self.assertIn("interrupted: the rollout goes on", self.interrupt(client))
        flag.touch()
        supervisor.wait_for_revision(2)


class Looking(ServiceTest):

    @require_root
    def test_a_directory_that_may_not_be_looked_into_is_not_an_empty_one(self):
        supervisor = self.start()
        closed = supervisor.runtime / "web"
        closed.chmod(0o700)
        result = supervisor.svc("list", user=NOBODY)
        self.assertIn("not allowed", result.stdout)
        for arguments in ["status"], ["status", "web"]:
            result = supervisor.svc(*arguments, user=NOBODY)
            self.assertEqual(4, result.returncode, result.stderr)
            self.assertIn("not allowed to reach", result.stderr)
        supervisor.runtime.chmod(0o700)
        result = supervisor.svc("status", user=NOBODY)
        self.assertEqual(4, result.returncode, result.stderr)
        self.assertIn(f"not allowed to look for services in {supervisor.runtime}", result.stderr)

    def test_an_order_that_is_not_complete_is_told_how_to_become_it(self):
        supervisor = self.make()
        for arguments, words in (([], "There are reload, apply"), (["scale"], "svc scale 4 [NAME]"),
                                 (["scale", "web", "4"], "svc scale 4 [NAME]"),
                                 (["statu"], "did you mean status?")):
            result = supervisor.svc(*arguments)
            self.assertEqual(2, result.returncode, result.stderr)
            self.assertIn(words, result.stderr)
        result = supervisor.svc("check", "nosuch")
        self.assertEqual(3, result.returncode, result.stderr)
        self.assertIn("there is no file nosuch here", result.stderr)

    def test_options_that_all_have_stand_before_or_after_the_verb(self):
        supervisor = self.start()
        for arguments in ["--json", "status"], ["status", "--json"]:
            self.assertTrue(supervisor.svc(*arguments).stdout.startswith('[{"service":"web"'))

    def on_a_terminal(self, supervisor, *arguments, **environment):
        """What `svc …` writes to a terminal of 80 columns."""
        child, terminal = pty.fork()
        if child == 0:
            with contextlib.suppress(Exception):
                os.execve(SVC, ["svc", *arguments],
                          {**supervisor.environment, "TERM": "xterm", **environment})
            os._exit(127)
        said = b""
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while data := os.read(terminal, 65536):
                said += data
        os.close(terminal)
        _, status = os.waitpid(child, 0)
        self.assertEqual(0, os.waitstatus_to_exitcode(status), said)
        return said.decode()

    def test_a_terminal_has_colors_unless_told_otherwise(self):
        supervisor = self.start()
        self.assertIn("\x1b[32mavailable", self.on_a_terminal(supervisor, "status"))
        self.assertNotIn("\x1b", self.on_a_terminal(supervisor, "status", NO_COLOR="1"))
        self.assertNotIn("\x1b", supervisor.svc("status").stdout)


if __name__ == "__main__":
    main()
