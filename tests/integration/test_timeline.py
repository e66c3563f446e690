"""How a rollout is shown: live on a terminal, and afterwards as a drawing."""
import codecs
import contextlib
import dataclasses
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

from harness import PATIENCE, ServiceTest, connect, main, service, wait_until, worker
from supervisor import SVC


@dataclasses.dataclass
class Row:
    text: str = ""
    wrapped: bool = False  # it was full, and what followed went on in the next row


class Screen:
    """A terminal of this size that understands what svc may send: text, newlines, colors, and cursor up, clear to the
    end of the line and of the screen. Anything else is a failure. As nearly all do today, it wraps what does not fit,
    scrolls, and breaks what it shows anew when its width changes."""
    CONTROL = re.compile(r"\x1b\[(\d*)([A-Za-z])")

    def __init__(self, rows, columns):
        self.height, self.columns = rows, columns
        self.rows = [Row()]  # with those that were scrolled away
        self.top = 0         # the first one on the screen
        self.row = self.column = 0
        self.first = 0       # where the drawing begins that is being made, or was made last
        self.drawings = 0    # that are whole

    def feed(self, text):
        """Takes the text up to the end of the first drawing in it; returns what is left then, None without an end."""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self.put(text[at])
                at += 1
                continue
            found = self.CONTROL.match(text, at)
            assert found, f"an escape that a screen need not know: {text[at:at + 20]!r}"
            at = found.end()
            self.control(found.group(2), int(found.group(1) or 0))
            if found.group(2) == "J":
                self.drawings += 1
                return text[at:]
        return None

    def control(self, name, count):
        here = self.rows[self.row]
        if name == "A":
            assert self.row >= count, "the cursor was moved above what svc has written"
            self.row = self.first = max(self.row - count, self.top)
        elif name in "JK":
            here.text, here.wrapped = here.text[:self.column], False
            if name == "J":
                del self.rows[self.row + 1:]
        else:
            assert name == "m", f"an unexpected control: {name}"

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.down()
        else:
            if self.column == self.columns:
                self.rows[self.row].wrapped = True
                self.down()
                self.column = 0
            here = self.rows[self.row]
            line = here.text.ljust(self.column)
            here.text = line[:self.column] + character + line[self.column + 1:]
            self.column += 1

    def down(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append(Row())
        self.top = max(self.top, self.row - self.height + 1)

    def resize(self, rows, columns):
        """What was wrapped comes together again, and what no longer fits goes on in the next row. The cursor stays with
        its text, and where it was on the screen; a screen that grows shows what was scrolled away."""
        on_screen = self.row - self.top if rows <= self.height else rows
        line, lines, begins = "", [], []
        for number, row in enumerate(self.rows):
            if not begins or not self.rows[number - 1].wrapped:
                begins.append(number)
                lines.append("")
            lines[-1] += row.text
        at = max(index for index, number in enumerate(begins) if number <= self.row)
        into = (self.row - begins[at]) * self.columns + self.column
        self.height, self.columns, self.rows = rows, columns, []
        for index, line in enumerate(lines):
            if index == at:
                self.row, self.column = len(self.rows) + into // columns, into % columns
            pieces = [line[cut:cut + columns] for cut in range(0, len(line), columns)] or [""]
            self.rows += [Row(piece, piece is not pieces[-1]) for piece in pieces]
        self.top = max(self.row - min(on_screen, rows - 1), 0)

    @property
    def drawing(self):
        """The lines of the last drawing, None if they do not fit: one was wrapped, or the first was scrolled away."""
        rows = self.rows[self.first:self.row]
        return None if self.first < self.top or any(row.wrapped for row in rows) else [row.text for row in rows]

    @property
    def lines(self):
        return [row.text for row in self.rows[self.top:]]

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
                self.measure(0, rows, columns)
                os.execve(SVC, ["svc", *arguments], {**supervisor.environment, "TERM": "xterm",
                                                     "LC_ALL": "C.UTF-8", **environment})
            os._exit(127)
        self.child = child
        # A character or a control may come in two parts.
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.said = ""
        self.status = None

    def measure(self, fd, rows, columns):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        """svc hears of it some time later: what it has written by then is broken as it comes."""
        self.screen.resize(rows, columns)
        self.measure(self.fd, rows, columns)

    def read_until(self, condition, timeout=PATIENCE):
        """Until the condition holds after a whole drawing, or svc has ended."""
        deadline = time.monotonic() + timeout
        while True:
            left = self.screen.feed(self.complete())
            if left is not None:
                self.said = left + self.said
                if condition(self.screen):
                    break
                continue
            patience = deadline - time.monotonic()
            assert patience > 0, f"the screen is still\n{self.screen.text}"
            if select.select([self.fd], [], [], patience)[0] and not self.read():
                break
        return self.screen

    def complete(self):
        """Takes what was said, but for a control that is not whole."""
        cut = self.said.rfind("\x1b") if re.search(r"\x1b\[?\d*$", self.said) else len(self.said)
        text, self.said = self.said[:cut], self.said[cut:]
        return text

    def read(self):
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: the other side is closed
            data = b""
        self.said += self.decoder.decode(data)
        return bool(data)

    def finish(self):
        """What the screen shows in the end."""
        self.read_until(lambda screen: False)
        os.close(self.fd)
        _, status = os.waitpid(self.child, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return self.screen.lines


class Live(ServiceTest):

    def test_a_line_a_worker_is_drawn_over_itself_and_the_verdict_is_its_last(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        flag = self.directory / "flag"
        supervisor.write(service(worker("--ready-when", flag), rollout={"replicas": 2}))
        terminal = Terminal(supervisor, "reload")
        lines = terminal.read_until(lambda screen: "r2-0  " in screen.text and "starting" in screen.text).lines
        self.assertRegex(lines[0], r"^reload web \S+: revision 1 → 2 \(rolling\): 0 of 2 updated, 2 available$")
        self.assertRegex(terminal.screen.text, r"\n  r1-0  available +for \S+\n")
        self.assertRegex(terminal.screen.text, r"\n  r2-0  starting   ▕.*▏ +\S+ left +readiness\n")
        before = terminal.screen.drawings
        terminal.read_until(lambda screen: screen.drawings > before + 1)  # as time goes by
        flag.touch()
        lines = terminal.finish()
        self.assertEqual(0, terminal.status)
        self.assertRegex(lines[-2], r"^web: revision 2 serves: 2 of 2 workers available, in \d\S*s$")
        self.assertEqual("", lines[-1])
        self.assertEqual([0], [at for at, line in enumerate(lines) if line.startswith("reload web")])

    def test_a_drain_shows_the_connections_that_are_open(self):
        supervisor = self.start(service(worker("--end-when", self.directory / "end")))
        with connect(supervisor.address()):
            # The old one has it: the worker that follows is not there yet.
            wait_until("it to be accepted", lambda: supervisor.status(connections=True)["workers"][0]["connections"] == 1)
            terminal = Terminal(supervisor, "reload", columns=120)
            terminal.read_until(lambda screen: re.search(
                r"\n  r1-0  stopping .* left +stop signal sent, 1 connection", screen.text))
        (self.directory / "end").touch()
        terminal.finish()
        self.assertEqual(0, terminal.status)

    def test_more_workers_than_lines_and_a_terminal_of_another_size(self):
        supervisor = self.start(service(rollout={"replicas": 12}))
        supervisor.write(service(worker("--ready-when", self.directory / "never"), rollout={"replicas": 12}))
        terminal = Terminal(supervisor, "reload", rows=8)
        # Once the new worker waits, nothing but the passing of time draws any more.
        screen = terminal.read_until(lambda screen: "… and 9 more: 9 available" in screen.text and
                                     re.search(r"  r2-0 +starting", screen.text))
        self.assertEqual(0, screen.top, "all of it is on the screen")
        # First there is room for all that a line is broken into, so that what svc takes back of it is seen.
        self.follows(terminal, 32, 30, lambda lines: lines[0].endswith("…"))
        self.follows(terminal, 8, 200, lambda lines: "0 of 12 updated" in lines[0])
        os.kill(terminal.child, signal.SIGINT)
        lines = terminal.finish()
        self.assertEqual(130, terminal.status)
        self.assertIn("interrupted: the rollout goes on", "".join(lines))
        self.assertEqual(1, "".join(lines).count("r2-0"))
        self.assertEqual(2, supervisor.status()["rollout"][0]["to"])

    def follows(self, terminal, rows, columns, fits):
        """Another size, and svc draws for it: each line in one row, and each drawing over the one before. What it had
        drawn before it heard of the new size may have been broken and have left something above."""
        before = terminal.screen.drawings
        terminal.resize(rows, columns)
        screen = terminal.read_until(lambda screen: screen.drawing and fits(screen.drawing))
        self.assertTrue(screen.drawing and fits(screen.drawing), screen.text)
        self.assertLess(len(screen.drawing), rows)
        if screen.drawings == before + 1:  # it heard of it before it drew again
            self.assertEqual([*screen.drawing, ""], screen.lines)
        first, drawings = screen.first, screen.drawings
        terminal.read_until(lambda screen: screen.drawings > drawings)
        self.assertTrue(screen.drawing and fits(screen.drawing), screen.text)
        self.assertEqual(first, screen.first)

    def test_an_interrupt_leaves_a_clean_screen_and_the_rollout_goes_on(self):
        supervisor = self.start()
        flag = self.directory / "flag"
        supervisor.write(service(worker("--ready-when", flag)))
        terminal = Terminal(supervisor, "reload", columns=200)
        terminal.read_until(lambda screen: "r2-0" in screen.text)
        os.write(terminal.fd, b"\x03")  # as a person does; the terminal answers ^C itself
        lines = terminal.finish()
        self.assertEqual(130, terminal.status)
        self.assertTrue(lines[-2].startswith("svc: web: interrupted: the rollout goes on"), lines)
        self.assertEqual("", lines[-1])
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
        flag = self.directory / "flag"
        supervisor = self.start(service(worker("--end-when", flag)))
        lines = Terminal(supervisor, "scale", "2").finish()
        self.assertRegex(lines[-2], r"^web: scaled to 2: 2 of 2 workers available, in \d\S*s$")
        terminal = Terminal(supervisor, "stop")
        terminal.read_until(lambda screen: "r1-1  stopping" in screen.text)
        self.assertRegex(terminal.screen.text, r"\n  r1-0  stopping .* left +stop signal sent(, \d conn\S*)?\n")
        flag.touch()
        self.assertRegex(terminal.finish()[-2], r"^web: .* \(\d\S*s\)$")


class Drawn(ServiceTest):

    def json(self, supervisor, *arguments):
        return json.loads(supervisor.svc("--json", "timeline", *arguments).stdout)

    def test_a_rollout_is_drawn_from_what_was_recorded(self):
        flag = self.directory / "flag"
        supervisor = self.start(service(worker("--end-when", flag), rollout={"replicas": 2}))
        client = supervisor.start_svc("reload")
        started = supervisor.events.wait_for("rollout_started", lambda event: event["revision"] == 2)["at"]
        for name in "r1-0", "r1-1":
            stopping = supervisor.events.wait_for("worker_stopping", lambda event, name=name:
                                                  event["worker_name"] == name)["at"]
        # The drains take as long as all that was before: each has its columns.
        wait_until("as long again", lambda: 1e6 * time.time() > 2 * stopping - started)
        flag.touch()
        out, err = client.communicate(timeout=PATIENCE)
        self.assertEqual(0, client.returncode, out + err)
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
            self.assertLessEqual(track["drain_us"] + stopping - started, track["ended_us"])

    def test_it_is_kept_with_the_revision_and_outlives_the_supervisor(self):
        supervisor = self.start()
        self.reload(supervisor)
        before = self.json(supervisor, "2")
        self.assertEqual(0, supervisor.stop())
        self.assertEqual(0o600, (supervisor.state / "web/revisions/2/timeline.json").stat().st_mode & 0o777)
        supervisor.start()
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
