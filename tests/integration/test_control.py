"""The control socket: what it understands, whom it obeys, and what it survives."""
import contextlib
import json
import os
import resource
import socket
import subprocess

from harness import (PATIENCE, PYTHON, QUICK, Connection, ServiceTest, VarlinkError, alive, main,
                     require_root, service, wait_until, worker)
from processes import end_orphans

NOBODY = 65534

WRONG = """[service]
command = "not a list"
colour = "blue"

[[listener]]
address = "localhost:80"

[rollout]
replicas = -1
max_surge = "a lot"

[stop]
signal = "SIGNOTHING"
grace = 30
"""


class Introspection(ServiceTest):

    def test_any_varlink_client_can_ask_who_this_is(self):
        supervisor = self.start()
        information = supervisor.call("org.varlink.service.GetInfo")
        self.assertIn("io.svc.Supervisor", information["interfaces"])
        self.assertIn("org.varlink.service", information["interfaces"])
        described = supervisor.call("org.varlink.service.GetInterfaceDescription",
                                    {"interface": "io.svc.Supervisor"})["description"]
        self.assertIn("interface io.svc.Supervisor", described)
        for method in "Status", "Reload", "Apply", "Scale", "Stop", "Events":
            self.assertIn(f"method {method}(", described)

    def test_what_it_does_not_know_is_named(self):
        supervisor = self.start()
        for method, error in (("io.svc.Supervisor.Explode", "MethodNotFound"),
                              ("org.example.Thing.Do", "InterfaceNotFound")):
            with self.assertRaises(VarlinkError) as caught:
                supervisor.call(method)
            self.assertEqual(f"org.varlink.service.{error}", caught.exception.error)

    def test_a_wrong_parameter_is_named(self):
        supervisor = self.start()
        for parameters, word in (({"replicas": "two"}, "replicas"), ({"replicas": 1, "x": 2}, "x"),
                                 ({}, "replicas")):
            with self.assertRaises(VarlinkError) as caught:
                supervisor.call("Scale", parameters)
            self.assertEqual("org.varlink.service.InvalidParameter", caught.exception.error)
            self.assertIn(word, json.dumps(caught.exception.parameters))

    def test_several_calls_on_one_connection_are_answered_in_order(self):
        supervisor = self.start()
        with Connection(supervisor.control) as connection:
            for _ in range(20):
                connection.send("Status")
            for _ in range(20):
                self.assertEqual("web", connection.reply()["parameters"]["service"])

    def test_a_oneway_call_gets_no_answer(self):
        supervisor = self.start()
        with Connection(supervisor.control) as connection:
            connection.send("Status", oneway=True)
            self.assertIn("interfaces", connection.call("org.varlink.service.GetInfo"))


