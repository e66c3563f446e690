"""C++ is as clang-format 14 writes it, and shell scripts are as sh and shellcheck want them."""
import re
import shutil
import subprocess
import sys

from source import files, name, report, shell_scripts, skip


def run(*command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, capture_output=True)
    return result.returncode, (result.stdout + result.stderr).strip()


def sources():
    version = run("clang-format", "--version")[1] if shutil.which("clang-format") else "none"
    # Another version breaks lines in other places; Debian 12's is the one that counts.
    if not re.search(r"version 14\.", version):
        skip(f"clang-format 14 is needed, found: {version}")
    paths = files(".h", ".cpp", ".c")
    status, output = run("clang-format", "--dry-run", "-Werror", *map(str, paths))
    places = [line for line in output.splitlines() if "error:" in line]
    findings = places + ["run scripts/format"] if status else []
    report(findings, f"{len(paths)} sources")


def shell():
    findings = []
    scripts = shell_scripts()
    for path in scripts:
        interpreter = "bash" if b"bash" in path.read_bytes()[:80] else "sh"
        status, output = run(interpreter, "-n", str(path))
        if status == 0 and shutil.which("shellcheck"):
            status, output = run("shellcheck", "--format=gcc", str(path))
        if status:
            findings.append(f"{name(path)}:\n{output}")
        if not path.stat().st_mode & 0o100:
            findings.append(f"{name(path)}: starts with #! and is not executable")
    report(findings, f"{len(scripts)} scripts")


{"sources": sources, "shell": shell}[sys.argv[1]]()
