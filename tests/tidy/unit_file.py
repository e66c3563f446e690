"""systemd itself reads the unit files without a complaint. Usage: unit_file.py DIRECTORY SVCD SVC"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from source import report, skip


def instances(units, directory, svcd, svc):
    """Of svcd@ and its companion, with the commands where they were built and not yet installed; the rest is
    as shipped."""
    for unit in ("svcd", "svcd-reap"):
        shipped = units / f"{unit}@.service"
        # A user's companion is the system's.
        text = (shipped if shipped.exists() else units.parent / shipped.name).read_text(encoding="utf-8")
        text = re.sub(r"^(Exec\w+=)\S+/svcd\b", rf"\1{svcd}", text, flags=re.MULTILINE)
        text = re.sub(r"^(Exec\w+=)\S+/svc\b", rf"\1{svc}", text, flags=re.MULTILINE)
        instance = directory / f"{unit}@web.service"
        instance.write_text(text, encoding="utf-8")
        yield str(instance)


def complaints(kind, units, svcd, svc):
    with tempfile.TemporaryDirectory() as directory:
        files = list(instances(units, pathlib.Path(directory), svcd, svc))
        # verify ends with 0 for an unknown key: only silence is success.
        result = subprocess.run(["systemd-analyze", kind, "verify", "--man=no", *files],
                                stdin=subprocess.DEVNULL, text=True, capture_output=True,
                                env={**os.environ, "XDG_RUNTIME_DIR": directory})
    findings = [line for line in (result.stdout + result.stderr).splitlines()
                if re.search(r"svcd(-reap)?@", line)]
    if result.returncode and not findings:
        skip(f"systemd-analyze does not run here: {result.stderr.strip()}")
    return findings


def main():
    units, svcd, svc = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    if not shutil.which("systemd-analyze"):
        skip("there is no systemd-analyze")
    findings = complaints("--system", units, svcd, svc) + complaints("--user", units / "user", svcd, svc)
    report(findings, "four units")


main()
