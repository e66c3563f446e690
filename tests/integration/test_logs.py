"""Where a worker's output goes, and that nothing which dies, ends or upgrades loses or breaks a line of it."""
import os
import pathlib
import pty
import re
import resource
import signal
import threading
import tty

from harness import ServiceTest, main, service, wait_until, worker

COLOR = re.compile(r"\x1b\[[0-9]+m")


def numbers_of(lines):
    """The numbers of `line N …`, each of which must be whole."""
    found = []
    for line in lines:
        match = re.fullmatch(r"line (\d+) (\.*)", line)
        if match:
            assert len(match.group(2)) == int(match.group(1)) % 90, line
            found.append(int(match.group(1)))
        else:
            assert re.fullmatch(r"end \d+", line), line
    return found


class LogTest(ServiceTest):

    def counting(self, pause="0.0005", **log):
        return service(worker(pause, program="counting.py"), log=log)

    def upgrade(self, supervisor):
        last = supervisor.events.last
        supervisor.signal(signal.SIGUSR2)
        supervisor.events.wait_for(
            "supervisor", lambda event: "goes on where" in event["text"], after=last)

    def die_and_succeed(self, supervisor):
        supervisor.die()
        before = supervisor.manager.mark()
        supervisor.succeed()
        supervisor.manager.wait_for("READY=1", after=before)


