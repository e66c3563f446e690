"""systemd itself reads the unit file without a complaint. Usage: unit_file.py UNIT SVCD SVC"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from source import report, skip


def main():
    unit, svcd, svc = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    if not shutil.which("systemd-analyze"):
        skip("there is no systemd-analyze")
    text = unit.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as directory:
        # The commands are where they were built and not yet installed; the rest is as shipped.
        text = re.sub(r"^(ExecStart=)\S+/svcd\b", rf"\1{svcd}", text, flags=re.MULTILINE)
        text = re.sub(r"^(ExecReload=)\S+/svc\b", rf"\1{svc}", text, flags=re.MULTILINE)
        instance = pathlib.Path(directory) / "svcd@web.service"
        instance.write_text(text, encoding="utf-8")
        # verify ends with 0 for an unknown key: only silence is success.
        result = subprocess.run(["systemd-analyze", "verify", "--man=no", str(instance)],
                                stdin=subprocess.DEVNULL, text=True, capture_output=True)
    findings = [line for line in (result.stdout + result.stderr).splitlines() if "svcd@" in line]
    if result.returncode and not findings:
        skip(f"systemd-analyze does not run here: {result.stderr.strip()}")
    report(findings, unit.name)


main()
