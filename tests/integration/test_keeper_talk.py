"""svc-keeper: what it is told by its child, by others, by signals and by a terminal (keeping.py)."""
import contextlib
import os
import pathlib
import platform
import pty
import select
import signal
import socket
import termios
import time

from harness import PATIENCE, alive, children, end_children, main, wait_until
from keeping import KeeperTest
from supervisor import Manager


class Messages(KeeperTest):

    def test_garbage_stores_nothing_and_harms_nothing(self):
        life = self.start()
        life.ask("store", ["svc.state"])
        for text in ("", "\0\0\0", "=", "\n\n", "x" * 5000, "FDSTORE=1\nFDNAME=a:b", "FDSTORE=1\nFDNAME=",
                     "FDSTORE=1\nFDNAME=" + "x" * 256, "FDSTOREREMOVE=1\nFDNAME=nobody", "FDSTORE=2",
                     "READY=1", "BARRIER=1", "FDSTORE=1", "\u00e4=\u00f6"):
            life.ask("say", text)
            life.ask("say", text, [0] if "FDSTORE=1" != text else [])
        self.assertTrue(life.ask("barrier"))
        self.wait_for_log("a fd cannot be kept as \"a:b\"")
        life.tell("kill", 9)
        life = self.life()
        self.assertEqual(["svc.state"], life.fds)
        self.assertLess(self.log.count("\n"), 12)
        self.finish(life)

    def test_nobody_else_is_heard(self):
        life = self.start()
        life.ask("store", ["svc.state"])
        stranger = life.ask("stranger", "FDSTORE=1\nFDNAME=svc.forged")
        for _ in range(20):
            life.ask("stranger", "FDSTOREREMOVE=1\nFDNAME=svc.state")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:  # of ours
            own.connect(life.hello["environment"]["NOTIFY_SOCKET"].replace("@", "\0", 1))
            own.send(b"FDSTOREREMOVE=1\nFDNAME=svc.state")
        self.assertTrue(life.ask("barrier"))
        self.assertEqual(1, self.log.count("is not the supervisor and is not heard"), self.log)
        del stranger  # it was gone by the time that it was read, or not
        life.tell("kill", 9)
        life = self.life()
        self.assertEqual(["svc.state"], life.fds)
        self.finish(life)

    def test_what_a_manager_of_its_own_is_to_know_is_passed_on(self):
        manager = Manager(self.directory / "manager")
        self.addCleanup(manager.close)
        life = self.start({"NOTIFY_SOCKET": str(manager.path), "FDSTORE": "7", "WATCHDOG_USEC": "9000000",
                           "WATCHDOG_PID": "1"})
        self.assertNotEqual(str(manager.path), life.hello["environment"]["NOTIFY_SOCKET"])
        self.assertEqual(str(life.pid), life.hello["environment"]["WATCHDOG_PID"])
        life.ask("store", ["svc.state"])
        life.ask("say", "READY=1\nMAINPID=1\nSTATUS=all well")
        life.ask("say", "RELOADING=1\nMONOTONIC_USEC=5\nEXTEND_TIMEOUT_USEC=7")
        life.ask("say", "WATCHDOG=1")
        life.ask("remove", "svc.state")
        life.ask("say", "STOPPING=1")
        self.finish(life)
        manager.wait_for("STOPPING=1")
        self.assertEqual(["READY=1", "STATUS=all well", "RELOADING=1", "MONOTONIC_USEC=5",
                          "EXTEND_TIMEOUT_USEC=7", "WATCHDOG=1", "STOPPING=1"], manager.messages)

    def test_a_manager_that_does_not_read_for_a_while_misses_nothing(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self.directory / "manager"))
            manager.settimeout(PATIENCE)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
                filler.connect(str(self.directory / "manager"))
                filler.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        filler.send(b"x")
                life = self.start({"NOTIFY_SOCKET": str(self.directory / "manager")})
                life.ask("say", "READY=1")
                self.assertTrue(life.ask("barrier"))  # it does not wait
                while (text := manager.recv(100)) == b"x":
                    pass
                self.assertEqual(b"READY=1", text)
        self.finish(life)


