"""Service files that people copy have no mistakes: those in examples/, and those in the manual pages and README.md.

In a page it is a block that begins with a table of svc.toml(5); what else a service file needs is added. Usage:
service_files.py SVC
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from source import ROOT, files, name, read, report

# scdoc's blocks and Markdown's, in the first column; a unit file's tables have capitals.
BLOCK = re.compile(r"^```(?:toml)?\n(\[\[?[a-z_.]+\]\]?\n.*?)^```$", flags=re.MULTILINE | re.DOTALL)
SERVICE = '[service]\ncommand = ["/bin/true"]\n'
LISTENER = '[[listener]]\nname = "http"\naddress = "127.0.0.1:8080"\n'


def written():
    """(where it stands, its text)"""
    for path in files(".toml", under=("examples",)):
        yield name(path), read(path)
    for path in [*files(".scd", under=("man",)), ROOT / "README.md"]:
        text = read(path)
        for block in BLOCK.finditer(text):
            whole = block.group(1)
            if "[service]" not in whole:
                whole += SERVICE
            if "[[listener]]" not in whole and "command" not in block.group(1):
                whole += LISTENER
            yield f"{name(path)}:{text.count(chr(10), 0, block.start()) + 2}", whole


def mistakes(svc, text):
    """What `svc check` says of it. What is not on this machine, it only notes."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "web.toml"
        path.write_text(text, encoding="utf-8")
        result = subprocess.run([svc, "check", str(path)], stdin=subprocess.DEVNULL, text=True, capture_output=True,
                                timeout=60)
    return (result.stdout + result.stderr).strip().replace(directory, "") if result.returncode else ""


def main():
    svc = sys.argv[1]
    found = list(written())
    if not any(where.startswith("man/svc-migrate") for where, _ in found):
        report(["no service file was found in man/svc-migrate.7.scd"], "")
    report([f"{where}: {said}" for where, text in found if (said := mistakes(svc, text))],
           f"{len(found)} service files")


main()
