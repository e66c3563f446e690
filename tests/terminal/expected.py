"""Whole screens, line by line as a person should see them: expected/NAME.txt.

What differs from run to run stands there as a placeholder, and nothing else may differ:

    <port>        a value of that kind; what follows it comes right behind it
    <pid    >     one with spaces behind it, as wide together as the placeholder: a column that begins there
    <    cpu>     one with spaces before it, likewise: a column that ends there
    <fill 79>     as many spaces as make the line 79 columns wide

So whatever is in a column before or behind it is compared in its place, too. A screen that a program fills has all of
its lines, the empty ones among them; spaces at the ends of lines are not compared."""
import pathlib
import re

from harness import PATIENCE, wait_until

PLACE = pathlib.Path(__file__).resolve().parent / "expected"

KINDS = {
    "pid": r"[1-9]\d{0,6}",
    "port": r"[1-9]\d{3,4}",
    "took": r"\d+\.\ds|\d+m(\d+s)?",  # how long something took
    "age": r"\d+s|\d+m(\d+s)?|\d+h(\d+m)?|\d+d(\d+h)?",
    "left": r"(\d+s|\d+m(\d+s)?|\d+h(\d+m)?|\d+d(\d+h)?) left",
    "clock": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    "cpu": r"\d+\.\d",
    "mb": r"\d\.\d[KMG]|\d{2,3}[KMG]",
    "dir": r"/[\w/.-]+",
}
FILL = re.compile(r"<fill (\d+)>")
PLACEHOLDER = re.compile(r"<( *)(" + "|".join(KINDS) + r")( *)>")


class Mismatch(AssertionError):
    pass


def matches(expected, line):
    """Whether a line of the screen is as expected. Placeholders with a width are compared by columns."""
    fill = FILL.search(expected)
    if fill:
        left, right = expected[:fill.start()], expected[fill.end():]
        return len(line) == int(fill[1]) and any(
            matches(left, line[:at].rstrip()) and matches(right, line[at:].lstrip())
            for at, letter in enumerate(line) if letter == " ")
    end, pattern, widths = 0, "", []
    for found in PLACEHOLDER.finditer(expected):
        before, kind, behind = found.groups()
        pattern += re.escape(expected[end:found.start()])
        if before or behind:
            pattern += f"(.{{{len(found[0])}}})"
            widths.append((kind, bool(before)))
        else:
            pattern += f"({KINDS[kind]})".replace("(", "(?:")
        end = found.end()
    pattern += re.escape(expected[end:])
    found = re.fullmatch(pattern, line)
    return bool(found) and all(
        re.fullmatch(f" *(?:{KINDS[kind]})" if right else f"(?:{KINDS[kind]}) *", text)
        for (kind, right), text in zip(widths, found.groups()))


def difference(name, text):
    """Why the screen `text` is not expected/NAME.txt; None: it is."""
    path = PLACE / f"{name}.txt"
    wanted = path.read_text(encoding="utf-8").splitlines() if path.exists() else ["(there is no such file)"]
    seen = text.splitlines()
    for index in range(max(len(wanted), len(seen))):
        expected = wanted[index].rstrip() if index < len(wanted) else None
        line = seen[index].rstrip() if index < len(seen) else None
        if expected is None or line is None or not matches(expected, line):
            return (f"line {index + 1} is not as in expected/{name}.txt:\n  expected {expected!r}\n  "
                    f"on the screen {line!r}\n---- expected:\n" + "\n".join(wanted) +
                    "\n---- on the screen:\n" + text + "\n----")
    return None


def assert_screen(name, text):
    why = difference(name, text)
    if why:
        raise Mismatch(why)


def wait_for_screen(screen, name, timeout=PATIENCE):
    """Until the screen is as expected; returns its text."""
    last = [""]

    def look():
        last[0] = screen.text()
        return difference(name, last[0]) is None

    try:
        wait_until(f"the screen of expected/{name}.txt", look, timeout)
    except AssertionError:
        assert_screen(name, last[0])
        raise
    return last[0]
