"""Metrics: what is counted and measured, the texts that it makes, and who may ask over HTTP."""
import os
import pathlib
import re
import signal
import socket

import exposition
from harness import PATIENCE, ServiceTest, connect, hold_port, main, service, wait_until, worker


ROOT = pathlib.Path(__file__).resolve().parents[2]
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def exchange(address, request):
    """Sends all that goes, and reads to the end of the connection: the head's lines, and the body."""
    with connect(address) as connection:
        try:
            connection.sendall(request)
        except OSError:
            pass  # it was hung up on
        answer = b""
        try:
            for part in iter(lambda: connection.recv(65536), b""):
                answer += part
        except ConnectionResetError:
            pass  # with unread bytes of ours
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), body.decode()


def scrape(address, accept="*/*"):
    head, body = exchange(address, f"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n".encode())
    assert head[0] == "HTTP/1.1 200 OK", head
    return body


class MetricsTest(ServiceTest):

    def start_with(self, *options, **tables):
        """A supervisor with metrics at a TCP port, which self.at names."""
        holder = hold_port()
        self.addCleanup(holder.close)
        self.at = holder.getsockname()
        return self.start(service(worker(*options), metrics={"listen": "%s:%d" % self.at}, **tables))

    def read(self, supervisor, *options):
        result = supervisor.svc("metrics", *options)
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        return exposition.read(result.stdout, "--openmetrics" in options)

    def read_whole(self, supervisor, *options):
        """With what is looked for in the workers: within 2 s, which a busy machine may not keep."""
        def found():
            families = self.read(supervisor, *options)
            return families if "svc_worker_connections" in families else None
        return wait_until("a look at the workers", found)

    def value(self, supervisor, name, **labels):
        """The only sample of this name with these labels, or None."""
        families = self.read(supervisor)
        found = [value for family in families.values() for sample, has, value in family.samples
                 if sample == name and labels.items() <= has.items()]
        self.assertLessEqual(len(found), 1, name)
        return found[0] if found else None

    def wait_value(self, supervisor, expected, name, **labels):
        wait_until(f"{name} {labels} to be {expected}",
                   lambda: self.value(supervisor, name, **labels) == expected)

    def succeed(self, supervisor):
        said = len(supervisor.manager.messages)
        supervisor.succeed()
        supervisor.manager.wait_for("READY=1", after=said, alive=lambda: supervisor.process.poll() is None)


class Text(MetricsTest):

    def test_both_formats_are_as_their_standards_say_and_say_the_same(self):
        supervisor = self.start_with()
        self.reload(supervisor)
        text = supervisor.svc("metrics", "web").stdout
        plain, open_text = self.read_whole(supervisor, "web"), self.read_whole(supervisor, "--openmetrics")
        self.assertEqual(list(plain), list(open_text))
        for name, family in plain.items():
            self.assertEqual(family.kind, open_text[name].kind)
            for _, labels, _ in family.samples:
                self.assertEqual("web", labels["service"])
        self.assertEqual("seconds", open_text["svc_rollout_duration_seconds"].unit)
        self.assertEqual((0, ""), exposition.promtool("check", "metrics", text=text))

    def test_every_metric_of_the_manual_is_there_and_no_other(self):
        # A unix stream drops nothing; a TCP listener has all that there is.
        supervisor = self.start_with()
        page = (ROOT / "man/svcd.8.scd").read_text(encoding="utf-8").replace("\\", "")
        table = re.search(r"^# METRICS\n(.*?)^# ", page, flags=re.MULTILINE | re.DOTALL).group(1)
        written = {}
        for row in re.findall(r"^\|  (svc_\w+)\n:  (\w+)\n:  ([\w, ]+)\n:  .", table, flags=re.MULTILINE):
            name = row[0].removesuffix("_total").removesuffix("_info")
            written[name] = row[1], set() if row[2] == "none" else set(row[2].split(", "))
        real = {name: (family.kind, set(family.samples[0][1]) - {"service", "le"})
                for name, family in self.read_whole(supervisor).items()}
        self.assertEqual(written, real)

    def test_of_several_services_each_family_is_there_once(self):
        first = self.start(service(worker()))
        self.start(service(worker()), name="api")
        families = self.read(first)
        self.assertEqual({"web", "api"}, {labels["service"] for _, labels, _ in families["svc_up"].samples})
        text = first.svc("metrics").stdout
        self.assertEqual((0, ""), exposition.promtool("check", "metrics", text=text))
        self.assertEqual({"api"}, {labels["service"] for _, labels, _
                                   in exposition.read(first.svc("metrics", "api").stdout)["svc_up"].samples})

    def test_one_that_does_not_answer_is_not_up_and_the_others_are(self):
        first = self.start(service(worker()))
        second = self.start(service(worker()), name="api")
        second.die()
        result = first.svc("metrics")
        self.assertEqual(0, result.returncode)
        self.assertIn("svc: api: ", result.stderr)
        up = {labels["service"]: value for _, labels, value in exposition.read(result.stdout)["svc_up"].samples}
        self.assertEqual({"web": 1, "api": 0}, up)
        self.succeed(second)

    def test_a_file_is_replaced_in_one_step_and_an_error_leaves_it(self):
        supervisor = self.start(service(worker()))
        path = self.directory / "svc.prom"
        path.write_text("old\n", encoding="utf-8")
        with open(path, encoding="utf-8") as old:
            result = supervisor.svc("metrics", "--output", path)
            self.assertEqual((0, "", ""), (result.returncode, result.stdout, result.stderr))
            self.assertEqual("old\n", old.read())  # another file has the name now
        exposition.read(path.read_text(encoding="utf-8"))
        self.assertEqual(0o644, path.stat().st_mode & 0o7777)
        before = path.read_bytes()
        self.assertNotEqual(0, supervisor.svc("metrics", "nobody", "--output", path).returncode)
        self.assertEqual(before, path.read_bytes())
        missing = supervisor.svc("metrics", "--output", self.directory / "missing/svc.prom")
        self.assertEqual(1, missing.returncode)
        self.assertIn("missing", missing.stderr)

    def test_what_is_no_plain_file_is_not_replaced(self):
        supervisor = self.start(service(worker()))
        path = self.directory / "stdout"
        path.symlink_to("/proc/self/fd/1")  # as /dev/stdout, which only root could replace
        result = supervisor.svc("metrics", "--output", path)
        self.assertIn("no plain file", result.stderr)
        self.assertTrue(path.is_symlink())


