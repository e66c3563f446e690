"""bench/loadgen, driven."""
import json
import subprocess


class Load:
    """Runs until stop(). What the server does cannot stall us: loadgen is open loop."""

    def __init__(self, programs, target, rate, keep_alive=20, keep_alive_rate=10):
        self.process = subprocess.Popen(
            [programs.loadgen, "--target", target, "--rate", str(rate), "--keepalive",
             str(keep_alive), "--keepalive-rate", str(keep_alive_rate), "--control"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            # Ctrl-C is for us: we ask loadgen to stop when everything else is in order.
            start_new_session=True)

    def _tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def mark(self, name):
        self._tell("mark " + name)

    def unmark(self):
        self._tell("unmark")

    def count(self):
        """{"requests": …, "failed": …, "idle_close_races": …} so far."""
        self._tell("count")
        return json.loads(self.process.stdout.readline())

    def stop(self):
        """The report."""
        self._tell("stop")
        return json.loads(self.process.communicate(timeout=60)[0])
