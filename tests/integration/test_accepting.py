"""[ready] on = "accepting": ready is who waits for connections, and the old worker's waiting is not the new one's."""
import pathlib

from harness import ServiceTest, get, main, require_root, service, worker

TIMEOUT = "60s"
LISTENER = {"name": "http", "address": "127.0.0.1:0", "nonblock": False}


class Accepting(ServiceTest):

    def flag(self, version):
        return self.directory / f"accepts-{version}"

    def content(self, version, timeout=TIMEOUT, **tables):
        return service(worker(version, self.flag(version), program="late.py"),
                       ready={"on": "accepting", "timeout": timeout},
                       **{"listener": [LISTENER], **tables})

    def begin(self, supervisor, version, **tables):
        """A rollout to a version that does not accept yet."""
        supervisor.write(self.content(version, **tables))
        supervisor.svc("reload", "--no-wait")
        self.waiting(supervisor)

    def waiting(self, supervisor):
        supervisor.wait_status("a worker that is seen not to accept", lambda status: any(
            "nothing in it waits for connections on http" in entry["waits_for"]
            for entry in status["workers"]))

    def start_accepting(self, **tables):
        self.flag(1).touch()
        return self.start(self.content(1, **tables))

    def ends_well(self, supervisor, version):
        self.flag(version).touch()
        supervisor.wait_status("the new version", lambda status: status["revision"] == version and
                               status["available"] == 1 and len(status["workers"]) == 1)
        self.assertEqual(f"{version} ", get(supervisor.address()))

    def test_a_worker_is_ready_once_it_accepts(self):
        supervisor = self.start_accepting()
        self.begin(supervisor, 2)
        # It has the socket, and so has the one that accepts.
        self.assertEqual("1 ", get(supervisor.address()))
        self.ends_well(supervisor, 2)

    def test_one_that_does_not_is_taken_back_and_the_listener_is_named(self):
        supervisor = self.start_accepting()
        supervisor.write(self.content(2, timeout="1s"))
        result = supervisor.svc("reload")
        said = result.stdout + result.stderr
        self.assertEqual(1, result.returncode, said)
        self.assertIn("nothing in it waits for connections on http", said)
        self.assertIn("it has to take the listener from the supervisor: file descriptor 3, LISTEN_FDS (svc-worker(7))",
                      " ".join(said.split()))
        self.assertEqual("1 ", get(supervisor.address()))

    def test_every_listener_counts(self):
        self.flag(1).touch()
        supervisor = self.make(self.content(1, timeout="1s", listener=[LISTENER, {**LISTENER, "name": "other"}]))
        supervisor.spawn()
        supervisor.wait_log("nothing in it waits for connections on other")

    def test_the_next_supervisor_sees_it_too(self):
        supervisor = self.start_accepting()
        self.begin(supervisor, 2)
        supervisor.die()
        supervisor.succeed()
        self.waiting(supervisor)
        self.ends_well(supervisor, 2)

    @require_root
    def test_another_users_worker_is_seen_as_well(self):
        supervisor = self.start_accepting(service={"user": "nobody"})
        self.begin(supervisor, 2, service={"user": "nobody"})
        self.ends_well(supervisor, 2)
        (pid,) = supervisor.pids()
        self.assertNotEqual(0, pathlib.Path(f"/proc/{pid}").stat().st_uid)


if __name__ == "__main__":
    main()