class Values(MetricsTest):

    def test_workers_and_rollouts(self):
        supervisor = self.start_with(rollout={"replicas": 2})
        self.assertEqual(2, self.value(supervisor, "svc_workers", revision="1", state="available"))
        self.assertEqual(2, self.value(supervisor, "svc_replicas_available"))
        self.reload(supervisor)
        self.assertEqual(2, self.value(supervisor, "svc_workers", revision="2", state="available"))
        self.assertIsNone(self.value(supervisor, "svc_workers", revision="1", state="available"))
        self.assertEqual(2, self.value(supervisor, "svc_revision"))
        self.assertEqual(2, self.value(supervisor, "svc_worker_drain_duration_seconds_count"))
        self.assertEqual(4, self.value(supervisor, "svc_worker_ready_duration_seconds_count"))
        supervisor.write(service(worker("--exit", "3"), metrics={"listen": "%s:%d" % self.at}, rollout={"replicas": 2}))
        self.assertEqual(1, supervisor.svc("reload").returncode)
        self.assertEqual(2, self.value(supervisor, "svc_rollouts_total", result="complete"))
        self.assertEqual(1, self.value(supervisor, "svc_rollouts_total", result="rolled_back"))
        self.assertEqual(3, self.value(supervisor, "svc_rollout_duration_seconds_count"))
        self.assertEqual(0, self.value(supervisor, "svc_worker_restarts_total", reason="exit"))
        self.assertEqual(0, supervisor.svc("freeze", "--reason", "Monday").returncode)
        self.assertEqual(1, self.value(supervisor, "svc_frozen"))

    def test_crashes_by_their_reason_and_who_had_to_be_killed(self):
        supervisor = self.start(service(worker("--ignore-term"), stop={"grace": "2s", "min_stop": "1s"}))
        os.kill(supervisor.pids()[0], signal.SIGSEGV)
        self.wait_value(supervisor, 1, "svc_worker_restarts_total", reason="signal")
        supervisor.wait_status("another worker", lambda status: status["available"] == 1)
        self.assertEqual(0, self.value(supervisor, "svc_workers_killed_total"))
        self.reload(supervisor)  # the old one ignores the signal
        self.assertEqual(1, self.value(supervisor, "svc_workers_killed_total"))

    def test_connections_and_what_waits_and_is_dropped_at_a_listener(self):
        supervisor = self.start(service(worker(), listener=[
            {"name": "http", "address": "127.0.0.1:0", "nonblock": True, "backlog": 1}]))
        address = supervisor.address()
        self.assertEqual(1, self.value(supervisor, "svc_listener_backlog", listener="http"))
        with connect(address):
            self.wait_value(supervisor, 1, "svc_worker_connections", replica="0")
        self.assertEqual(0, self.value(supervisor, "svc_listener_queue", listener="http"))
        (pid,) = supervisor.pids()
        os.kill(pid, signal.SIGSTOP)  # nobody accepts any more
        waiting = []
        try:
            # A queue of 1 takes 2; who comes then is dropped, and tries again.
            for _ in range(5):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(address)
            wait_until("drops", lambda: self.value(supervisor, "svc_listener_drops_total", listener="http"))
            self.assertEqual(2, self.value(supervisor, "svc_listener_queue", listener="http"))
        finally:
            for one in waiting:
                one.close()
            os.kill(pid, signal.SIGCONT)

    def test_a_unix_listener_has_a_queue_and_no_drops(self):
        path = self.directory / "web.sock"
        supervisor = self.start(service(worker(), listener=[
            {"name": "http", "address": f"unix:{path}", "nonblock": True, "backlog": 5}]))
        (pid,) = supervisor.pids()
        os.kill(pid, signal.SIGSTOP)
        try:
            with connect(str(path)), connect(str(path)):
                self.wait_value(supervisor, 2, "svc_listener_queue", listener="http")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertIsNone(self.value(supervisor, "svc_listener_drops_total"))


