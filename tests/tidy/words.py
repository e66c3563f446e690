"""No unfinished words and no paths of one developer's machine in the tree."""
import re

from source import files, name, read, report

# Written in pieces, so that this file is not its own finding.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
MACHINE = re.compile(r"(?<![\w.$}-])/(?:ho" + "me|wo" + "rk|ro" + r"ot|Users)/[A-Za-z0-9_.-]+")


def main():
    findings = []
    checked = files()
    for path in checked:
        for number, line in enumerate(read(path).splitlines(), 1):
            for pattern, what in ((UNFINISHED, "unfinished"), (MACHINE, "a path of one machine")):
                match = pattern.search(line)
                if match:
                    findings.append(f"{name(path)}:{number}: {what}: {match.group(0)}")
    report(findings, f"{len(checked)} files")


main()
