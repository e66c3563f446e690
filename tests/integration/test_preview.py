"""A listener of which each revision has its own socket: a look at the second set before it takes over."""
import os
import signal

import example_web
from harness import connect, hold_port, main, wait_until
from load import Load

TRIES = 30


# Whoever looks at the second set must know where, so that the service file has a port.
HOLDER = hold_port()
PORT = HOLDER.getsockname()[1]


def web(version, *options, **rollout):
    content = example_web.web(version, *options, **{"strategy": "blue-green", "promote": "manual", **rollout})
    content["listener"].append({"name": "preview", "address": f"127.0.0.1:{PORT}", "preview": True, "nonblock": True})
    return content


class Preview(example_web.ExampleWebTest):

    def start_settled(self, content):
        supervisor = super().start_settled(content)
        self.preview = supervisor.address("preview")
        return supervisor

    def assert_shows(self, supervisor, version):
        """Each of many connections comes to this version, and the address is what it was."""
        self.assertEqual(self.preview, supervisor.address("preview"))
        answers = {supervisor.get(listener="preview").splitlines()[0] for _ in range(TRIES)}
        self.assertEqual(1, len(answers), answers)
        self.assertIn(f"version {version}", answers.pop())

    def second_set(self, supervisor, version, *options, **rollout):
        """The client of a reload whose set waits for its promotion."""
        supervisor.write(web(version, *options, **rollout))
        client = supervisor.start_svc("reload")
        supervisor.wait_status("the second set to wait", lambda status: any(
            rollout["to"] == version and
            "2 of 2 workers available, waits for svc promote" in rollout["step"] for rollout in status["rollout"]))
        return client

    def promote(self, supervisor, client):
        result = supervisor.svc("promote")
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        self.finish(client)

    def load_both(self, supervisor):
        return self.load(supervisor), Load(self.preview, rate=100, keepalive=0)

    def test_it_reaches_the_second_set_alone_and_then_the_serving_one(self):
        supervisor = self.start_settled(web(1))
        self.assert_shows(supervisor, 1)
        shared, shown = self.load_both(supervisor)
        with shared, shown:
            client = self.second_set(supervisor, 2)
            self.assert_shows(supervisor, 2)
            # The shared listener serves on, with both sets.
            versions = set()
            wait_until("both sets to answer", lambda: versions.add(
                supervisor.get().splitlines()[0]) or len(versions) == 2)
            self.promote(supervisor, client)
            self.assert_shows(supervisor, 2)
            supervisor.wait_for_revision(2)
            self.assert_shows(supervisor, 2)
            client = self.second_set(supervisor, 3)
            self.assert_shows(supervisor, 3)
            self.promote(supervisor, client)
        shared.assert_no_failure(self)
        shown.assert_no_failure(self)

    def test_after_an_abort_it_reaches_the_old_set_and_the_next_one_after_that(self):
        supervisor = self.start_settled(web(1))
        shared, shown = self.load_both(supervisor)
        with shared, shown:
            for version in 2, 3:
                client = self.second_set(supervisor, version)
                self.assert_shows(supervisor, version)
                self.assertEqual(0, supervisor.svc("abort").returncode)
                self.assert_shows(supervisor, 1)
                self.finish(client, status=1)
                supervisor.wait_for_revision(1)
                self.assert_shows(supervisor, 1)
        shared.assert_no_failure(self)
        shown.assert_no_failure(self)

    def test_while_the_second_set_that_was_given_up_drains_it_reaches_the_old_one(self):
        supervisor = self.start_settled(web(1))
        client = self.second_set(supervisor, 2, "--ignore-term")
        self.assertEqual(0, supervisor.svc("abort", "--no-wait").returncode)
        supervisor.wait_status("the second set to stop", lambda status: 2 == sum(
            worker["state"] == "stopping" for worker in status["workers"]))
        self.assert_shows(supervisor, 1)
        for entry in supervisor.workers("stopping"):
            os.kill(entry["pid"], signal.SIGKILL)
        self.finish(client, status=1)

    def test_a_reload_in_its_place_leads_to_the_old_set_and_then_to_its_own(self):
        supervisor = self.start_settled(web(1))
        first = self.second_set(supervisor, 2)
        client = self.second_set(supervisor, 3)
        self.assert_shows(supervisor, 3)
        self.promote(supervisor, client)
        self.finish(first)

    def test_a_connection_under_way_is_not_cut(self):
        drain = "--drain", "0"  # of the one that stays open and is not used any more
        supervisor = self.start_settled(web(1, *drain))
        with connect(self.preview) as old:
            self.ask(old, "version 1")
            client = self.second_set(supervisor, 2, *drain)
            self.ask(old, "version 1")
            with connect(self.preview) as new:
                self.ask(new, "version 2")
                self.promote(supervisor, client)
                self.ask(new, "version 2")

    def ask(self, connection, words):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        self.assertIn(words, connection.recv(65536).decode())

    def test_an_undo_onto_a_warm_set_shows_that_set(self):
        content = {"promote": "auto", "keep_old": "10m"}
        supervisor = self.start_settled(web(1, **content))
        old = sorted(supervisor.pids())
        supervisor.write(web(2, **content))
        self.reload(supervisor)
        self.assert_shows(supervisor, 2)
        shared, shown = self.load_both(supervisor)
        with shared, shown:
            result = supervisor.svc("undo")
            self.assertEqual(0, result.returncode, result.stdout + result.stderr)
            self.assert_shows(supervisor, 1)
        shared.assert_no_failure(self)
        shown.assert_no_failure(self)
        warm = [entry["pid"] for entry in supervisor.workers("available") if entry["pid"] in old]
        self.assertEqual(old, sorted(warm))
        # One that is started again shares the socket of those that were taken over.
        os.kill(old[0], signal.SIGKILL)
        supervisor.wait_status("another one", lambda status: 2 == sum(
            entry["state"] == "available" and entry["revision"] == 3 for entry in status["workers"]))
        seen = set()
        wait_until("both to answer", lambda: seen.add(supervisor.get(listener="preview")) or len(seen) == 2)
        self.assert_shows(supervisor, 1)
        # And the set after that has its own.
        supervisor.write(web(4, **{**content, "promote": "manual"}))
        client = self.second_set(supervisor, 4)
        self.assert_shows(supervisor, 4)
        self.promote(supervisor, client)

    def test_where_it_means_nothing_it_is_refused(self):
        supervisor = self.make(web(1))
        for change, words in (({"rollout": {"strategy": "in-place", "in_place": {"reload": {"signal": "HUP"}}}},
                               "blue-green"), ({"listener": [{"address": "systemd:web", "preview": True}]}, "TCP")):
            with self.subTest(words):
                supervisor.write({**web(1), **change})
                result = supervisor.svc("check", str(supervisor.file))
                self.assertEqual(5, result.returncode, result.stdout + result.stderr)
                self.assertIn(", preview: only", result.stdout + result.stderr)
                self.assertIn(words, result.stdout + result.stderr)


if __name__ == "__main__":
    main()