class Survival(MetricsTest):

    def counts(self, supervisor):
        return {(sample, tuple(sorted(labels.items()))): value
                for name in ("svc_rollouts", "svc_worker_restarts", "svc_rollout_duration_seconds",
                             "svc_worker_ready_duration_seconds")
                for sample, labels, value in self.read(supervisor)[name].samples}

    def test_what_was_counted_outlives_a_kill(self):
        supervisor = self.start_with()
        self.reload(supervisor)
        before = self.counts(supervisor)
        started = self.value(supervisor, "svc_supervisor_start_time_seconds")
        supervisor.die()
        self.succeed(supervisor)
        self.assertEqual(before, self.counts(supervisor))
        self.assertEqual(2, self.value(supervisor, "svc_supervisor_generation"))
        self.assertGreater(self.value(supervisor, "svc_supervisor_start_time_seconds"), started)
        self.assertIn("svc_up", exposition.read(scrape(self.at)))

    def test_who_asks_while_there_is_no_supervisor_is_answered_by_the_next_one(self):
        supervisor = self.start_with()
        supervisor.die()
        with connect(self.at) as waiting:
            waiting.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            self.succeed(supervisor)
            self.assertTrue(waiting.recv(15).startswith(b"HTTP/1.1 200 OK"))
        supervisor.write(service(worker()))
        self.reload(supervisor)
        with self.assertRaises(ConnectionRefusedError):
            connect(self.at)
        supervisor.manager.mark()
        self.assertFalse([name for name in supervisor.manager.stored if name.startswith("svc.metrics")])

    def test_a_supervisor_that_begins_anew_closes_what_was_kept(self):
        supervisor = self.start_with()
        supervisor.die()
        supervisor.manager.lose("svc.state")
        supervisor.write(service(worker()))
        self.succeed(supervisor)
        with self.assertRaises(ConnectionRefusedError):
            connect(self.at)

    def test_a_worker_that_ends_while_there_is_no_supervisor_is_counted(self):
        supervisor = self.start_with()
        (pid,) = supervisor.pids()
        supervisor.die()
        os.kill(pid, signal.SIGKILL)
        self.succeed(supervisor)
        restarts = {labels["reason"]: value for _, labels, value
                    in self.read(supervisor)["svc_worker_restarts"].samples if value}
        self.assertEqual(1, sum(restarts.values()), restarts)

    def test_an_upgrade_goes_on_counting_and_answers_at_the_same_address(self):
        supervisor = self.start_with()
        self.reload(supervisor)
        before = self.counts(supervisor)
        self.assertEqual(0, supervisor.svc("upgrade").returncode)
        self.assertEqual(before, self.counts(supervisor))
        self.assertEqual(2, exposition.read(scrape(self.at))["svc_supervisor_generation"].samples[0][2])


