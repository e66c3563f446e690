"""A crash never deploys: what a worker that dies is started from after its files were replaced."""
import os
import pathlib
import shutil
import subprocess

from harness import BUILD, PATIENCE, PYTHON, main, service
from replacing import CHANGES, CrashTest, elf, put, put_over, script, version_of


class SingleExecutable(CrashTest):
    def test_is_executed_by_its_fd_after_a_rename_or_a_removal(self):
        for name in ("renamed over", "deleted"):
            with self.apart(name) as directory:
                web = put(directory / "web", elf("1"))
                supervisor = self.run_one([web])
                CHANGES[name](web, elf("2"))
                pid = self.comes_back(supervisor, self.kill_worker(supervisor))
                self.assertEqual("1", version_of(pid))
                self.assertEqual(str(web), pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                                 .split(b"\0")[0].decode())
                inherited = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
                self.assertFalse([link for link in inherited if link.startswith(str(web) + " ")], inherited)
                self.assertIn("single executable", supervisor.svc("status").stdout)

    def test_stays_down_when_it_was_overwritten_until_the_old_content_is_back(self):
        web = put(self.directory / "web", elf("1"))
        supervisor = self.run_one([web])
        pid = self.kill_worker(supervisor, lambda: put_over(web, elf("2")))
        self.stays_down(supervisor, [str(web), "it was overwritten at"])
        put_over(web, elf("1"))
        self.assertEqual("1", version_of(self.comes_back(supervisor, pid)))

    def test_a_reload_deploys_what_was_overwritten(self):
        web = put(self.directory / "web", elf("1"))
        supervisor = self.run_one([web])
        self.kill_worker(supervisor, lambda: put_over(web, elf("2")))
        self.stays_down(supervisor, [])
        self.reload(supervisor)
        self.assertEqual("2", version_of(supervisor.pids("available")[0]))

    def test_is_executed_from_its_copy_whatever_happened_to_it(self):
        for name, change in CHANGES.items():
            with self.apart(name) as directory:
                web = put(directory / "web", elf("1"))
                supervisor = self.run_one([web], service={"command": [web], "keep_executable": "copy"})
                pid = self.kill_worker(supervisor, lambda: change(web, elf("2")))
                self.assertEqual("1", version_of(self.comes_back(supervisor, pid)))


class ScriptsAndPrograms(CrashTest):
    def command(self, path, as_script):
        return [path] if as_script else [PYTHON, "-S", "-E", path]

    def test_a_changed_one_is_not_started_until_the_old_content_is_back(self):
        for as_script in (True, False):
            for name, change in CHANGES.items():
                with self.apart(f"{name} {'script' if as_script else 'program'}") as directory:
                    app = put(directory / "app.py", script("1"))
                    supervisor = self.run_one(self.command(app, as_script))
                    change(app, script("2"))
                    pid = self.kill_worker(supervisor)
                    self.stays_down(supervisor, [str(app)])
                    self.assertIn("  crash     none: ", supervisor.svc("status").stdout)
                    put(app, script("1"))
                    self.comes_back(supervisor, pid)
                    self.assertTrue(supervisor.get().startswith("1 "), supervisor.get())

    def test_undo_is_refused_once_it_changed_and_works_when_the_old_content_is_back(self):
        for as_script in (True, False):
            for name, change in CHANGES.items():
                with self.apart(f"{name} {'script' if as_script else 'program'}") as directory:
                    app = put(directory / "app.py", script("1"))
                    supervisor = self.run_one(self.command(app, as_script))
                    change(app, script("2"))
                    put(app, script("2"))
                    self.reload(supervisor)
                    refused = supervisor.svc("undo")
                    self.assertEqual(1, refused.returncode, refused.stdout + refused.stderr)
                    self.assertIn(f"{app} changed since revision 1 was made (it was", refused.stderr)
                    self.assertEqual(2, supervisor.status()["revision"])
                    self.assertTrue(supervisor.get().startswith("2 "))
                    put(app, script("1"))
                    self.assertEqual(0, supervisor.svc("undo").returncode)
                    supervisor.wait_for_revision(3)
                    self.assertTrue(supervisor.get().startswith("1 "))

    def test_a_copy_of_a_script_is_refused_with_the_remedy(self):
        app = put(self.directory / "app.py", script("1"))
        supervisor = self.make(service(service={"command": [app], "keep_executable": "copy"}))
        supervisor.spawn()
        self.assertNotEqual(0, supervisor.wait())
        self.assertIn("put it into a release directory", supervisor.log)


class Release(CrashTest):
    def deploy(self, version):
        release = self.directory / "releases" / version
        release.mkdir(parents=True)
        put(release / "web", elf(version))
        new = self.directory / "current.new"
        new.symlink_to(release)
        new.rename(self.directory / "current")
        return release

    def start_release(self):
        release = self.deploy("1")
        supervisor = self.run_one([], service={"command": ["${release}/web"],
                                               "release": self.directory / "current"})
        self.assertIn("immutable release", supervisor.svc("status").stdout)
        return supervisor, release

    def test_a_crash_stays_on_the_release_that_was_resolved(self):
        supervisor, release = self.start_release()
        self.deploy("2")
        pid = self.comes_back(supervisor, self.kill_worker(supervisor))
        self.assertEqual("1", version_of(pid))
        for gone in (lambda: release.rename(release.with_name("away")),
                     lambda: shutil.rmtree(release.with_name("away"))):
            gone()
            pid = self.comes_back(supervisor, self.kill_worker(supervisor))
            self.assertEqual("1", version_of(pid))

    def test_a_crash_does_not_start_what_was_overwritten_in_it(self):
        supervisor, release = self.start_release()
        self.kill_worker(supervisor, lambda: put_over(release / "web", elf("3")))
        self.stays_down(supervisor, [str(release / "web")])

    def test_undo_goes_back_to_it_while_it_is_there(self):
        supervisor, release = self.start_release()
        self.deploy("2")
        self.reload(supervisor)
        self.assertEqual("2", version_of(supervisor.pids("available")[0]))
        self.assertEqual(0, supervisor.svc("undo").returncode)
        self.assertEqual("1", version_of(supervisor.pids("available")[0]))
        self.reload(supervisor)
        shutil.rmtree(release)
        refused = supervisor.svc("undo", "--to", "1")
        self.assertEqual(1, refused.returncode)
        self.assertIn(f"its release directory {release} is gone", refused.stderr)
        self.assertEqual("2", version_of(supervisor.pids("available")[0]))


class Check(CrashTest):
    def test_prints_the_guarantee_that_holds(self):
        web = put(self.directory / "web", elf("1"))
        app = put(self.directory / "app.py", script("1"))
        for command, words in (([web], "single executable"), ([app], "none"), ([PYTHON, app], "none")):
            file = self.directory / "check.toml"
            file.write_text(f"[service]\ncommand = {[str(word) for word in command]}\n")
            result = subprocess.run([str(BUILD / "src/svc/svc"), "check", str(file)], text=True,
                                    capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
            self.assertEqual(0, result.returncode, result.stderr)
            self.assertIn(f"(guarantee: {words})", " ".join(result.stdout.split()))


if __name__ == "__main__":
    main()