class File(LogTest):

    def setUp(self):
        super().setUp()
        self.log = self.directory / "logs" / "worker.log"
        self.log.parent.mkdir()

    def lines(self, *files):
        return [line for file in files or (self.log,) if file.exists()
                for line in file.read_text(encoding="utf-8").splitlines()]

    def start_counting(self, pause="0.0005", **log):
        return self.start(self.counting(pause, output="file", file=str(self.log), **log))

    def grow(self, file=None):
        """Waits until a whole line more is there."""
        before = len(self.lines(file or self.log))
        wait_until("the log to grow", lambda: len(self.lines(file or self.log)) > before)

    def wait_written(self, pid, count):
        """Until a worker has written so many bytes more."""
        def written():
            counters = pathlib.Path(f"/proc/{pid}/io").read_text(encoding="ascii")
            return int(re.search(r"wchar: (\d+)", counters).group(1))
        before = written()
        wait_until("the worker to write on", lambda: written() > before + count)

    def assert_complete(self, lines):
        numbers = numbers_of(lines)
        self.assertEqual(list(range(len(numbers))), numbers)
        self.assertEqual(f"end {len(numbers)}", lines[-1])

    def test_it_has_the_mode_that_the_service_file_says(self):
        self.start_counting(mode="0662")  # not what a umask would leave
        self.assertEqual(0o662, self.log.stat().st_mode & 0o777)

    def test_no_line_is_lost_repeated_or_broken_when_the_supervisor_is_killed_or_upgraded(self):
        supervisor = self.start_counting("0.0001")
        for _ in range(5):
            self.grow()
            self.die_and_succeed(supervisor)
            self.grow()
            self.upgrade(supervisor)
        self.assertEqual(0, supervisor.stop())
        self.assert_complete(self.lines())

    def test_a_worker_writes_on_while_there_is_no_supervisor(self):
        supervisor = self.start_counting("0.0005")
        (pid,) = supervisor.pids()
        self.grow()
        supervisor.die()
        # More than a pipe holds that nobody has made larger.
        self.wait_written(pid, 100_000)
        before = supervisor.manager.mark()
        supervisor.succeed()
        supervisor.manager.wait_for("READY=1", after=before)
        self.assertEqual(0, supervisor.stop())
        self.assert_complete(self.lines())

    def test_usr1_opens_it_again_after_it_was_renamed(self):
        supervisor = self.start_counting()
        self.grow()
        old = self.log.with_suffix(".1")
        self.log.rename(old)
        self.grow(old)
        supervisor.signal(signal.SIGUSR1)
        wait_until("the new file", self.log.exists)
        self.grow()
        supervisor.wait_log("1 log file opened again")
        self.assertEqual(0, supervisor.stop())
        self.assert_complete(self.lines(old, self.log))

    def test_one_that_cannot_be_opened_is_told_and_never_stops_a_worker(self):
        self.log.parent.rmdir()
        supervisor = self.start_counting()
        supervisor.wait_log("what the workers write to")
        self.assertIn("No such file or directory", supervisor.log)
        self.log.parent.mkdir()
        supervisor.wait_log("is written again")
        self.grow()
        self.assertEqual(1, supervisor.log.count("what the workers write to"))
        self.assertEqual(1, len(supervisor.pids("available")))

    def test_a_full_one_is_told_once_and_stops_no_worker(self):
        supervisor = self.start_counting("0")
        # As a full disk is, but of this process only.
        resource.prlimit(supervisor.pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
        supervisor.wait_log("File too large")
        self.wait_written(supervisor.pids()[0], 4 << 20)
        self.assertEqual(1, supervisor.log.count("is lost until"))
        self.log.rename(self.log.with_suffix(".1"))
        supervisor.signal(signal.SIGUSR1)
        supervisor.wait_log("is written again")
        self.grow()

    def test_a_symbolic_link_is_no_log_file(self):
        target = self.directory / "passwd"
        target.write_text("root\n", encoding="utf-8")
        self.log.symlink_to(target)
        supervisor = self.start_counting()
        supervisor.wait_log("it is a symbolic link")
        self.assertEqual("root\n", target.read_text(encoding="utf-8"))

    def test_the_last_lines_of_a_version_that_fails_are_reported(self):
        supervisor = self.start_counting()
        supervisor.write(service(worker("--say", "no database", "--exit", "3"),
                                 log={"output": "file", "file": str(self.log)}))
        failed = supervisor.svc("reload")
        self.assertEqual(1, failed.returncode)
        self.assertIn("no database", failed.stdout + failed.stderr)
        self.assertIn("no database", self.log.read_text(encoding="utf-8"))

    def test_svc_logs_reads_it_and_goes_on_in_the_next_file(self):
        supervisor = self.start_counting()
        self.grow()
        # The last one, and what is written while it is read.
        self.assertRegex(supervisor.svc("logs", "-n", "1").stdout, r"\A(line \d+ \.*\n)+\Z")
        following = supervisor.start_svc("logs", "-f", "-n", "2")
        first = int(following.stdout.readline().split()[1])
        self.log.rename(self.log.with_suffix(".1"))
        supervisor.signal(signal.SIGUSR1)
        wait_until("the new file", self.log.exists)
        self.grow()
        # Each line of the first file and the first of the second one.
        last = numbers_of(self.lines())[0]
        for number in range(first + 1, last + 2):
            self.assertEqual(number, int(following.stdout.readline().split()[1]))
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=60)
        self.assertEqual(130, following.returncode)

    def test_svc_logs_waits_in_the_old_file_for_who_is_told_of_the_new_one(self):
        supervisor = self.start_counting()
        self.grow()
        following = supervisor.start_svc("logs", "-f", "-n", "1")
        first = int(following.stdout.readline().split()[1])
        # As logrotate does it with its option "create".
        self.log.rename(self.log.with_suffix(".1"))
        self.log.touch()
        old = self.log.with_suffix(".1")
        size = old.stat().st_size
        wait_until("the old file to grow", lambda: old.stat().st_size > size)
        supervisor.signal(signal.SIGUSR1)
        wait_until("the new file to grow", lambda: self.log.stat().st_size > 0)
        last = numbers_of(self.lines())[0]
        for number in range(first + 1, last + 2):
            self.assertEqual(number, int(following.stdout.readline().split()[1]))
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=60)

    def test_svc_logs_without_journalctl_says_what_is_missing(self):
        supervisor = self.start(service())
        answer = supervisor.svc("logs", environment={"PATH": "/nowhere"})
        self.assertEqual(1, answer.returncode)
        self.assertIn("cannot start journalctl: No such file or directory", answer.stderr)

    def test_svc_logs_reads_it_when_no_supervisor_runs(self):
        supervisor = self.start_counting()
        self.grow()
        config = self.directory / "config" / "svc"
        config.mkdir(parents=True)
        (config / "web.toml").write_text(supervisor.file.read_text(encoding="utf-8"), encoding="utf-8")
        self.assertEqual(0, supervisor.stop())
        answer = supervisor.svc("logs", "-n", "1", "web", environment={"XDG_CONFIG_HOME": str(config.parent)})
        self.assertRegex(answer.stdout, r"\Aend \d+\n\Z", answer.stderr)

    def test_svc_logs_says_what_a_file_cannot_tell(self):
        supervisor = self.start_counting()
        answer = supervisor.svc("logs", "--revision", "1")
        self.assertEqual(1, answer.returncode)
        self.assertIn(str(self.log), answer.stderr)


