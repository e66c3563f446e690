"""svc check: what it says of this machine, and in JSON."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import main
from supervisor import SVC

USER = "nobody"


class Place(unittest.TestCase):

    def setUp(self):
        self.place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="svc-test-check-")))
        self.place.chmod(0o755)
        self.program = self.place / "app/bin/web"
        self.program.parent.mkdir(parents=True)
        shutil.copy("/bin/sleep", self.program)

    def check(self, *lines, table=""):
        """What it prints as JSON, without mistakes."""
        file = self.place / "web.toml"
        file.write_text("\n".join(("[service]", *lines, table)), encoding="utf-8")
        done = subprocess.run([SVC, "check", "--json", file], capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def notes(self, *lines):
        return [f"{note['key']}: {note['message']}" for note in self.check(*lines)["notes"]]


class Explained(Place):

    def test_a_file_is_explained_by_paragraphs(self):
        found = self.check(f'command = ["{self.program}"]', table='[[listener]]\naddress = "8080"')
        about = {paragraph["about"]: " ".join(paragraph["lines"]) for paragraph in found["explanation"]}
        self.assertEqual(["listens", "runs", "ready", "reload", "stop", "logs", "crash", "undo"], list(about))
        self.assertIn(f"the supervisor holds {self.program} open", about["undo"])
        self.assertEqual([], found["mistakes"])
        self.assertEqual([], found["notes"])

    def test_a_script_is_told_from_a_program(self):
        self.program.write_text("#!/bin/sh\n", encoding="utf-8")
        found = self.check(f'command = ["{self.program}"]')
        self.assertIn(f"Nothing is kept of {self.program}, which is a script", str(found["explanation"]))


@unittest.skipIf(os.geteuid() != 0, "only root can look with the rights of a service's user")
class Reach(Place):

    def of_user(self, *lines):
        return self.notes(f'user = "{USER}"', f'command = ["{self.program}"]', *lines)

    def test_nothing_is_said_where_nothing_is_in_the_way(self):
        self.assertEqual([], self.of_user(f'directory = "{self.program.parent}"'))

    def test_the_first_directory_in_the_way_is_named_once_with_what_to_do(self):
        closed = self.place / "app"
        closed.chmod(0o700)
        said = self.of_user(f'directory = "{self.program.parent}"')
        self.assertEqual(1, len(said), said)
        self.assertIn(f"service.directory: the user {USER} cannot enter {self.program.parent}, because of {closed}: "
                      f"chmod o+x {closed} permits it to everybody", said[0])
        subprocess.run(said[0].split(": ")[2].split(" permits")[0].split(), check=True)
        self.assertEqual([], self.of_user(f'directory = "{self.program.parent}"'))

    def test_a_program_that_only_others_may_execute_is_named(self):
        self.program.chmod(0o700)
        said = self.of_user()
        self.assertEqual(1, len(said), said)
        self.assertIn(f"service.command: the user {USER} cannot execute {self.program}: chmod o+x", said[0])

    def test_a_release_that_leads_through_a_closed_directory_is_seen(self):
        self.program.parent.chmod(0o700)
        (self.place / "current").symlink_to("app")
        said = self.notes(f'user = "{USER}"', 'command = ["${release}/bin/web"]', f'release = "{self.place}/current"')
        self.assertEqual(1, len(said), said)
        self.assertIn(f"because of {self.program.parent}: ", said[0])

    def test_a_program_is_looked_for_where_the_worker_runs(self):
        (self.place / "current").symlink_to("app")
        lines = f'release = "{self.place}/current"', 'directory = "${release}"', 'command = ["bin/web"]'
        found = self.check(f'user = "{USER}"', *lines)
        self.assertEqual([], found["notes"])
        self.assertIn("guarantee: immutable release", str(found["explanation"]))

    def test_commands_of_hooks_and_probes_are_for_the_user_too(self):
        hook = self.place / "leave"
        hook.write_text("#!/bin/sh\n", encoding="utf-8")
        hook.chmod(0o751)  # the kernel reads a script as whoever runs it
        found = self.check(f'user = "{USER}"', f'command = ["{self.program}"]',
                           table=f'[stop]\npre_stop = {{ exec = ["{hook}"] }}')
        self.assertEqual(["stop.pre_stop.exec"], [note["key"] for note in found["notes"]])
        self.assertIn(f"chmod o+r {hook}", found["notes"][0]["message"])

    def test_inputs_and_the_check_are_for_the_user_too(self):
        secret, check = self.place / "web.conf", self.place / "check"
        secret.touch(mode=0o600)
        check.touch(mode=0o700)
        said = self.of_user(f'inputs = ["{secret}"]', f'check = ["{check}"]')
        self.assertEqual(["service.check", "service.inputs"], [note.split(":")[0] for note in said])

    def test_a_user_that_the_files_do_not_know_is_no_mistake(self):
        said = self.notes('user = "of-another-machine"', f'command = ["{self.program}"]')
        self.assertEqual(1, len(said), said)
        self.assertIn("neither /etc/passwd nor /etc/group has the user of-another-machine", said[0])


if __name__ == "__main__":
    main()
