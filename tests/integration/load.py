"""Steady load from the project's own load generator while something happens."""
import contextlib
import json
import subprocess

from processes import PATIENCE, wait_until
from supervisor import BUILD

LOADGEN = BUILD / "bench/loadgen/loadgen"
# What example-web is to do with idle connections of a client that is slower than it should be: wait for its next
# request, which ends them.
DRAIN = "--drain", "60000"
# So many requests without an answer are enough: a machine on which they pile up gets no more of them.
MOST_OPEN = 64


class Load:
    """A context in which requests are sent at a fixed rate, on new connections and on kept ones.
    Afterwards .report is what loadgen saw."""

    def __init__(self, address, rate, keepalive, keepalive_rate=20):
        target = address if isinstance(address, str) else "{}:{}".format(*address)
        self.command = [str(LOADGEN), "--control", "--target", target, "--rate", str(rate),
                        "--keepalive", str(keepalive), "--keepalive-rate", str(keepalive_rate),
                        "--max-open", str(MOST_OPEN), "--timeout", f"{PATIENCE:g}s"]
        self.process = None
        self.report = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        wait_until("the load to begin", lambda: self.count()["requests"] > 0)
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.tell("stop")
        output, _ = self.process.communicate(timeout=2 * PATIENCE)
        if not kind:
            self.report = json.loads(output)
        return False

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def count(self):
        """Requests and failures so far."""
        self.tell("count")
        return json.loads(self.process.stdout.readline())

    def assert_no_failure(self, test, idle_closes_allowed=False):
        """No request failed that was sent, and there were some. A server that closes an idle connection while a
        client sends on it loses a request that no supervisor can save: counted apart."""
        new, kept = self.report["new"], self.report["keep_alive"]
        said = json.dumps({"new": new, "keep_alive": kept, "samples": self.report["samples"]}, indent=1)
        test.assertTrue(self.report["complete"], said)
        test.assertEqual(0, new["failed"] - new["failures"]["not_sent"] + kept["failed"], said)
        races = new["failures"]["idle_close_race"] + kept["failures"]["idle_close_race"]
        if not idle_closes_allowed:
            test.assertEqual(0, races, said)
        test.assertGreater(new["succeeded"], 0)
        print(f"{new['succeeded']} requests on new connections, {kept['succeeded']} on kept ones, "
              f"{races} idle close races")
