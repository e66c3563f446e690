"""svc-keeper: whom it starts and when, and with which fds (keeping.py, workers/kept.py)."""
import json
import os
import pathlib
import resource
import signal
import subprocess
import time

from harness import ServiceTest, alive, children, main, wait_until
from keeping import KEEPER, KeeperTest
from supervisor import SVCD


class Lives(KeeperTest):

    def test_the_child_is_started_with_its_arguments_and_ends_the_keeper_with_its_status(self):
        for status in 0, 5:
            life = self.start(arguments=["--name", "a b", ""])
            self.assertEqual(["--name", "a b", ""], life.hello["arguments"])
            self.assertEqual(self.process.pid, life.hello["parent"])
            life.tell("exit", status)
            self.assertEqual(status, self.wait())
            self.assertEqual("", self.log)

    def test_a_child_killed_with_nothing_stored_ends_the_keeper_as_a_shell_says_it(self):
        self.start().tell("kill", 9)
        self.assertEqual(137, self.wait())
        self.assertIn("the supervisor was killed by SIGKILL, and left nothing to go on from", self.log)

    def test_a_child_that_dies_with_a_state_stored_is_started_again_at_once(self):
        life = self.start()
        life.ask("store", ["svc.state"])
        began = time.monotonic()
        life.tell("kill", 9)
        second = self.life()
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(["svc.state"], second.fds)
        self.assertIn("the supervisor was killed by SIGKILL; 1 fds are kept, the next one starts at once",
                      self.log)
        second.tell("exit", 3)
        third = self.life()
        self.assertEqual(["svc.state"], third.fds)
        self.assertIn("the supervisor ended with status 3; 1 fds are kept, the next one starts in 100ms",
                      self.log)
        self.finish(third)

    def test_a_child_that_ends_at_once_after_its_last_message_was_heard(self):
        """They are there together, and behind more messages than are read at a time."""
        for _ in range(10):
            life = self.start()
            life.ask("store", ["svc.state"])
            os.kill(self.process.pid, signal.SIGSTOP)
            for _ in range(8):  # net.unix.max_dgram_qlen may be as low as 10
                life.ask("say", "STATUS=x")
            life.ask("remove", "svc.state")
            life.tell("exit", 0)
            wait_until("the end", lambda life=life: not alive(life.pid))
            os.kill(self.process.pid, signal.SIGCONT)
            self.assertEqual(0, self.wait())

    def test_one_that_dies_again_and_again_is_waited_for(self):
        life = self.start()
        life.ask("store", ["svc.state"])
        for wait in "at once", "in 100ms", "in 200ms", "in 400ms":
            life.tell("kill", 6)
            life = self.life()
            self.wait_for_log(f"the next one starts {wait}\n")
        self.finish(life)

    def test_what_cannot_be_executed_is_said(self):
        result = subprocess.run([KEEPER, "/nowhere/svcd"], capture_output=True, text=True)
        self.assertEqual(127, result.returncode)
        self.assertEqual("svc-keeper: cannot execute /nowhere/svcd: No such file or directory\n",
                         result.stderr)

    def test_by_hand_it_says_what_it_is_for(self):
        for arguments in [], ["--help"], ["svcd"], [""]:
            result = subprocess.run([KEEPER, *arguments], capture_output=True, text=True)
            self.assertEqual(2, result.returncode)
            self.assertIn("svcd --keeper", result.stderr)

    def test_a_child_whose_keeper_is_killed_goes_on(self):
        life = self.start()
        life.ask("store", ["svc.state"])
        self.process.kill()
        self.process.wait()
        with self.assertRaises(json.JSONDecodeError):  # it died of the refused connection, not before
            life.ask("barrier")
        wait_until("its end", lambda: not alive(life.pid))
        self.expected_left = 0