class WrongFile(ServiceTest):

    def test_all_its_mistakes_are_told_at_once_and_nothing_changes(self):
        supervisor = self.start()
        before = supervisor.pids()
        supervisor.write(WRONG)
        result = supervisor.svc("reload")
        self.assertEqual(5, result.returncode, result.stdout + result.stderr)
        said = result.stdout + result.stderr
        for place in ("web.toml:2:", "web.toml:3:", "web.toml:6:", "web.toml:9:", "web.toml:10:",
                      "web.toml:13:", "web.toml:14:"):
            self.assertIn(place, said)
        for word in "colour", "localhost", "max_surge", "SIGNOTHING":
            self.assertIn(word, said)
        self.assertEqual(before, supervisor.pids())
        self.assertEqual(1, supervisor.status()["revision"])

    def test_check_says_the_same_without_a_supervisor(self):
        supervisor = self.make(WRONG)
        result = supervisor.svc("check", supervisor.file)
        self.assertEqual(5, result.returncode, result.stdout + result.stderr)
        self.assertIn("web.toml:10:", result.stdout + result.stderr)

    def test_the_check_notes_everything_that_is_not_there(self):
        path = self.directory / "far.toml"
        path.write_text('[service]\ncommand = ["/nowhere/web"]\ncheck = ["/nowhere/check"]\n'
                        'directory = "/nowhere"\nenvironment_files = ["/nowhere/a", "-/nowhere/b"]\n'
                        'inputs = ["/nowhere/c"]\n[stop]\npre_stop = { exec = ["/nowhere/hook"] }\n',
                        encoding="utf-8")
        result = self.make().svc("check", path)
        self.assertEqual(0, result.returncode)
        for word in "web", "check", "a", "c", "hook":
            self.assertIn(f"/nowhere/{word}", result.stderr)
        self.assertIn("service.directory: ", result.stderr)
        self.assertNotIn("/nowhere/b", result.stderr)

    def test_a_good_file_passes_the_check(self):
        supervisor = self.make()
        result = supervisor.svc("check", supervisor.file)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)

    def test_a_supervisor_does_not_start_with_it(self):
        supervisor = self.make(WRONG).spawn()
        self.assertEqual(5, supervisor.wait())
        self.assertIn("web.toml:10:", supervisor.log)

    def test_a_file_that_is_gone_is_named(self):
        supervisor = self.start()
        supervisor.file.unlink()
        result = supervisor.svc("reload")
        self.assertEqual(5, result.returncode, result.stdout + result.stderr)
        self.assertIn("cannot be read", result.stderr)
        self.assertIn(f"{supervisor.file}: No such file", result.stderr)
        self.assertEqual(5, supervisor.svc("check", "web").returncode)
        self.assertEqual(1, len(supervisor.pids("available")))


class ExitStatuses(ServiceTest):

    def test_wrong_usage_is_2(self):
        supervisor = self.start()
        for arguments in (["explode"], ["reload", "--no-such-option"], ["scale"], ["scale", "many"]):
            result = supervisor.svc(*arguments)
            self.assertEqual(2, result.returncode, f"{arguments}: {result.stderr}")

    def test_no_supervisor_is_3(self):
        supervisor = self.make()
        result = supervisor.svc("status", "web")
        self.assertEqual(3, result.returncode, result.stderr)
        self.assertIn("web", result.stderr)

    def test_a_dead_supervisors_socket_is_no_supervisor(self):
        supervisor = self.start()
        worker_pid = supervisor.pids()[0]
        supervisor.process.kill()
        supervisor.process.wait()
        supervisor.manager.forget()  # its control socket with it
        result = supervisor.svc("status", "web")
        self.assertEqual(3, result.returncode, result.stderr)
        self.assertTrue(alive(worker_pid), "a dead supervisor takes no worker with it")
        end_orphans([worker_pid])

    def test_list_names_what_runs(self):
        supervisor = self.start()
        result = supervisor.svc("list")
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertIn("web", result.stdout)

    def test_a_second_supervisor_of_the_same_name_is_refused(self):
        first = self.start()
        second = self.make(service())
        second.arguments, second.control = first.arguments, first.control
        second.spawn()
        self.assertNotEqual(0, second.wait())
        self.assertEqual(1, len(first.pids("available")), "the first one is not disturbed")


class Authorisation(ServiceTest):

    @require_root
    def test_another_user_may_look_and_may_not_change(self):
        supervisor = self.start()
        for arguments in ["reload"], ["apply"], ["scale", "2"], ["stop"]:
            result = supervisor.svc(*arguments, user=NOBODY)
            self.assertEqual(4, result.returncode, result.stdout + result.stderr)
        result = supervisor.svc("status", user=NOBODY)
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual(1, supervisor.status()["revision"])
        self.assertEqual(1, len(supervisor.pids("available")))

    @require_root
    def test_an_unmapped_user_of_a_container_never_changes_anything(self):
        # 65534 is what the kernel shows for a uid that has no place in our user namespace.
        supervisor = self.start()
        script = ("import sys; sys.path.insert(0, sys.argv[2]); import varlink\n"
                  "try: varlink.call(sys.argv[1], 'Reload')\n"
                  "except varlink.VarlinkError as error: print(error.name)")
        result = subprocess.run(
            [PYTHON, "-c", script, str(supervisor.control), os.path.dirname(__file__)],
            user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True)
        self.assertEqual("NotPermitted\n", result.stdout, result.stderr)


