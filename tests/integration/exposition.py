"""Prometheus's text format 0.0.4 and OpenMetrics 1.0, read strictly: what is not as its standard says is an error."""
import math
import re
import shutil
import subprocess
import unittest

NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
LABEL = rf'{NAME}="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9.]+(?:e[+-]?[0-9]+)?)")
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "info": ("_info",), "histogram": ("_bucket", "_sum", "_count")}


class Family:

    def __init__(self, name, kind):
        self.name = name
        self.kind = kind
        self.unit = ""
        self.samples = []


def check_histogram(family):
    """Of each set of labels: the buckets rise, and the last one is the count."""
    series = {}
    for name, labels, value in family.samples:
        rest = tuple(sorted((key, label) for key, label in labels.items() if key != "le"))
        series.setdefault(rest, []).append((name.removeprefix(family.name), labels.get("le"), value))
    for rest, samples in series.items():
        assert [suffix for suffix, _, _ in samples[-2:]] == ["_sum", "_count"], (family.name, rest)
        buckets = samples[:-2]
        assert all(suffix == "_bucket" for suffix, _, _ in buckets), (family.name, rest)
        # OpenMetrics: as a real number.
        assert all(re.fullmatch(r"[0-9]+\.[0-9]+|\+Inf", bound) for _, bound, _ in buckets), (family.name, rest)
        bounds = [math.inf if bound == "+Inf" else float(bound) for _, bound, _ in buckets]
        assert bounds == sorted(set(bounds)) and bounds[-1] == math.inf, (family.name, bounds)
        counts = [value for _, _, value in buckets]
        assert counts == sorted(counts) and counts[-1] == samples[-1][2], (family.name, counts)


def read(text, openmetrics=False):
    """The families by their names, of Prometheus's text too as OpenMetrics calls them."""
    assert text.endswith("\n")
    lines = text.split("\n")[:-1]
    if openmetrics:
        assert lines.pop() == "# EOF"
    families, family, seen = {}, None, set()
    at = 0
    while at < len(lines):
        if lines[at].startswith("# HELP "):
            name = lines[at].split(" ")[2]
            described = re.fullmatch(rf"# TYPE {name} (\w+)", lines[at + 1])
            assert described, f"no type after {lines[at]!r}"
            kind = described.group(1)
            at += 2
            if not openmetrics:
                assert kind in ("counter", "gauge", "histogram"), kind
                if name.endswith("_info"):
                    kind = "info"
                for suffix in ("_total", "_info"):
                    assert (suffix == "_total") == (kind == "counter") or not name.endswith("_total"), name
                    name = name.removesuffix(suffix)
            assert name not in families, f"{name} comes twice"
            family = families[name] = Family(name, kind)
            if openmetrics and at < len(lines) and lines[at].startswith("# UNIT "):
                _, _, of, family.unit = lines[at].split(" ")
                assert of == name and name.endswith("_" + family.unit), lines[at]
                at += 1
            continue
        match = SAMPLE.fullmatch(lines[at])
        assert match, f"no sample: {lines[at]!r}"
        name, labels, value = match.groups()
        assert name in [family.name + suffix for suffix in SUFFIXES[family.kind]], f"{name} in {family.name}"
        assert (name, labels) not in seen, f"{lines[at]} comes twice"
        seen.add((name, labels))
        pairs = dict(pair.split("=", 1) for pair in re.findall(LABEL, labels or ""))
        family.samples.append((name, {key: label[1:-1] for key, label in pairs.items()}, float(value)))
        at += 1
    for one in families.values():
        assert one.samples, f"{one.name} has no samples"
        if one.kind == "histogram":
            check_histogram(one)
    return families


def promtool(*arguments, text=None):
    """What promtool says, and its exit status."""
    if not shutil.which("promtool"):
        raise unittest.SkipTest("there is no promtool (Debian: prometheus)")
    result = subprocess.run(["promtool", *map(str, arguments)], input=text, text=True, capture_output=True, timeout=60)
    return result.returncode, result.stdout + result.stderr