class Signals(KeeperTest):

    def signal(self, number):
        os.kill(self.process.pid, number)

    def test_signals_are_passed_on_and_the_child_starts_with_them_blocked(self):
        life = self.start()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
                       signal.SIGTERM):
            self.assertIn(number, life.hello["blocked"])
            self.signal(number)
            self.assertEqual([number], life.ask("signals", number))
        self.assertIn(signal.SIGCHLD, life.hello["blocked"])
        self.finish(life)

    def test_signals_that_come_while_there_is_no_child_are_given_to_the_next(self):
        life = self.start()
        life.ask("store", ["svc.state"])
        for _ in range(3):  # at once, 100, 200 ms
            life.tell("kill", 9)
            life = self.life()
        life.tell("kill", 9)
        self.wait_for_log("the next one starts in 400ms")
        self.signal(signal.SIGHUP)
        self.signal(signal.SIGUSR1)
        life = self.life()
        self.assertEqual([signal.SIGHUP, signal.SIGUSR1], life.ask("signals", signal.SIGUSR1))
        # A stop does not wait for the end of the backoff.
        for _ in range(2):  # 800, 1600 ms
            life.tell("kill", 9)
            life = self.life()
        life.tell("kill", 9)
        self.wait_for_log("the next one starts in 3s200ms")
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        life = self.life()
        self.assertLess(time.monotonic() - began, 3)
        self.assertEqual([signal.SIGTERM], life.ask("signals", signal.SIGTERM))
        self.finish(life)

    def test_a_child_that_dies_when_it_was_to_stop_now_has_that_done_for_it(self):
        life = self.start()
        life.ask("store", ["svc.state"])
        life.ask("orphans", 1000)
        self.signal(signal.SIGQUIT)
        life.ask("signals", signal.SIGQUIT)
        life.tell("kill", 9)
        self.assertEqual(1, self.wait())
        self.assertIn("when it was to stop now; killing the workers", self.log)
        self.assertEqual([], end_children())

    def test_whoever_signals_the_whole_group_signals_the_child_once(self):
        life = self.start(start_new_session=True)
        self.assertEqual(life.pid, life.hello["group"])
        os.killpg(self.process.pid, signal.SIGINT)
        self.signal(signal.SIGUSR2)
        self.assertEqual([signal.SIGINT, signal.SIGUSR2], life.ask("signals", signal.SIGUSR2))
        self.assertEqual([], life.ask("pending"))
        self.finish(life)


class InATerminal(KeeperTest):

    def start_in_terminal(self, mode=0):
        """In the foreground of a terminal of its own; returns our end of it, and the child."""
        outside, inside = pty.openpty()
        self.addCleanup(os.close, outside)
        attributes = termios.tcgetattr(inside)
        attributes[3] |= mode
        termios.tcsetattr(inside, termios.TCSANOW, attributes)
        path = os.ttyname(inside)

        def take_terminal():
            os.setsid()
            os.close(os.open(path, os.O_RDWR))  # a session's first terminal is its own
        life = self.start(stdin=inside, stdout=inside, stderr=inside, preexec_fn=take_terminal)
        os.close(inside)
        return outside, life

    def test_control_c_comes_once(self):
        outside, life = self.start_in_terminal()
        os.write(outside, b"\x03")
        self.assertEqual([signal.SIGINT], life.ask("signals", signal.SIGINT))
        os.kill(self.process.pid, signal.SIGUSR2)
        self.assertEqual([signal.SIGUSR2], life.ask("signals", signal.SIGUSR2))
        self.assertEqual([], life.ask("pending"))
        os.write(outside, b"\x1c")
        self.assertEqual([signal.SIGQUIT], life.ask("signals", signal.SIGQUIT))
        self.finish(life)

    def test_the_child_writes_to_the_terminal_also_where_the_background_may_not(self):
        outside, life = self.start_in_terminal(termios.TOSTOP)
        self.assertEqual(6, life.ask("write", "hello\n"))
        self.assertTrue(select.select([outside], [], [], PATIENCE)[0])
        self.assertIn(b"hello", os.read(outside, 100))
        self.finish(life)


class Reaping(KeeperTest):

    def test_orphans_of_the_child_are_reaped_and_outlive_it(self):
        life = self.start()
        life.ask("store", ["svc.state"])
        short, long = life.ask("orphans", 1000)
        wait_until("the orphan to be reaped", lambda: not os.path.exists(f"/proc/{short}"))
        life.tell("kill", 9)
        life = self.life()
        self.assertTrue(alive(long))
        self.assertIn(long, children(self.process.pid))
        os.kill(long, signal.SIGKILL)
        wait_until("the orphan to be reaped", lambda: not os.path.exists(f"/proc/{long}"))
        self.finish(life)

    def test_it_sleeps_while_nothing_happens(self):
        self.start()
        # The number of the call and its arguments (proc_pid_syscall(5)): it waits for events, and for no time.
        waiting = lambda: pathlib.Path(f"/proc/{self.process.pid}/syscall").read_text(encoding="ascii").split()
        # poll(2); where there is none ppoll(2), which has a pointer to the time.
        number, forever = ("7", 0xffffffff) if platform.machine() == "x86_64" else ("73", 0)
        wait_until("the keeper to sleep without end", lambda: (call := waiting())[0] == number and
                   int(call[3], 16) & 0xffffffff == forever)


if __name__ == "__main__":
    main()
