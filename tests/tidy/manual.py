"""What is not in the manual does not exist, and what is in the manual does.

Options and verbs are compared with what --help prints, keys with what the parser of service files
reads, signals and exit statuses with the sources, members of JSON with the control protocol's interface
(which tests/unit/wire/control_test.cpp compares with the structs). In a page, a line that begins with a bold word
(*--option* …, *key* = …, *verb* …, *SIGHUP*, *3*) defines it. Usage: manual.py SVCD SVC
"""
import re
import shutil
import signal
import subprocess
import sys

from source import ROOT, files, read, report, skip

MAN = ROOT / "man"
PAGES = ("svc.1", "svc.7", "svc.toml.5", "svc-migrate.7", "svc-presets.7", "svc-worker.7", "svcd.8")
# CLI11's own, explained once in each page.
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]+)")


def page(name):
    # scdoc needs an underscore in a word escaped.
    return read(MAN / f"{name}.scd").replace("\\", "")


def section(name, *titles):
    """The text below the headings of a page."""
    found = ""
    for block in re.split(r"^# ", page(name), flags=re.MULTILINE)[1:]:
        title, _, text = block.partition("\n")
        if title.strip() in titles:
            found += text
    return found


def defined(text, pattern):
    """The bold words that match the pattern in lines that begin with a bold word. Several may stand
    in one line (*-q*, *--quiet*), before the first one that is not bold or a parameter."""
    words = set()
    for line in text.splitlines():
        line = re.sub(r"^#+ ", "", line.strip())
        if line.startswith("*"):
            words.update(word for bold in re.findall(r"\*([^*]+)\*", line)
                         for word in re.findall(rf"(?<![\w-]){pattern}(?![\w-])", bold))
    return words


def help_of(*command):
    result = subprocess.run([*command, "--help"], stdin=subprocess.DEVNULL, text=True,
                            capture_output=True, timeout=30)
    if result.returncode:
        sys.exit(f"{' '.join(command)} --help ended with {result.returncode}: {result.stderr}")
    return result.stdout


def subcommands(text):
    """The names below a heading such as "Subcommands:" or "Commands:"."""
    found = re.search(r"^(?:sub)?commands:\n((?:[ \t]+.*\n?|\n)*)", text,
                      flags=re.MULTILINE | re.IGNORECASE)
    # A name stands in the first column of the list; deeper lines go on with a description.
    return re.findall(r"^ {1,4}([a-z][a-z-]*)\b", found.group(1), flags=re.MULTILINE) if found else []


def difference(what, where, real, written):
    return ([f"{what} {name} is not in {where}" for name in sorted(real - written)] +
            [f"{where} tells of {what} {name}, which does not exist"
             for name in sorted(written - real)])


def options(svcd, svc):
    verbs = subcommands(help_of(svc))
    of_svc = set(OPTION.findall(help_of(svc)))
    for verb in verbs:
        of_svc.update(OPTION.findall(help_of(svc, verb)))
    findings = difference("option", "svc.1", of_svc, defined(page("svc.1"), "--[a-z][a-z0-9-]+"))
    findings += difference("option", "svcd.8", set(OPTION.findall(help_of(svcd))),
                           defined(page("svcd.8"), "--[a-z][a-z0-9-]+"))
    commands = section("svc.1", "COMMANDS", "VERBS")
    written = {match.group(1) for match in re.finditer(
        r"^(?:#+ )?\*?(?:svc )?([a-z]+)\*?(?=[ \n])", commands, flags=re.MULTILINE)
               if match.group(0).startswith(("*", "#"))}
    return findings + difference("verb", "svc.1", set(verbs), written)


def keys():
    """The names that the parser asks its tables for."""
    real = set()
    for path in files(".cpp", under=("src/wire/service_file",)):
        text = read(path)
        real.update(re.findall(r'\bread_\w+(?:<[^>]*>)?\(\s*(?:\w+,\s*)?"([a-z0-9_]+)"', text))
        real.update(re.findall(r'\bfind\("([a-z0-9_]+)"\)', text))
    return difference("key", "svc.toml.5", real,
                      defined(section("svc.toml.5", "KEYS", "TABLES", "OPTIONS", "SERVICE", "LISTENER",
                                      "READY", "LIVE", "ROLLOUT", "STOP", "RESTART", "RECYCLE", "LOG", "LIMITS", "METRICS",
                                      "HOOKS", "PROBES") or page("svc.toml.5"),
                              "[a-z][a-z0-9_]+(?= =|$)"))


def presets():
    """Each one that is built in was tried, and the others say why not."""
    real = {path.stem for path in (ROOT / "src/presets").glob("*.toml")}
    return difference("preset", "svc-presets.7", real,
                      set(re.findall(r"^\|  ([a-z0-9-]+)$", page("svc-presets.7"), flags=re.MULTILINE)))


def signals():
    real = set()
    for path in files(".cpp", ".h", under=("src/svcd/front",)):
        for line in read(path).splitlines():
            if "signal_set" in line or "signals" in line or "case SIG" in line:
                real.update(re.findall(r"\bSIG(?!_)[A-Z0-9]+\b", line.split("//")[0]))
    not_for_people = {"SIGCHLD", "SIGPIPE"}
    written = defined(section("svcd.8", "SIGNALS"), "SIG[A-Z0-9]+")
    return difference("signal", "svcd.8", real - not_for_people, written - not_for_people)


