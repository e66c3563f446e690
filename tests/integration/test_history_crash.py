"""kill -9 of svcd while it writes its history: at every single step of it, again and again.

preload/kill_at_step.cpp ends svcd at the n-th change below its state directory. A walk goes through
n = 1, 2, … until nothing is left to be killed in: once through the steps of a reload, once through
those of a boot; then it begins anew, until there were enough kills.
"""
import collections
import contextlib
import json
import os
import pathlib
import tempfile

from harness import BUILD, QUICK, ServiceTest, end_children, main, service, wait_until
from killing import SANITIZERS, Trap
from varlink import VarlinkError

WEB = BUILD / "examples/web/example-web"
PRELOAD = BUILD / "tests/integration/preload/kill_at_step.so"
KILLS = int(os.environ.get("SVC_TEST_KILLS", "60" if QUICK else "200"))
HISTORY = 3


def whole(directory):
    """The files of a revision, by name; None if it is not there whole."""
    files = {path.name: path.read_bytes() for path in directory.iterdir()}
    with contextlib.suppress(KeyError, ValueError):
        revision = json.loads(files["revision.json"])["revision"]
        if (str(revision["number"]) == directory.name and revision["service_file"].encode() ==
                files["service.toml"] and files["executable"] == WEB.read_bytes()):
            return files
    return None


class KilledWhileItWrites(ServiceTest):
    def setUp(self):
        # A kill loses nothing that was written: here no disk makes each round wait for its fsync calls.
        tempfile.tempdir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        super().setUp()
        self.trap = Trap(self.directory / "counter")
        self.supervisor = self.make(
            service(service={"command": [str(WEB)], "keep_executable": "copy"},
                    rollout={"history": HISTORY}),
            environment={"LD_PRELOAD": str(PRELOAD), "SVC_KILL_COUNTER": str(self.trap.path),
                         "SVC_KILL_BELOW": str(self.directory / "state"), **SANITIZERS})
        self.place = self.supervisor.state / "web" / "revisions"
        self.steps = collections.Counter()

    def revisions(self):
        """{number: files, or None} as the disk has them."""
        return {int(path.name): whole(path) for path in self.place.iterdir() if path.name.isdigit()}

    def spawn(self):
        """Starts svcd; whether it lived to be ready."""
        try:
            self.supervisor.start()
        except AssertionError:
            if self.supervisor.process.poll() is None:
                raise
            return False
        return True

    def reload(self):
        """Whether svcd lived to tell of a reload."""
        try:
            return self.supervisor.call("Reload", {"cause": "the next one"})
        except (EOFError, OSError):
            self.supervisor.wait()
            return None

    def end(self):
        """Of this svcd, however it is, and of the workers that it left."""
        if self.supervisor.process.poll() is None:
            self.supervisor.process.kill()
        self.supervisor.process.wait()
        end_children()

    def check_disk(self, before, serving, what):
        """What a kill left behind, seen before anybody tidies up."""
        after = self.revisions()
        self.assertEqual([], [number for number, files in after.items() if files is None], what)
        kept = {name: content for name, content in after[serving].items() if name != "outcome.json"}
        self.assertEqual(before[serving], {**kept, "outcome.json": before[serving]["outcome.json"]}, what)
        self.assertIn("outcome.json", after[serving], what)
        self.assertLessEqual(len(set(after) - set(before)), 1, what)
        for files in after.values():
            if "outcome.json" in files:
                json.loads(files["outcome.json"])
        unfinished = [path for path in self.place.iterdir() if not path.name.isdigit()]
        self.assertLessEqual(len(unfinished), 2, what)
        return after

    def check_fresh(self, left, serving, what):
        """A svcd that is started afterwards, and lives."""
        self.assertTrue(self.spawn(), what)
        listed = self.supervisor.call("History")["revisions"]
        self.assertEqual([], [one for one in listed if one["unreadable"]], what)
        numbers = {one["revision"] for one in listed}
        self.assertIn(serving, numbers, what)
        self.assertGreater(max(numbers), max(left), what)
        self.assertEqual([], [path.name for path in self.place.iterdir() if not path.name.isdigit()], what)
        for path in self.place.glob("*/.new-*"):
            self.assertIn(path.name.removeprefix(".new-").removesuffix(".part"), ("outcome.json", "timeline.json"))
        reply = self.reload()
        self.assertIsNotNone(reply, what)
        self.assertEqual("complete", reply["verdict"], what)
        self.assertNotIn("not kept as it should be", self.supervisor.log)
        return reply["revision"]

    def walk(self, what, provoke, kills):
        """Kills at the first step, the second, …; how many kills there were until none was reached, or
        `kills`. A round begins and ends with a svcd that serves and is not armed."""
        for number in range(1, kills + 1):
            serving = wait_until("the boot's verdict", lambda: self.supervisor.status()["revision"])
            before = self.revisions()
            survived = provoke(number)
            left, step = self.trap.disarm()
            if survived and left:
                return number - 1
            self.assertEqual(0, left)
            said = f"killed at step {number} of a {what}, {step}"
            self.steps[f"{what}: {step}"] += 1
            self.end()
            left_on_disk = self.check_disk(before, serving, said)
            self.check_fresh(left_on_disk, serving, said)
        return kills

    def armed_boot(self, number):
        self.end()
        self.trap.arm(number)
        return self.spawn()

    def armed_reload(self, number):
        self.trap.arm(number)
        return self.reload()

    def test_at_every_step_the_history_stays_readable(self):
        self.assertTrue(self.spawn())
        self.assertEqual("complete", self.reload()["verdict"])
        walks = [("reload", self.armed_reload), ("boot", self.armed_boot)]
        kills = 0
        while kills < KILLS:
            for what, provoke in walks:
                reached = self.walk(what, provoke, KILLS - kills)
                print(f"{what}: {reached} steps", flush=True)
                self.assertGreater(reached, 0)
                kills += reached
                if kills >= KILLS:
                    break
        print(f"{kills} kills:", dict(sorted(self.steps.items())))
        self.end()


if __name__ == "__main__":
    main()