class Hostile(ServiceTest):

    def alive(self, supervisor):
        self.assertEqual("web", supervisor.status()["service"])
        self.assertIsNone(supervisor.process.poll())

    def closed(self, connection):
        """Whether the supervisor hung up, perhaps after an error reply."""
        connection.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionError):
            while connection.recv(65536):
                pass
        return True

    def raw(self, supervisor):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(PATIENCE)
        connection.connect(str(supervisor.control))
        self.addCleanup(connection.close)
        return connection

    def test_a_message_over_the_limit_ends_its_connection_only(self):
        supervisor = self.start()
        connection = self.raw(supervisor)
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                connection.sendall(b"x" * 65536)
        self.assertTrue(self.closed(connection))
        self.alive(supervisor)

    def test_malformed_messages_end_their_connection_only(self):
        supervisor = self.start()
        for message in (b"hello", b"{", b"[]", b"null", b'{"method": 5}', b'{"method": ""}', b"\xff\xfe",
                        b"[" * 100000, b'{"a":' * 20000, b"", b'{"method":"io.svc.Supervisor.Status",'
                        b'"parameters":[]}', b'{"parameters":{}}'):
            connection = self.raw(supervisor)
            with contextlib.suppress(ConnectionError):
                connection.sendall(message + b"\0")
                connection.shutdown(socket.SHUT_WR)
            self.assertTrue(self.closed(connection))
            self.alive(supervisor)

    def test_a_message_in_single_bytes_is_understood(self):
        supervisor = self.start()
        connection = self.raw(supervisor)
        for byte in b'{"method":"io.svc.Supervisor.Status"}\0':
            connection.sendall(bytes([byte]))
        answer = b""
        while not answer.endswith(b"\0"):
            answer += connection.recv(65536)
        self.assertEqual("web", json.loads(answer[:-1])["parameters"]["service"])

    def test_a_client_that_says_half_a_message_and_no_more_holds_up_nobody(self):
        supervisor = self.start()
        half = self.raw(supervisor)
        half.sendall(b'{"method":"io.svc.Super')
        self.alive(supervisor)
        self.reload(supervisor)
        half.close()
        self.alive(supervisor)

    def test_a_client_that_vanishes_while_it_waits_changes_nothing(self):
        supervisor = self.start()
        flag = self.directory / "flag"
        supervisor.write(service(worker("--version", "2", "--ready-when", flag)))
        connection = Connection(supervisor.control)
        connection.send("Reload", {"cause": "test"}, more=True)
        connection.reply()
        connection.close()
        flag.touch()
        supervisor.wait_for_revision(2)
        self.assertTrue(supervisor.get().startswith("2 "))

    def test_a_reader_that_never_reads_holds_up_nobody(self):
        supervisor = self.start()
        slow = self.raw(supervisor)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b'{"method":"io.svc.Supervisor.Events","parameters":{"follow":true},"more":true}\0')
        flooder = self.raw(supervisor)
        with contextlib.suppress(ConnectionError, socket.timeout, BlockingIOError):
            flooder.setblocking(False)
            for _ in range(2000):
                flooder.sendall(b'{"method":"io.svc.Supervisor.Status"}\0')
        supervisor.get("/flood?v=3000")
        self.reload(supervisor)
        self.alive(supervisor)

    def test_a_thousand_connections_are_survived(self):
        count = 200 if QUICK else 1000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        supervisor = self.start()
        before = len(os.listdir(f"/proc/{supervisor.pid}/fd"))
        connections = []
        with contextlib.suppress(BlockingIOError):
            for _ in range(count):
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                connections.append(connection)
                connection.setblocking(False)
                connection.connect(str(supervisor.control))
        for connection in connections:
            connection.close()
        wait_until("the connections to be closed", lambda: len(
            os.listdir(f"/proc/{supervisor.pid}/fd")) <= before)
        self.alive(supervisor)
        self.reload(supervisor)


if __name__ == "__main__":
    main()
