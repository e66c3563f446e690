"""The scripts of the shells: each shell can read its own, shellcheck has nothing to say, and they are thin. What they
complete of svcd is what svcd takes. Usage: completions.py SVCD SVC
"""
import re
import shutil
import subprocess
import sys

from source import ROOT, name, read, report

LINES = 60
SCRIPTS = {"svc.bash": ("bash", "-n"), "_svc": ("zsh", "-n"), "svc.fish": ("fish", "--no-config", "-n")}


def run(*command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=60)
    return result.returncode, result.stdout, result.stderr


def findings_of(path, check):
    lines = len(read(path).splitlines())
    if lines >= LINES:
        yield f"{name(path)}: {lines} lines; what takes so many belongs into src/svc/completion"
    commands = [check] if shutil.which(check[0]) else []
    if path.suffix == ".bash" and shutil.which("shellcheck"):
        commands.append(("shellcheck", "--format=gcc"))
    for command in commands:
        status, output, errors = run(*command, path)
        if status:
            yield f"{name(path)}: {command[0]}: {output}{errors}"


def options_of_svcd(svcd, svc):
    """svc has a copy of them."""
    # As the help has them: "-h,--help", and what stands for a value behind it.
    real = dict(re.findall(r"^  (?:-\w,)?(--[a-z-]+)( [A-Z]+)?", run(svcd, "--help")[1], flags=re.MULTILINE))
    told = {line.split("\t")[0] for line in run(svc, "complete", "zsh", "svcd --", "")[1].splitlines()[1:]}
    findings = [f"src/svc/completion/svcd_syntax.cpp: {option} of svcd is not there" for option in sorted(real.keys() - told)]
    findings += [f"src/svc/completion/svcd_syntax.cpp: svcd has no {option}" for option in sorted(told - real.keys())]
    for option in sorted(told & real.keys()):
        # Where it takes a value, another option is none.
        takes = "--help" not in run(svc, "complete", "zsh", f"svcd {option} -", "")[1]
        if takes != bool(real[option]) and option != "--help":
            findings.append(f"src/svc/completion/svcd_syntax.cpp: {option} takes {'no ' if takes else 'a '}value")
    return findings


def main():
    findings = options_of_svcd(*sys.argv[1:3])
    for script, check in SCRIPTS.items():
        findings += findings_of(ROOT / "completions" / script, check)
    report(findings, f"{len(SCRIPTS)} scripts")


main()
