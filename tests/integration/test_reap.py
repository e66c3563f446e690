"""svcd --reap: the end of what a supervisor left behind."""
import os
import pathlib
import subprocess
import time
import unittest

from harness import PATIENCE, ServiceTest, alive, main, service, wait_until, worker
from supervisor import SVCD


class Reap(ServiceTest):

    def reap(self, supervisor, name="web", prefix=()):
        return subprocess.run([*prefix, str(SVCD), "--reap", name, "--runtime-dir", str(supervisor.runtime),
                               "--state-dir", str(supervisor.state)],
                              stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=PATIENCE)

    def collect(self, pids):
        """They came to us when their parent died: nobody else can see that they have ended."""
        for pid in pids:
            os.waitpid(pid, 0)

    def test_a_service_with_a_supervisor_is_left_alone(self):
        supervisor = self.start()
        pids = supervisor.pids()
        answer = self.reap(supervisor)
        self.assertEqual(1, answer.returncode)
        self.assertIn("already has a supervisor", answer.stderr)
        self.assertEqual(pids, supervisor.pids())
        self.assertTrue(all(map(alive, pids)))

    def test_workers_without_one_end_as_they_are_used_to(self):
        marks = self.directory / "marks"
        supervisor = self.start(service(worker("--linger", "0.5", "--marks", marks), rollout={"replicas": 2}))
        pids = supervisor.pids()
        supervisor.die()
        self.assertTrue(all(map(alive, pids)))
        answer = self.reap(supervisor)
        self.assertEqual(0, answer.returncode, answer.stderr)
        self.assertIn("no supervisor is there any more", answer.stderr)
        self.assertFalse(any(map(alive, pids)))
        self.assertEqual(2, marks.read_text(encoding="utf-8").count("end "))
        self.collect(pids)

    def test_they_end_as_their_service_file_had_it(self):
        told = self.directory / "told"
        script = (f"trap 'echo QUIT >> {told}; exit' QUIT; trap 'echo TERM >> {told}; exit' TERM; "
                  "while :; do sleep 0.05; done")
        supervisor = self.start(service(["/bin/sh", "-c", script], ready={"on": "started"},
                                        stop={"signal": "SIGQUIT"}))
        pids = supervisor.pids()
        supervisor.die()
        self.assertEqual(0, self.reap(supervisor).returncode)
        self.assertEqual("QUIT\n", told.read_text(encoding="utf-8"))
        self.collect(pids)

    def test_one_that_does_not_end_has_its_own_grace_and_no_more(self):
        supervisor = self.start(service(["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"],
                                        ready={"on": "started"}, stop={"grace": "2s"}))
        pids = supervisor.pids()
        supervisor.die()
        began = time.monotonic()
        self.assertEqual(0, self.reap(supervisor).returncode)
        self.assertGreaterEqual(time.monotonic() - began, 2)
        self.assertFalse(any(map(alive, pids)))
        self.collect(pids)

    def test_the_main_process_alone_is_told_as_by_its_supervisor(self):
        told = self.directory / "told"
        inner = self.directory / "inner"
        child = f"trap 'echo child >> {told}; exit' TERM; echo $$ > {inner}; while :; do sleep 0.05; done"
        script = (f"trap 'kill -0 $! && echo main >> {told}; exit' TERM; sh -c \"{child}\" & "
                  "while :; do sleep 0.05; done").replace("$$", "\\$\\$")
        supervisor = self.start(service(["/bin/sh", "-c", script], ready={"on": "started"}))
        pids = [int(wait_until("the child", lambda: inner.exists() and inner.read_text(encoding="utf-8"))),
                *supervisor.pids()]
        supervisor.die()
        self.assertEqual(0, self.reap(supervisor).returncode)
        self.assertEqual("main\n", told.read_text(encoding="utf-8"))
        self.assertFalse(any(map(alive, pids)))

    def test_a_child_that_ends_meanwhile_is_not_taken_for_a_main_process(self):
        told = self.directory / "told"
        inner = self.directory / "inner"
        child = f"trap 'echo child >> {told}; exit' TERM; echo \\$\\$ > {inner}; while :; do sleep 0.05; done"
        # A process begins and ends in each moment: of those that are found, some are gone when they are looked at.
        script = (f"trap 'kill -0 $! && echo main >> {told}; exit' TERM; sh -c \"{child}\" & "
                  "while :; do /bin/true; done")
        for attempt in range(20):
            told.unlink(missing_ok=True)
            inner.unlink(missing_ok=True)
            supervisor = self.start(service(["/bin/sh", "-c", script], ready={"on": "started"}))
            wait_until("the child", lambda: inner.exists() and inner.read_text(encoding="utf-8"))
            supervisor.die()
            self.assertEqual(0, self.reap(supervisor).returncode)
            self.assertEqual("main\n", told.read_text(encoding="utf-8"), f"attempt {attempt}")

    def test_without_a_main_process_each_is_told(self):
        told = self.directory / "told"
        script = (f"trap 'echo told >> {told}; exit' TERM; echo ready >> {told}; "
                  "while :; do sleep 0.05; done")
        supervisor = self.start()
        supervisor.die()
        environment = {**os.environ, "NOTIFY_SOCKET": f"{supervisor.runtime}/web/notify/r7-0"}
        others = [subprocess.Popen(["/bin/sh", "-c", script], env=environment) for _ in range(2)]
        wait_until("both", lambda: told.exists() and told.read_text(encoding="utf-8") == "ready\n" * 2)
        self.assertEqual(0, self.reap(supervisor).returncode)
        for other in others:
            other.wait(PATIENCE)
        self.assertEqual("ready\n" * 2 + "told\n" * 2, told.read_text(encoding="utf-8"))

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_what_cannot_be_killed_is_told_of_and_not_waited_for(self):
        supervisor = self.start(service(stop={"grace": "200ms"}))
        (pid,) = supervisor.pids()
        supervisor.die()
        environment = {**os.environ, "NOTIFY_SOCKET": f"{supervisor.runtime}/web/notify/r1-1"}
        other = subprocess.Popen(["setpriv", "--reuid", "65534", "--clear-groups", "sleep", "1000"], env=environment)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        wait_until("its exec", lambda: pathlib.Path(f"/proc/{other.pid}/comm").read_text("utf-8") == "sleep\n")
        answer = self.reap(supervisor, prefix=["setpriv", "--bounding-set", "-kill", "--inh-caps", "-kill"])
        self.assertEqual(1, answer.returncode, answer.stderr)
        self.assertIn(f"process {other.pid} (r1-1) cannot be killed, and is still there", answer.stderr)
        self.assertFalse(alive(pid))
        self.collect([pid])

    def test_what_they_started_goes_with_them(self):
        file = self.directory / "stray"
        supervisor = self.start(service(["/bin/sh", "-c", f"setsid sleep 1000 & echo $! > {file}; exec \"$@\"",
                                         "sh", *worker()]))
        stray = int(wait_until("the stray", lambda: file.exists() and file.read_text(encoding="utf-8")))
        pids = supervisor.pids()
        supervisor.die()
        self.assertEqual(0, self.reap(supervisor).returncode)
        self.assertFalse(any(map(alive, [stray, *pids])))
        self.collect([stray, *pids])

    def test_another_service_is_none_of_its_business(self):
        supervisor = self.start()
        pids = supervisor.pids()
        supervisor.die()
        answer = self.reap(supervisor, "we")
        self.assertEqual((0, ""), (answer.returncode, answer.stderr))
        self.assertTrue(all(map(alive, pids)))
        self.assertEqual(0, self.reap(supervisor).returncode)
        self.collect(pids)


if __name__ == "__main__":
    main()
