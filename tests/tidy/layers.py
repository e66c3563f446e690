"""The arrows of the architecture are include permissions (HACKING.md): who may include what."""
import re

from source import files, name, read, report

LAYERS = {
    "base": ("base/",),
    "rollout": ("base/", "rollout/"),
    "wire": ("base/", "rollout/", "wire/"),
    "os": ("base/", "os/"),
    "launch": ("base/", "os/", "wire/launch_order.h", "launch/"),
    "keeper": ("base/", "os/", "keeper/"),
    "svc": ("base/", "wire/", "os/", "svc/"),
    "svcd": ("base/", "rollout/", "wire/", "os/", "svcd/"),
    "libraries": (),
}
# Within the mechanism: a directory of svcd/host/ → the others that it may include. What lies in host/ itself puts
# them together, and gives them one thing of its own: the context that all of them work in.
HOST = "svcd/host/"
PARTS = {
    "children": (),
    "output": ("children",),
    "survival": ("children",),
    "history": ("children", "survival"),
    "listeners": ("children", "survival"),
    "hooks": ("children", "listeners"),
    "watching": ("children", "hooks"),
}
CONTEXT = HOST + "host_context.h"
# Library → the paths below src/ that may include it.
LIBRARIES = {
    r"boost/asio|boost/beast|boost/system": ("svcd/", "libraries/"),
    r"boost/json|boost/describe|boost/mp11": ("wire/", "svc/", "svcd/"),
    r"boost/": ("wire/", "svc/", "svcd/"),
    r"spdlog/|fmt/": ("svcd/", "libraries/"),
    r"toml\+\+/|tomlplusplus": ("wire/service_file", "libraries/"),
    r"CLI/": ("svc/", "svcd/"),
    r"doctest": (),
}
PURE = ("rollout", "wire")
# Where fds and processes are handled, but every system call is os/'s.
WITHOUT_SYSTEM_CALLS = (HOST,)
SYSTEM_CALLS = re.compile(r"(unistd|fcntl|poll|sched|spawn|pthread|dirent|grp|pwd)\.h|"
                          r"sys/(?!types\.h|resource\.h).*|linux/.*")
# Headers that reach outside the process, or that read a clock for policy's sake.
IMPURE = re.compile(r"(unistd|fcntl|poll|sched|spawn|pthread|dirent|syslog|netdb|grp|pwd)\.h|"
                    r"sys/(?!types\.h|resource\.h).*|netinet/.*|arpa/.*|linux/.*|"
                    r"fstream|iostream|filesystem|thread|mutex|future|random|condition_variable")
CLOCKS = re.compile(r"\b(system_clock|steady_clock|high_resolution_clock|clock_gettime|gettimeofday)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def part_of(path):
    """The part of the mechanism that a source or a header belongs to; none for what puts them together."""
    inside = path.removeprefix(HOST)
    return inside.split("/")[0] if inside != path and "/" in inside else None


def may_include(path, header):
    """Whether the parts of the mechanism allow it; what is no part of it may include them all."""
    part = part_of(path)
    if part is None or not header.startswith(HOST) or header == CONTEXT:
        return True
    return part_of(header) in (part, *PARTS[part])


def mistakes_of(path):
    inside = name(path).removeprefix("src/")
    layer = inside.split("/")[0]
    for number, line in enumerate(read(path).splitlines(), 1):
        place = f"{name(path)}:{number}"
        if layer in PURE and CLOCKS.search(line.split("//")[0]):
            yield f"{place}: {layer} is pure and reads no clock"
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, header = match.group(1) == '"', match.group(2)
        if quoted and not header.startswith(LAYERS[layer]):
            yield f"{place}: {layer} may not include {header}; it may: {', '.join(LAYERS[layer])}"
        if quoted and not may_include(inside, header):
            yield f"{place}: {HOST}{part_of(inside)} may not include {header}; it may: {', '.join(PARTS[part_of(inside)])}"
        if layer in PURE and not quoted and IMPURE.fullmatch(header):
            yield f"{place}: {layer} is pure and may not include <{header}>"
        if inside.startswith(WITHOUT_SYSTEM_CALLS) and not quoted and SYSTEM_CALLS.fullmatch(header):
            yield f"{place}: system calls belong to os/; <{header}> may not be included here"
        for library, users in LIBRARIES.items():
            if re.match(library, header):
                if not inside.startswith(users):
                    yield f"{place}: {header} belongs to {' '.join(users) or 'the tests'} only"
                break


def main():
    findings = []
    sources = files(".h", ".cpp", under=("src",))
    for path in sources:
        layer = name(path).split("/")[1]
        if layer not in LAYERS:
            findings.append(f"{name(path)}: there is no layer src/{layer}")
            continue
        findings += mistakes_of(path)
    bench = files(".h", ".cpp", ".py", under=("bench",))
    for path in bench:
        for number, line in enumerate(read(path).splitlines(), 1):
            if re.search(r"\bassert\b|\b(REQUIRE|CHECK)\(", line):
                findings.append(f"{name(path)}:{number}: a benchmark measures, a test asserts")
    report(findings, f"{len(sources)} sources and {len(bench)} of bench")


main()
