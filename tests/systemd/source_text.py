"""Blocks of code in the manual pages and in README.md."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Block:
    def __init__(self, page, line, lines):
        self.page, self.line, self.lines = page, line, lines

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def blocks(page, section=None):
    """Those of a page ("svc.1", or a path in the tree), or of one section of it, with the lines where they begin."""
    path = ROOT / "man" / f"{page}.scd"
    name = str((path if path.exists() else ROOT / page).relative_to(ROOT))
    found, inside, current = [], section is None, None
    for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
        if current is not None:
            if line.startswith("```"):
                found.append(current)
                current = None
            else:
                current.lines.append(line)
        elif inside and re.match(r"```", line):
            current = Block(name, number + 1, [])
        elif section is not None and re.match(r"# [A-Z]", line):
            inside = line == f"# {section}"
    return found
