"""[ready] on = "ipc": what process.send('ready') of an unmodified Node application says, with a stand-in for one."""
import pathlib

from harness import ServiceTest, get, main, service, wait_until, worker

LISTENER = {"name": "http", "address": "127.0.0.1:0", "nonblock": False}


class Ipc(ServiceTest):

    def flag(self, version):
        return self.directory / f"flag-{version}"

    def content(self, version, timeout="60s", **tables):
        return service(worker(version, self.flag(version), program="ipc.py"),
                       ready={"on": "ipc", "timeout": timeout}, **{"listener": [LISTENER], **tables})

    def say(self, version, words):
        path = self.flag(version)
        new = path.with_suffix(".new")
        new.write_text(words, encoding="utf-8")
        new.rename(path)

    def start_ready(self, words="ready talk", **options):
        self.say(1, words)
        return self.start(self.content(1), **options)

    def begin(self, supervisor, version):
        """A rollout to a version that has said much, but not that it is ready."""
        supervisor.write(self.content(version))
        supervisor.svc("reload", "--no-wait")
        talked = pathlib.Path(f"{self.flag(version)}.talked")
        wait_until("it to have talked", talked.exists)
        self.assertEqual(1, len(supervisor.pids("available")))

    def ends_well(self, supervisor, version):
        supervisor.wait_status("the new version", lambda status: status["revision"] == version and
                               status["available"] == 1 and len(status["workers"]) == 1)
        self.assertEqual(f"{version} ", get(supervisor.address()))

    def rejected(self, supervisor, words, *said):
        self.say(2, words)
        supervisor.write(self.content(2))
        result = supervisor.svc("reload")
        text = result.stdout + result.stderr
        self.assertEqual(1, result.returncode, text)
        for each in said:
            self.assertIn(each, text)
        self.assertEqual("1 ", get(supervisor.address()))

    def test_a_worker_is_ready_once_it_said_so_whatever_else_it_says(self):
        supervisor = self.start_ready()
        self.begin(supervisor, 2)
        self.assertEqual("1 ", get(supervisor.address()))
        self.say(2, "talk ready talk")
        self.ends_well(supervisor, 2)
        self.assertEqual("2 ", get(supervisor.address(), "/talk"))

    def test_a_channel_that_is_closed_before_takes_the_version_back(self):
        supervisor = self.start_ready()
        self.rejected(supervisor, "close", 'closed its IPC channel (NODE_CHANNEL_FD) before it sent "ready" on it')

    def test_a_worker_that_ends_before_is_reported_with_its_status(self):
        supervisor = self.start_ready()
        self.rejected(supervisor, "end", "exit status 7")

    def test_what_is_closed_later_ends_nothing(self):
        supervisor = self.start_ready("ready close")
        self.assertEqual("1 ", get(supervisor.address()))
        (pid,) = supervisor.pids("available")
        self.reload(supervisor)
        self.assertNotEqual([pid], supervisor.pids("available"))

    def test_the_next_supervisor_hears_what_comes_after_the_first_ones_death(self):
        supervisor = self.start_ready()
        self.begin(supervisor, 2)
        supervisor.die()
        self.say(2, "ready")
        supervisor.succeed()
        self.ends_well(supervisor, 2)

    def test_a_ready_worker_talks_on_under_the_next_supervisor(self):
        supervisor = self.start_ready()
        (pid,) = supervisor.pids("available")
        supervisor.die()
        supervisor.succeed()
        for _ in range(3):
            self.assertEqual("1 ", get(supervisor.address(), "/talk"))
        self.assertEqual([pid], supervisor.pids("available"))

    def test_a_channel_of_the_supervisors_own_is_no_workers(self):
        """svcd may be started by a Node program itself."""
        supervisor = self.start(environment={"NODE_CHANNEL_FD": "0", "NODE_CHANNEL_SERIALIZATION_MODE": "json"})
        (pid,) = supervisor.pids("available")
        self.assertNotIn(b"NODE_CHANNEL", pathlib.Path(f"/proc/{pid}/environ").read_bytes())


if __name__ == "__main__":
    main()