def exit_statuses():
    """Named ones (exit_usage = 2) of both, and what svcd's main and its command line return."""
    findings = []
    for name, where in (("svc.1", "src/svc"), ("svcd.8", "src/svcd/front")):
        real = set()
        for path in files(".cpp", ".h", under=(where,)):
            text = read(path)
            real.update(re.findall(r"\bexit_\w+\s*=\s*(\d+)\s*[,;]", text))
            if re.search(r"\b128 \+", text):  # as a shell counts a death by signal
                real.update(str(128 + signal.Signals[word]) for word in
                            set(re.findall(r"\bSIG[A-Z]+\b", text)) & {"SIGINT", "SIGTERM", "SIGHUP"})
            if path.name in ("main.cpp", "options.cpp"):
                real.update(re.findall(r"\breturn (?:EndNow)?\{?(\d)[,;]", text))
        written = defined(section(name, "EXIT STATUS"), r"\d+")
        findings += difference("exit status", name, real, written)
    return findings


def json_types():
    """What svc.1 says of JSON: members with their types, by the name of their object."""
    found = {}
    for block in re.split(r"^## ", section("svc.1", "JSON"), flags=re.MULTILINE)[1:]:
        title, _, text = block.partition("\n")
        found[title.strip()] = set(re.findall(r"^- \*(\w+)\* _((?:\?|\[(?:string)?\])*\w+)_(?=:|$)", text, flags=re.MULTILINE))
    return found


def json_members():
    """Of the supervisor's objects with their types; of those that svc makes itself the names alone."""
    source = read(ROOT / "src/wire/control_interface.cpp")
    real = {"Progress": re.search(r"#define PROGRESS(.*?)\)", source, flags=re.DOTALL).group(1)}
    real.update(re.findall(r"^type (\w+) \(([^)]*:[^)]*)\)", source, flags=re.MULTILINE))
    for name, text in re.findall(r"^method (\w+)\([^)]*\) -> \(([^)]*)\)", source, flags=re.MULTILINE):
        if name != "Upgrade":  # svc makes another object of it
            real[name] = text
    real["Refusal"] = re.search(r"^error Refused \(([^)]*)\)", source, flags=re.MULTILINE).group(1)
    written = json_types()
    findings = []
    for name, text in real.items():
        findings += difference(f"JSON's {name}", "svc.1", {": ".join(member) for member in re.findall(
            r"(\w+): ((?:\?|\[(?:string)?\])*\w+)", text)}, {": ".join(member) for member in written.pop(name, ())})
    kinds = re.search(r"^type EventKind \(([^)]*)\)", source, flags=re.MULTILINE).group(1)
    told = re.search(r"A _kind_ is one of: ([^.]*)\.", section("svc.1", "JSON"))
    findings += difference("JSON's kind", "svc.1", set(re.findall(r"\w+", kinds)),
                           set(re.findall(r"\w+", told.group(1) if told else "")))
    refused = re.search(r'\{\{"(\w+)", reply\.error\}, \{"(\w+)"', read(ROOT / "src/svc/talk/conversation.cpp"))
    findings += difference("JSON's Error", "svc.1", set(refused.groups()), {member for member, _ in written.pop("Error", ())})
    for file, names in (("verbs/upgrade", ("Upgrade",)), ("verbs/check", ("Check", "Mistake", "Paragraph", "Note")),
                        ("talk/looks", ("List",)), ("verbs/preset", ("Preset",)), ("verbs/init", ("Init",))):
        text = read(ROOT / f"src/svc/{file}.cpp")
        made = set(re.findall(r'\{"(\w+)", |object\["(\w+)"\]', text))
        findings += difference(f"JSON's {' or '.join(names)}", "svc.1", {one or other for one, other in made},
                               {member for name in names for member, _ in written.pop(name, ())})
    return findings + [f"svc.1 tells of JSON's {name}, which does not exist" for name in sorted(written)]


def lint():
    """Problems that scdoc and mandoc see in the pages."""
    findings = []
    for name in PAGES:
        built = subprocess.run(["scdoc"], stdin=open(MAN / f"{name}.scd", "rb"), capture_output=True)
        if built.returncode:
            findings.append(f"{name}: scdoc: {built.stderr.decode().strip()}")
            continue
        if shutil.which("mandoc"):
            result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=built.stdout,
                                    capture_output=True)
            for line in result.stdout.decode().splitlines():
                # Pages of other packages may be missing here; paragraphs are as scdoc makes them.
                if not re.search(r"referenced manual not found|skipping paragraph macro", line):
                    findings.append(f"{name}: {line}")
    return findings


def main():
    missing = [name for name in PAGES if not (MAN / f"{name}.scd").exists()]
    if missing:
        report([f"man/{name}.scd does not exist" for name in missing], "")
    if not shutil.which("scdoc"):
        skip("there is no scdoc")
    svcd, svc = sys.argv[1:3]
    report(options(svcd, svc) + keys() + presets() + signals() + exit_statuses() + json_members() + lint(), f"{len(PAGES)} pages")


main()
