"""The shell sessions of a manual page, as a reader would type them.

A block of a page whose lines begin with "$ " is a session: what follows a command, up to the next one, is what it prints.
A reader's own machine shows other times, process ids, amounts of memory and widths of columns: these need not be the
same (`same()`). "..." in a line of its own stands for any lines; a command without output in the page may print what it
likes. "# exit status 1" behind a command says how it ends: else it must succeed.
"""
import os
import re
import select
import subprocess
import time

from processes import PATIENCE
from source_text import blocks

PROMPT = "$ "
STATUS = re.compile(r"\s*# exit status (\d+)$")
# What may differ: each becomes the pattern.
VARYING = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
    (r"\d+(?:\.\d+)?(?:us|ms|s|m|h|d)(?:\d+s)?\b", r"\d+(?:\.\d+)?(?:us|ms|s|m|h|d)(?:\d+s)?"),
    (r"\d+(?:\.\d+)? ?[KMG]i?B?\b", r"\d+(?:\.\d+)? ?[KMG]i?B?"),
    (r"\d+(?:\.\d+)?%", r"\d+(?:\.\d+)?%"),
    (r"\b\d{3,}\b", r"\d{3,}"),  # process ids, ports, sizes
    (r"[░▒█▄│]+", r"[░▒█▄│]+"),  # a timeline is as long as the times in it
    (r"\s+", r"\s+"),
)
ANY = "..."


class Command:
    def __init__(self, text, line):
        found = STATUS.search(text)
        self.status = int(found.group(1)) if found else 0
        self.text = text[:found.start()] if found else text
        self.line = line
        self.output = []


def sessions(page, section):
    """[[Command, …], …]: those of one section of a page, in its order."""
    return [_commands(block) for block in blocks(page, section) if block.lines[0].startswith(PROMPT)]


def _commands(block):
    found, here = [], None  # here: the word that ends a here-document
    for number, line in enumerate(block.lines, block.line):
        if here is not None:
            found[-1].text += "\n" + line
            here = None if line == here else here
        elif line.startswith(PROMPT):
            found.append(Command(line.removeprefix(PROMPT), number))
            document = re.search(r"<<-?'?(\w+)'?", line)
            here = document.group(1) if document else None
        elif found[-1].text.endswith("\\"):
            found[-1].text += "\n" + line
        else:
            found[-1].output.append(line.rstrip())
    return found


def _pattern(line):
    pattern, at = "", 0
    whole = "|".join(f"({what})" for what, _ in VARYING)
    for match in re.finditer(whole, line):
        pattern += re.escape(line[at:match.start()]) + VARYING[match.lastindex - 1][1]
        at = match.end()
    return pattern + re.escape(line[at:])


def same(written, real):
    """Whether a page's lines are what was printed."""
    if not written:
        return not real
    if written[0].strip() == ANY:
        return any(same(written[1:], real[skipped:]) for skipped in range(len(real) + 1))
    return bool(real) and re.fullmatch(_pattern(written[0].rstrip()), real[0].rstrip()) is not None and same(
        written[1:], real[1:])


class Shell:
    """One bash in a machine, in which each command finds what the ones before left: directory, variables, jobs."""

    END = "svc-session-end"

    def __init__(self, machine):
        self._process = machine.shell()

    def run(self, text, timeout=2 * PATIENCE):
        """(exit status, what it printed on stdout and stderr)"""
        self._process.stdin.write(f"{text}\nprintf '%s %s\\n' {self.END} $?\n")
        self._process.stdin.flush()
        printed, deadline = "", time.monotonic() + timeout
        while not (end := re.search(rf"{self.END} (\d+)\n", printed)):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))
            read = os.read(self._process.stdout.fileno(), 65536).decode(errors="replace") if ready else ""
            if not read:
                raise AssertionError(f"{'the shell ended' if ready else f'not done in {timeout:g} s'}: {text}\n{printed}")
            printed += read
        return int(end.group(1)), printed[:end.start()].splitlines()

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:  # a job of the session still has its output
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