class Http(MetricsTest):

    def test_the_format_is_the_one_that_is_accepted(self):
        self.start_with()
        self.assertIn("svc_up", exposition.read(scrape(self.at)))
        self.assertIn("svc_up", exposition.read(scrape(self.at, OPENMETRICS), openmetrics=True))
        head, body = exchange(self.at, b"HEAD /metrics HTTP/1.1\r\n\r\n")
        self.assertEqual(("HTTP/1.1 200 OK", ""), (head[0], body))
        for request, status in ((b"GET / HTTP/1.1\r\n\r\n", 404), (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
                                (b"hello\r\n\r\n", 400), (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 4000, 431)):
            head, _ = exchange(self.at, request)
            self.assertIn(f" {status} ", head[0])

    def test_clients_that_say_nothing_keep_nobody_out(self):
        supervisor = self.start_with()
        silent = [connect(self.at) for _ in range(40)]
        try:
            for _ in range(3):
                self.assertIn("svc_up", exposition.read(scrape(self.at)))
            self.assertEqual(1, supervisor.status()["available"])
        finally:
            for one in silent:
                one.close()

    def test_a_reload_moves_it_and_a_rollback_leaves_it(self):
        supervisor = self.start_with()
        path = str(self.directory / "metrics.sock")
        new = {"listen": f"unix:{path}"}
        supervisor.write(service(worker("--exit", "3"), metrics=new))
        self.assertEqual(1, supervisor.svc("reload").returncode)
        self.assertIn("svc_up", exposition.read(scrape(self.at)))
        wait_until("the path to go", lambda: not os.path.exists(path))
        supervisor.write(service(worker(), metrics=new))
        self.reload(supervisor)
        self.assertIn("svc_up", exposition.read(scrape(path)))
        with self.assertRaises(ConnectionRefusedError):
            connect(self.at)
        supervisor.write(service(worker()))
        self.reload(supervisor)
        self.assertFalse(os.path.exists(path))

    def test_a_reload_that_is_refused_moves_nothing(self):
        supervisor = self.start_with()
        path = str(self.directory / "metrics.sock")
        with socket.create_server(("127.0.0.1", 0)) as other:
            content = service(worker(), metrics={"listen": f"unix:{path}"})
            content["listener"].append({"name": "other", "address": "%s:%d" % other.getsockname()})
            supervisor.write(content)
            result = supervisor.svc("reload")
        self.assertEqual(1, result.returncode)
        self.assertIn("nothing was changed", result.stderr)
        self.assertFalse(os.path.exists(path))
        self.assertEqual(["%s:%d" % self.at], supervisor.status()["metrics"])

    def test_a_port_that_the_kernel_picked_is_in_the_status_and_outlives_the_supervisor(self):
        supervisor = self.start(service(worker(), metrics={"listen": "127.0.0.1:0"}))
        (address,) = supervisor.status()["metrics"]
        host, port = address.split(":")
        self.assertNotEqual("0", port)
        self.assertRegex(supervisor.svc("status").stdout, rf"(?m)^ +metrics +{re.escape(address)}$")
        self.assertIn("svc_up", exposition.read(scrape((host, int(port)))))
        supervisor.die()
        self.succeed(supervisor)
        self.assertEqual([address], supervisor.status()["metrics"])

    def test_an_address_that_somebody_has_is_refused_if_it_is_new_and_a_warning_else(self):
        with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as third:
            address = "%s:%d" % other.getsockname()
            content = service(worker(), metrics={"listen": address})
            supervisor = self.start(content)
            warned = lambda: " ".join(event["text"] for event in supervisor.events.of("warning")).count(
                f"cannot bind {address}")
            self.assertEqual(1, warned())
            self.reload(supervisor)  # the serving revision does without it, too
            self.assertEqual(2, warned())
            supervisor.write(service(worker(), metrics={"listen": "%s:%d" % third.getsockname()}))
            result = supervisor.svc("reload")
            self.assertEqual(1, result.returncode)
            self.assertIn("metrics.listen: ", result.stderr)
            self.assertIn("nothing was changed", result.stderr)
            self.assertEqual(2, supervisor.status()["revision"])
            supervisor.write(content)
            # Nor does it matter to a supervisor that takes over.
            pids = supervisor.pids()
            supervisor.die()
            self.succeed(supervisor)
            self.assertEqual(pids, supervisor.pids("available"))
        self.reload(supervisor)
        host, port = address.split(":")
        self.assertIn("svc_up", exposition.read(scrape((host, int(port)))))

    def test_a_stop_with_a_client_that_says_nothing_is_as_fast_as_without(self):
        supervisor = self.start_with()
        with connect(self.at):
            self.assertEqual(0, supervisor.stop(PATIENCE))


if __name__ == "__main__":
    main()