class Fds(KeeperTest):

    def test_fds_come_back_by_their_names_as_the_same_files(self):
        life = self.start()
        names = [f"svc.worker.{number}.pidfd" for number in range(300)] + ["svc.state"]
        self.assertTrue(life.ask("store", names))
        for number in range(0, 300, 3):  # holes
            life.ask("remove", f"svc.worker.{number}.pidfd")
        life.ask("store", [f"svc.later.{number}" for number in range(50)])
        left = [name for name in names if not (name.endswith("pidfd") and int(name.split(".")[2]) % 3 == 0)]
        left += [f"svc.later.{number}" for number in range(50)]
        life.tell("kill", 9)
        life = self.life()
        self.assertEqual(left, life.fds)
        # A file has the name that it was made with, so each is the right one.
        self.assertEqual([f"/memfd:{name} (deleted)" for name in left],
                         [file for _, file in life.hello["fds"]])
        self.assertEqual(list(range(3 + len(left))), [fd for fd in life.hello["open"]])
        self.assertEqual(str(len(left)), life.hello["environment"]["LISTEN_FDS"])
        self.finish(life)

    def test_nothing_of_the_keepers_reaches_the_child(self):
        life = self.start()
        self.assertEqual([0, 1, 2], life.hello["open"])
        environment = life.hello["environment"]
        self.assertFalse([name for name in environment if name.startswith("LISTEN_")])
        self.assertRegex(environment["NOTIFY_SOCKET"], "^@.")
        self.assertGreater(int(environment["FDSTORE"]), 100)
        self.finish(life)

    def test_a_closed_stderr_is_no_place_for_what_the_keeper_opens(self):
        life = self.start(prefix=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"])
        self.assertEqual([0, 1, 2], life.hello["open"])
        life.ask("store", ["svc.state"])
        life.tell("kill", 9)
        life = self.life()
        self.assertEqual(["svc.state"], life.fds)
        self.finish(life)

    def test_sockets_of_an_outer_manager_are_passed_at_every_start(self):
        code = ("import os, socket, sys\n"
                "a, b, c = (socket.create_server(('127.0.0.1', 0)) for _ in 'abc')\n"
                "for number, one in enumerate((a, b, c), 3):\n"
                "    assert one.fileno() == number and not os.set_inheritable(number, True)\n"
                "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='3',"
                " LISTEN_FDNAMES='web:api:web')\n"
                "os.execv(sys.argv[1], sys.argv[1:])\n")
        life = self.start(prefix=["/usr/bin/python3", "-c", code])
        passed = life.hello["fds"]
        self.assertEqual(["api", "web", "web"], [name for name, _ in passed])
        life.ask("store", ["svc.state"])
        for _ in range(2):
            life.tell("kill", 9)
            life = self.life()
            self.assertEqual(passed, life.hello["fds"][:3])
            self.assertEqual("svc.state", life.fds[3])
        self.finish(life)

    def test_more_than_the_store_takes_is_refused_aloud(self):
        def low():
            resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
        life = self.start(preexec_fn=low)
        limit = int(life.hello["environment"]["FDSTORE"])
        self.assertEqual(36, limit)
        names = ["svc.state"] + [f"svc.{number}" for number in range(limit)]
        self.assertTrue(life.ask("store", names))
        self.wait_for_log(f"the store is full (36 fds of 36): svc.{limit - 1} is not kept")
        life.tell("kill", 9)
        life = self.life()
        self.assertEqual(names[:limit], life.fds)
        life.ask("remove", "svc.0")
        life.ask("store", ["svc.new"])
        life.tell("kill", 9)
        life = self.life()
        self.assertEqual("svc.new", life.fds[-1])
        self.finish(life)

    def test_a_full_store_can_still_be_given_back(self):
        """Every string of an environment ends at 128 KiB, and every fd needs a number twice."""
        life = self.start()
        names = ["svc.state"] + [f"svc.{number:0240}" for number in range(600)]
        self.assertTrue(life.ask("store", names))
        self.wait_for_log("is not kept")
        life.tell("kill", 9)
        life = self.life()
        self.assertGreater(len(life.fds), 500)
        self.assertLess(len(life.fds), 600)
        self.finish(life)

    def test_the_child_has_the_limit_that_the_keeper_was_started_with(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

        def low():
            resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
        life = self.start(preexec_fn=low)
        self.assertEqual(300, life.hello["soft"])
        names = ["svc.state"] + [f"svc.{number}" for number in range(400)]
        life.ask("store", names)
        life.tell("kill", 9)
        life = self.life()
        self.assertEqual(names, life.fds)
        self.assertEqual(3 + 401 + 256, life.hello["soft"])  # room to start in
        self.finish(life)


class WithSvcd(ServiceTest):

    def make_kept(self, **options):
        supervisor = self.make(**options)
        supervisor.arguments.insert(supervisor.arguments.index(str(SVCD)) + 1, "--keeper")
        return supervisor

    def test_svcd_becomes_its_own_keeper_and_runs_below_it_with_every_signal(self):
        supervisor = self.make_kept().start()
        self.assertEqual("svc-keeper", pathlib.Path(f"/proc/{supervisor.pid}/comm").read_text().strip())
        svcd, = children(supervisor.pid)
        self.assertEqual("svcd", pathlib.Path(f"/proc/{svcd}/comm").read_text().strip())
        self.assertEqual(svcd, supervisor.status()["supervisor_pid"])
        self.assertFalse([line for line in supervisor.manager.messages if line.startswith("MAINPID")])
        for environment in (pathlib.Path(f"/proc/{pid}/environ").read_bytes() for pid in supervisor.pids()):
            self.assertNotIn(b"FDSTORE=", environment)
        supervisor.signal(signal.SIGHUP)
        supervisor.wait_for_revision(2)
        self.assertEqual(0, supervisor.stop())

    def test_its_exit_status_is_svcds(self):
        supervisor = self.make_kept(content="[service]\ncommand = 5\n").spawn()
        self.assertEqual(5, supervisor.wait())
        result = subprocess.run([SVCD, "--keeper", "--help"], capture_output=True, text=True)
        self.assertEqual(0, result.returncode)
        self.assertIn("--keeper", result.stdout)

    def test_without_a_keeper_to_become_it_does_not_start(self):
        result = subprocess.run([SVCD, "--keeper", "/nowhere.toml"], capture_output=True, text=True,
                                env={**os.environ, "SVC_KEEPER": "/nowhere/svc-keeper"})
        self.assertEqual(1, result.returncode)
        self.assertIn("svcd: no keeper: cannot execute /nowhere/svc-keeper", result.stderr)


if __name__ == "__main__":
    main()
