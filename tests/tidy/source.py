"""What the tidy tests share: the tree's files, C++ without its comments, and how findings are told."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOP_FILES = ("README.md", "HACKING.md", "meson.build", "meson_options.txt")
DIRECTORIES = ("src", "include", "tests", "bench", "examples", "scripts", "man", "systemd",
               "completions", ".ci")
SKIPPED = ("__pycache__",)


def files(*suffixes, under=DIRECTORIES):
    """Every file of the tree below `under` with one of the suffixes (all of them without any)."""
    found = []
    for directory in under:
        for path in sorted((ROOT / directory).rglob("*")):
            if path.is_file() and not any(part in SKIPPED for part in path.parts):
                if not suffixes or path.suffix in suffixes:
                    found.append(path)
    if under is DIRECTORIES:
        found += [ROOT / name for name in TOP_FILES
                  if (ROOT / name).is_file() and (not suffixes or (ROOT / name).suffix in suffixes)]
    return found


def shell_scripts():
    """Files that a shell reads, whatever their names."""
    return [path for path in files() if re.match(rb"#!.*\b(sh|bash)\b", path.read_bytes()[:80])]


def name(path):
    return str(path.relative_to(ROOT))


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


_NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)


def code_only(text):
    """C++ with comments, strings and preprocessor lines blanked, line numbers kept."""
    def blank(match):
        found = match.group(0)
        return ("" if found.startswith("/") else '""') + "\n" * found.count("\n")
    text = _NOISE.sub(blank, text)
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda m: "\n" * m.group(0).count("\n"), text,
                  flags=re.MULTILINE)


def report(findings, checked):
    """Ends the test: prints what was found, or how much was looked at."""
    for finding in findings:
        print(finding)
    if not findings:
        print(f"nothing found in {checked}")
    sys.exit(1 if findings else 0)


def skip(reason):
    """Meson's word for a test that could not run here."""
    print(f"skipped: {reason}")
    sys.exit(77)
