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
# Layers of several parts: a directory → the others of its layer that it may include. What lies in the layer's own
# directory, or in one that is not named, puts them together.
PARTS = {
    "svcd/host/": {
        "children": (),
        "output": ("children",),
        "survival": ("children",),
        "history": ("children", "survival"),
        "listeners": ("children", "survival"),
        "hooks": ("children", "listeners"),
        "watching": ("children", "hooks"),
    },
    "svc/": {
        "options": (),
        "screen": (),
        "talk": ("options", "screen"),
        "draw": ("screen",),
        "lines": ("screen", "talk"),
        "completion": ("options", "screen", "draw"),
        "first": ("draw",),
    },
}
# What a layer gives its parts: the context that all of them work in.
GIVEN = ("svcd/host/host_context.h",)
# Library → the paths below src/ that may include it.
LIBRARIES = {
    r"boost/asio|boost/beast|boost/system": ("svcd/", "libraries/"),
    r"boost/json|boost/describe|boost/mp11": ("wire/", "svc/", "svcd/"),
    r"boost/": ("wire/", "svc/", "svcd/"),
    r"spdlog/|fmt/": ("svcd/", "libraries/"),
    r"toml\+\+/|tomlplusplus": ("wire/service_file", "libraries/"),
    r"CLI/": ("svc/options/", "svcd/"),
    r"doctest": (),
}
PURE = ("rollout", "wire")
# Where fds and processes are handled, but every system call is os/'s.
WITHOUT_SYSTEM_CALLS = ("svcd/host/",)
SYSTEM_CALLS = re.compile(r"(unistd|fcntl|poll|sched|spawn|pthread|dirent|grp|pwd)\.h|"
                          r"sys/(?!types\.h|resource\.h).*|linux/.*")
# Headers that reach outside the process, or that read a clock for policy's sake.
IMPURE = re.compile(r"(unistd|fcntl|poll|sched|spawn|pthread|dirent|syslog|netdb|grp|pwd)\.h|"
                    r"sys/(?!types\.h|resource\.h).*|netinet/.*|arpa/.*|linux/.*|"
                    r"fstream|iostream|filesystem|thread|mutex|future|random|condition_variable")
CLOCKS = re.compile(r"\b(system_clock|steady_clock|high_resolution_clock|clock_gettime|gettimeofday)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def part_of(path):
    """The layer in several parts that a source or a header belongs to, and its part of it: none for what puts them
    together."""
    for layer, parts in PARTS.items():
        inside = path.removeprefix(layer)
        if inside != path and inside.split("/")[0] in parts:
            return layer, inside.split("/")[0]
    return None, None


def parts_for(path, header):
    """The parts of its own layer that a source may include, if the header is in none of them."""
    layer, part = part_of(path)
    if part is None or not header.startswith(layer) or header in GIVEN:
        return None
    allowed = (part, *PARTS[layer][part])
    return None if part_of(header)[1] in allowed else allowed


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
        if quoted and (allowed := parts_for(inside, header)):
            yield f"{place}: this part may not include {header}, but what is in: {', '.join(allowed)}"
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
