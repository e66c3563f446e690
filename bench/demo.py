"""The second half of scripts/demo: everything is built; show what it does."""
import argparse
import pathlib
import re
import sys
import tempfile
import time
import urllib.request

from harness.load import Load
from harness.processes import end_children, tail, take_charge
from harness.programs import Programs
from harness.svcd import Svcd, service_file

RELOADS = 10


class Wrong(Exception):
    """The demonstration did not show what it promises."""


def say(text=""):
    print(text, flush=True)


class Demo:
    def __init__(self, programs, directory, rate):
        self.programs = programs
        self.rate = rate
        self.svcd = Svcd(programs, directory)
        self.load = None
        self.url = ""

    def deploy(self, version, *extra):
        """Writes the service file of this version; returns how `svc reload` ended and how long it
        took."""
        self.write(version, *extra)
        begin = time.monotonic()
        return self.svcd.svc("reload"), time.monotonic() - begin

    def write(self, version, *extra):
        self.svcd.write(service_file([self.programs.example_web, "--version-label", version,
                                      "--start-delay", 200, "--request-delay", 5, *extra],
                                     replicas=2))

    def version(self):
        """What a browser would see."""
        with urllib.request.urlopen(self.url, timeout=10) as answer:
            return re.match(r"version (\S+)", answer.read().decode())[1]

    def expect_version(self, version):
        if (serving := self.version()) != str(version):
            raise Wrong(f"version {version} should serve, but version {serving} answered")

    def start(self):
        self.write(1)
        self.svcd.start()
        address = self.svcd.status()["listeners"][0]["address"]
        self.url = f"http://{address}/"
        say(f"  svcd holds the socket; two workers of version {self.version()} serve {self.url}")
        self.load = Load(self.programs, address, self.rate)
        say(f"  load: {self.rate:g} new connections a second, and 20 clients that keep theirs")
        time.sleep(2)

    def reload_ten_times(self):
        for version in range(2, RELOADS + 2):
            self.load.mark("reload")
            result, seconds = self.deploy(version)
            self.load.unmark()
            if result.returncode != 0:
                raise Wrong(f"the reload to version {version} failed:\n{result.stdout}{result.stderr}")
            self.expect_version(version)
            count = self.load.count()
            say(f"  version {version:2} serves after {seconds * 1e3:4.0f} ms; "
                f"{count['requests']:6,} requests so far, {count['failed']} failed")
            time.sleep(0.5)

    def reject_a_broken_version(self):
        broken = RELOADS + 2
        self.load.mark("rejected")
        result, seconds = self.deploy(broken, "--fail-before-ready")
        self.load.unmark()
        if result.returncode != 1:
            raise Wrong(f"a version that cannot start should be rejected with status 1, not "
                        f"{result.returncode}:\n{result.stdout}{result.stderr}")
        say(f"  svc reload ended with status 1 after {seconds * 1e3:.0f} ms and said:")
        for line in (result.stdout + result.stderr).rstrip().splitlines():
            say(f"    {line}")
        self.expect_version(RELOADS + 1)
        say(f"  version {RELOADS + 1} still serves")
        time.sleep(1)

    def stop(self):
        report = self.load.stop()
        seconds = self.svcd.stop()
        if self.svcd.process.returncode != 0:
            raise Wrong(f"svcd ended with status {self.svcd.process.returncode}")
        say(f"  every worker drained and left; svcd ended with status 0 after {seconds * 1e3:.0f} ms")
        return report


def print_table(report):
    new, kept = report["new"], report["keep_alive"]
    say(f"\n{'':28}{'new connections':>16}{'keep-alive':>12}")
    say(f"{'requests':28}{new['requests']:16,}{kept['requests']:12,}")
    for kind, count in new["failures"].items():
        say(f"  {kind.replace('_', ' '):26}{count:16,}{kept['failures'][kind]:12,}")
    say(f"\n{'latency in ms':28}{'p50':>8}{'p99':>8}{'p99.9':>8}{'max':>8}")
    groups = {"without a reload": report["latency"]["outside"],
              "during a reload": report["latency"]["inside"]["reload"]}
    for title, group in groups.items():
        for kind, name in (("new", "new"), ("keep_alive", "keep-alive")):
            cells = "".join(f"{group[kind][key] / 1e3:8.1f}"
                            for key in ("p50_us", "p99_us", "p999_us", "max_us"))
            say(f"{title + ', ' + name:28}{cells}")


def failures(report):
    return sum(sum(report[kind]["failures"].values()) for kind in ("new", "keep_alive"))


def show(programs, directory, rate):
    demo = Demo(programs, directory, rate)
    try:
        say("Starting a service")
        demo.start()
        say(f"\nReplacing it {RELOADS} times under load")
        demo.reload_ten_times()
        say("\nDeploying a version that cannot start")
        demo.reject_a_broken_version()
        say("\nStopping")
        report = demo.stop()
    except Wrong as wrong:
        say(f"\n{wrong}\n\nThe supervisor's log ended with:\n{tail(demo.svcd.log)}")
        return 1
    print_table(report)
    lost = failures(report)
    if lost:
        say(f"\n{lost} requests failed. The first:")
        for sample in report["samples"]:
            say(f"  {sample}")
        return 1
    total = report["new"]["requests"] + report["keep_alive"]["requests"]
    say(f"\n{total:,} requests, {RELOADS} reloads, one failed deployment: nothing was lost.")
    return 0


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Shows svc at work.")
    parser.add_argument("--build", help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=float, default=300, help="new connections a second")
    options = parser.parse_args()
    programs = Programs(options.build)
    programs.require("svcd", "svc", "example_web", "loadgen")
    take_charge()
    try:
        with tempfile.TemporaryDirectory(prefix="svc-demo-") as directory:
            try:
                return show(programs, pathlib.Path(directory), options.rate)
            finally:
                end_children()  # before their directory goes
    except KeyboardInterrupt:
        say("\nInterrupted; everything that was started is stopped.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