class Prefix(LogTest):

    def start_in_terminal(self, content, **environment):
        """A supervisor whose stderr is a terminal; self.taken has what it showed."""
        outside, self.inside = pty.openpty()
        tty.setraw(self.inside)
        self.addCleanup(os.close, self.inside)
        supervisor = self.make(content, environment=environment)
        path = os.ttyname(self.inside)
        supervisor.arguments = ["/bin/sh", "-c", f'exec "$@" 2>{path}', "sh", *supervisor.arguments]
        self.taken = bytearray()
        threading.Thread(target=self.read_all, args=(outside,), daemon=True).start()
        return supervisor.start()

    def read_all(self, outside):
        while True:
            try:
                data = os.read(outside, 4096)
            except OSError:  # the last of the other side is closed
                break
            self.taken += data
        os.close(outside)

    def shown(self):
        return self.taken.decode(errors="replace")

    def lines(self, mark="web.0 | "):
        return [line.removeprefix(mark) for line in COLOR.sub("", self.shown()).split("\n")[:-1]
                if line.startswith(mark)]

    def test_a_terminal_shows_whose_line_it_is_in_the_workers_colour(self):
        supervisor = self.start_in_terminal(service(worker("--say", "hello"), rollout={"replicas": 2}))
        wait_until("both lines", lambda: re.search(r"\x1b\[36m|\x1b\[32m", self.shown())
                   and "hello" in self.lines() and "hello" in self.lines("web.1 | "))
        colors = {re.search(rf"\x1b\[(\d+)mweb\.{replica} \| \x1b\[0mhello", self.shown()).group(1)
                  for replica in (0, 1)}
        self.assertEqual(2, len(colors))
        self.assertEqual(0, supervisor.stop())

    def test_without_colours_where_nobody_wants_them(self):
        supervisor = self.start_in_terminal(service(worker("--say", "hello")), NO_COLOR="1")
        wait_until("the line", lambda: "web.0 | hello" in self.shown())
        self.assertNotIn("\x1b", self.shown())
        self.assertEqual(0, supervisor.stop())

    def test_no_line_is_lost_when_the_supervisor_is_killed_or_upgraded(self):
        supervisor = self.start_in_terminal(self.counting("0.0002"))
        for _ in range(4):
            before = len(self.lines())
            wait_until("more lines", lambda: len(self.lines()) > before)
            self.die_and_succeed(supervisor)
            self.upgrade(supervisor)
        self.assertEqual(0, supervisor.stop())
        wait_until("the last line", lambda: any(line.startswith("end ") for line in self.lines()))
        # A kill between a line's showing and its leaving the pipe shows it again, and one in its middle shows its
        # beginning first. Nothing is missing, and nothing stands in another line.
        next_number = 0
        for line in self.lines():
            if line.startswith("end "):
                self.assertEqual(f"end {next_number}", line)
            elif match := re.fullmatch(r"line (\d+) (\.*)", line):
                number = int(match.group(1))
                self.assertLessEqual(number, next_number)
                if len(match.group(2)) == number % 90:
                    next_number = max(next_number, number + 1)

    def test_by_name_into_a_file_too(self):
        supervisor = self.start(service(worker("--say", "hello"), log={"output": "prefix"}))
        supervisor.wait_log("web.0 | hello\n")
        self.assertEqual(0, supervisor.stop())


class Journal(LogTest):

    def test_a_journal_that_is_not_there_is_told_once_and_keeps_no_worker_down(self):
        if os.path.exists("/run/systemd/journal/stdout"):
            self.skipTest("this machine has a journal")
        supervisor = self.start(service(worker("--say", "hello"), log={"output": "journal"},
                                        rollout={"replicas": 2}))
        supervisor.wait_log("web.0 | hello\n")
        supervisor.wait_log("web.1 | hello\n")
        self.assertEqual(1, supervisor.log.count("cannot reach the journal"))
        supervisor.write(service(worker("--say", "no database", "--exit", "3"), log={"output": "journal"}))
        failed = supervisor.svc("reload")
        self.assertIn("no database", failed.stdout + failed.stderr)


if __name__ == "__main__":
    main()
