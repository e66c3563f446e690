"""How a rollout is shown: live on a terminal, and afterwards as a drawing."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from harness import PATIENCE, ServiceTest, main, service, worker
from supervisor import SVC


class Screen:
    """A terminal that understands what svc may send: text, newlines, colors, and cursor up, clear to the end of the
    line and of the screen. Anything else is a failure."""
    CONTROL = re.compile(r"\x1b\[(\d*)([A-Za-z])")

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.lines = [""]
        self.row = self.column = 0
        self.drawings = 0

    def feed(self, text):
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = self.CONTROL.match(text, at)
                assert found, f"an escape that a screen need not know: {text[at:at + 20]!r}"
                self.control(found.group(2), int(found.group(1) or 0))
                at = found.end()
                continue
            self.put(text[at])
            at += 1

    def control(self, name, count):
        if name == "A":
            assert self.row >= count, "the cursor was moved above what svc has written"
            self.row -= count
            self.drawings += 1
        elif name == "K":
            self.lines[self.row] = self.lines[self.row][:self.column]
        elif name == "J":
            self.lines[self.row] = self.lines[self.row][:self.column]
            del self.lines[self.row + 1:]
        else:
            assert name == "m", f"an unexpected control: {name}"

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        else:
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[:self.column] + character + line[self.column + 1:]
            self.column += 1
            assert self.column < self.columns, f"a line that a terminal may wrap: {self.lines[self.row]}"

    def reflow(self, columns):
        """The terminal has another width: what no longer fits goes on in the next row."""
        above = self.row
        broken = [[line[at:at + columns] for at in range(0, len(line), columns)] or [""] for line in self.lines]
        self.row = sum(map(len, broken[:above]))
        self.lines = sum(broken, [])
        self.columns = columns

    @property
    def text(self):
        return "\n".join(self.lines)


class Terminal:
    """svc on a terminal of its own."""

    def __init__(self, supervisor, *arguments, rows=24, columns=80, **environment):
        self.screen = Screen(rows, columns)
        child, self.fd = pty.fork()
        if child == 0:
            with contextlib.suppress(Exception):
                self.resize(rows, columns, fd=0)
                os.execve(SVC, ["svc", *arguments], {**supervisor.environment, "TERM": "xterm",
                                                     "LC_ALL": "C.UTF-8", **environment})
            os._exit(127)
        self.child = child
        self.said = b""
        self.status = None

    def resize(self, rows, columns, fd=None):
        self.screen.reflow(columns)
        fcntl.ioctl(self.fd if fd is None else fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, condition, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while not condition(self.screen):
            left = deadline - time.monotonic()
            assert left > 0, f"the screen is still\n{self.screen.text}"
            if select.select([self.fd], [], [], left)[0] and not self.read():
                break
        return self.screen

    def read(self):
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: the other side is closed
            data = b""
        self.said += data
        text = self.said.decode(errors="ignore")
        # A character or a control may come in two parts.
        cut = text.rfind("\x1b") if re.search(r"\x1b\[?\d*$", text) else len(text)
        self.screen.feed(text[:cut])
        self.said = text[cut:].encode()
        return bool(data)

    def finish(self):
        """What the screen shows in the end."""
        self.read_until(lambda screen: False)
        os.close(self.fd)
        _, status = os.waitpid(self.child, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return self.screen.lines


class Live(ServiceTest):

    def test_a_line_a_worker_is_drawn_over_itself_and_the_end_is_one_sentence(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        flag = self.directory / "flag"
        supervisor.write(service(worker("--ready-when", flag), rollout={"replicas": 2}))
        terminal = Terminal(supervisor, "reload")
        lines = terminal.read_until(lambda screen: "r2-0  " in screen.text and "starting" in screen.text).lines
        self.assertRegex(lines[0], r"^reload web \d+\.\ds: revision 1 → 2 \(rolling\): 0 of 2 updated, 2 available$")
        self.assertRegex(terminal.screen.text, r"\n  r1-0  available  for \d+s\n")
        self.assertRegex(terminal.screen.text, r"\n  r2-0  starting   readiness, \S+ left\n")
        before = terminal.screen.drawings
        terminal.read_until(lambda screen: screen.drawings > before + 1)  # as time goes by
        flag.touch()
        lines = terminal.finish()
        self.assertEqual(0, terminal.status)
        self.assertRegex(lines[0], r"^web: revision 2 serves: 2 of 2 workers available, in \d+\.\ds$")
        self.assertEqual([""], lines[1:])

    def test_more_workers_than_lines_and_a_terminal_of_another_size(self):
        supervisor = self.start(service(rollout={"replicas": 12}))
        supervisor.write(service(worker("--ready-when", self.directory / "never"), rollout={"replicas": 12}))
        terminal = Terminal(supervisor, "reload", rows=8)
        # Once the new worker waits, nothing but the passing of time draws any more.
        screen = terminal.read_until(lambda screen: "… and 9 more: 9 available" in screen.text and
                                     re.search(r"  r2-0 +starting", screen.text))
        self.assertLessEqual(len(screen.lines), 8)
        drawings = screen.drawings
        terminal.read_until(lambda screen: screen.drawings > drawings)  # the next one is a second away
        terminal.resize(8, 30)
        terminal.read_until(lambda screen: screen.lines[0].endswith("…"), timeout=5)
        terminal.resize(8, 200)
        terminal.read_until(lambda screen: "0 of 12 updated" in screen.lines[0])
        os.kill(terminal.child, signal.SIGINT)
        lines = terminal.finish()
        self.assertEqual(130, terminal.status)
        self.assertIn("interrupted: the rollout goes on", "".join(lines))
        self.assertNotIn("r2-0", "".join(lines))
        self.assertEqual(2, supervisor.status()["rollout"][0]["to"])

    def test_an_interrupt_leaves_a_clean_screen_and_the_rollout_goes_on(self):
        supervisor = self.start()
        flag = self.directory / "flag"
        supervisor.write(service(worker("--ready-when", flag)))
        terminal = Terminal(supervisor, "reload", columns=200)
        terminal.read_until(lambda screen: "r2-0" in screen.text)
        os.write(terminal.fd, b"\x03")  # as a person does; the terminal answers ^C itself
        lines = terminal.finish()
        self.assertEqual(130, terminal.status)
        self.assertTrue(lines[0].startswith("svc: web: interrupted: the rollout goes on"), lines)
        self.assertEqual([""], lines[1:])
        flag.touch()
        supervisor.wait_for_revision(2)

    def test_a_dumb_terminal_has_plain_lines(self):
        supervisor = self.start()
        terminal = Terminal(supervisor, "reload", columns=200, TERM="dumb")
        lines = terminal.finish()
        self.assertEqual(0, terminal.screen.drawings)
        self.assertIn("revision 2 is accepted", lines[0])
        self.assertIn("serves: 1 of 1 worker available", lines[-2])

    def test_a_stop_and_a_scale_are_watched_too(self):
        supervisor = self.start(service(worker("--linger", "1.5")))
        lines = Terminal(supervisor, "scale", "2").finish()
        self.assertRegex(lines[0], r"^web: scaled to 2: 2 of 2 workers available, in \d+\.\ds$")
        terminal = Terminal(supervisor, "stop")
        terminal.read_until(lambda screen: "r1-1  stopping" in screen.text)
        self.assertRegex(terminal.screen.text, r"\n  r1-0  stopping   stop signal sent, \d+s left\n")
        self.assertRegex(terminal.finish()[0], r"^web: .* \(\d+\.\ds\)$")


class Drawn(ServiceTest):

    def json(self, supervisor, *arguments):
        return json.loads(supervisor.svc("--json", "timeline", *arguments).stdout)

    def test_a_rollout_is_drawn_from_what_was_recorded(self):
        supervisor = self.start(service(worker("--linger", "0.4"), rollout={"replicas": 2}))
        self.reload(supervisor)
        drawn = supervisor.svc("timeline", environment={"LC_ALL": "C"}).stdout
        self.assertRegex(drawn, r"^revision 2 from 1 \(rolling\): complete after \S+, began 20")
        for replica in 0, 1:
            self.assertRegex(drawn, rf"\nr1-{replica}  =*~+\| *exit status 0\n")
            self.assertRegex(drawn, rf"\nr2-{replica}  +\.+-*=+\n")
        self.assertRegex(drawn, r"\n +\|0\S+ +\|")
        self.assertIn(". starting", drawn)
        self.assertRegex(drawn, r"the last old worker was gone after \S+\n$")
        self.assertIn("█", supervisor.svc("timeline", environment={"LC_ALL": "C.UTF-8"}).stdout)
        record = self.json(supervisor)
        self.assertEqual((2, 1, "complete", False), tuple(record[key] for key in ("revision", "from", "result", "open")))
        old = [track for track in record["workers"] if track["revision"] == 1]
        self.assertEqual(2, len(old))
        for track in old:
            self.assertLess(track["available_us"], 0)
            self.assertLessEqual(0, track["drain_us"])
            self.assertLessEqual(track["drain_us"] + 400_000, track["ended_us"])

    def test_it_is_kept_with_the_revision_and_outlives_the_supervisor(self):
        supervisor = self.start()
        self.reload(supervisor)
        before = self.json(supervisor, "2")
        self.assertEqual(0, supervisor.stop())
        self.assertEqual(0o600, (supervisor.state / "web/revisions/2/timeline.json").stat().st_mode & 0o777)
        told = len(supervisor.manager.messages)
        supervisor.spawn()
        supervisor.manager.wait_for("READY=1", after=told)
        self.assertEqual(before, self.json(supervisor, "2"))
        self.assertEqual(3, self.json(supervisor, "web")["revision"])
        (supervisor.state / "web/revisions/2/timeline.json").unlink()
        missing = supervisor.svc("timeline", "2")
        self.assertEqual(1, missing.returncode)
        self.assertIn("revision 2 has no timeline", missing.stderr)
        self.assertIn("revision 99 is not kept; `svc history` lists what is", supervisor.svc("timeline", "99").stderr)

    def test_a_rollout_under_way_is_drawn_up_to_now_and_one_that_failed_says_why(self):
        supervisor = self.start()
        flag = self.directory / "flag"
        supervisor.write(service(worker("--ready-when", flag)))
        client = supervisor.start_svc("reload")
        supervisor.events.wait_for("worker_launched", lambda event: event["worker_name"] == "r2-0")
        drawn = supervisor.svc("timeline").stdout
        self.assertRegex(drawn, r"^revision 2 from 1 \(rolling\): in progress, \S+ so far")
        self.assertRegex(drawn, r"\nr2-0  ")
        flag.touch()
        client.communicate(timeout=PATIENCE)
        supervisor.write(service(worker("--exit", "3")))
        self.assertEqual(1, supervisor.svc("reload").returncode)
        drawn = supervisor.svc("timeline").stdout
        self.assertIn("revision 3 from 2 (rolling): rolled back after", drawn)
        self.assertIn("exit status 3", drawn)
        self.assertRegex(drawn, r"\nat \S+: .*exit status 3")
        track = next(track for track in self.json(supervisor)["workers"] if track["name"] == "r3-0")
        self.assertTrue(track["failed"])


class Events(ServiceTest):

    def test_the_newest_few_and_what_is_missing(self):
        supervisor = self.start()
        everything = supervisor.svc("events").stdout.splitlines()
        self.assertEqual(everything[-3:], supervisor.svc("events", "-n", "3").stdout.splitlines())
        self.assertEqual(2, supervisor.svc("events", "--lines", "few").returncode)


if __name__ == "__main__":
    main()
