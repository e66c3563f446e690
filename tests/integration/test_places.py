"""Directories that are missing, full, forbidden or not directories: a sentence that names them."""
import subprocess

from harness import ServiceTest, main, require_root, service
from processes import end_orphans


class Places(ServiceTest):

    def assert_ends_with(self, supervisor, *words, **options):
        supervisor.spawn(**options)
        self.assertNotEqual(0, supervisor.wait())
        for word in words:
            self.assertIn(str(word), supervisor.log)

    def test_missing_directories_are_made(self):
        supervisor = self.make()
        self.assertFalse(supervisor.runtime.exists())
        supervisor.start()
        self.assertTrue(supervisor.control.is_socket())

    def test_a_file_in_the_place_of_the_runtime_directory_is_named(self):
        supervisor = self.make()
        supervisor.runtime.write_text("a file", encoding="utf-8")
        self.assert_ends_with(supervisor, supervisor.runtime, "a file is in its place")

    def test_a_path_too_long_for_a_socket_is_named(self):
        supervisor = self.make()
        long = str(self.directory / ("long" * 30))
        supervisor.arguments[supervisor.arguments.index("--runtime-dir") + 1] = long
        self.assert_ends_with(supervisor, long)

    @require_root
    def test_a_directory_without_permission_is_named(self):
        supervisor = self.make()
        supervisor.runtime.mkdir(mode=0o755)
        supervisor.log_path.touch()
        supervisor.log_path.chmod(0o666)
        self.assert_ends_with(supervisor, supervisor.runtime, "Permission denied",
                              user=65534, group=65534, extra_groups=[])

    @require_root
    def test_a_full_file_system_is_named(self):
        supervisor = self.make()
        supervisor.runtime.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=2", "tmpfs",
                                  str(supervisor.runtime)], capture_output=True)
        if mounted.returncode:
            self.skipTest("cannot mount here")
        try:
            self.assert_ends_with(supervisor, supervisor.runtime, "No space left on device")
        finally:
            subprocess.run(["umount", str(supervisor.runtime)], check=True)

    def test_a_stale_control_socket_is_replaced(self):
        supervisor = self.start()
        worker = supervisor.pids()[0]
        supervisor.process.kill()
        supervisor.process.wait()
        end_orphans([worker])
        self.assertTrue(supervisor.control.is_socket())
        again = self.make(service())
        again.start()
        self.assertEqual(1, again.status()["available"])

    def test_a_service_file_that_does_not_exist_is_named(self):
        supervisor = self.make()
        supervisor.file.unlink()
        self.assert_ends_with(supervisor, supervisor.file, "No such file or directory")


if __name__ == "__main__":
    main()
