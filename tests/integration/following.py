"""What the tests of clients share whose supervisor is replaced under them."""
import threading

from harness import PATIENCE, service, worker
from test_survival import SurvivalTest

GOING_ON = "(the supervisor was replaced; going on)"


class Lines:
    """What a process prints, as it comes."""

    def __init__(self, process):
        self.process = process
        self.seen = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.seen.append(line)
                self._changed.notify_all()

    def wait_for(self, part, after=0):
        """The number of lines up to and with the first one that has `part` in it."""
        with self._changed:
            found = self._changed.wait_for(lambda: [number for number, line in enumerate(self.seen, 1)
                                                    if number > after and part in line], PATIENCE)
        if not found:
            raise AssertionError(f"no line with {part!r}; there were:\n{''.join(self.seen)}")
        return found[0]

    def end(self):
        """Exit status and standard error."""
        status = self.process.wait(PATIENCE)
        self._reader.join()
        self.process.stdout.close()
        with self.process.stderr as stream:
            return status, stream.read()


class ClientTest(SurvivalTest):

    def begin(self, *options, **tables):
        """A supervisor whose next version is ready when self.flag exists."""
        supervisor = self.start(service(**tables))
        self.flag = self.directory / "flag"
        supervisor.write(service(worker("--version", "2", "--ready-when", self.flag, *options), **tables))
        return supervisor

    def waiting_reload(self, supervisor, *options):
        """`svc reload` that waits for a worker which is not ready, and its output."""
        lines = Lines(supervisor.start_svc("reload", *options))
        lines.wait_for("is launched")
        supervisor.wait_status("the new worker to run", lambda status: [
            entry for entry in status["workers"] if entry["state"] == "starting"])
        return lines
