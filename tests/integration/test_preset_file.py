"""A preset that stands beside the service file: what it says is a part of each revision."""
import pathlib

from harness import ServiceTest, main, service


def umask(supervisor):
    (pid,) = supervisor.pids()
    (line,) = [line for line in pathlib.Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
               if line.startswith("Umask:")]
    return line.split()[1]


class PresetFile(ServiceTest):

    def test_a_preset_beside_the_service_file_is_a_part_of_it(self):
        preset = self.directory / "presets" / "own.toml"
        preset.parent.mkdir()
        preset.write_text('[service]\numask = "0027"\n', encoding="utf-8")
        supervisor = self.start(service(service={"preset": "own"}))
        self.assertEqual(preset.parent.parent, pathlib.Path(supervisor.status()["service_file"]).parent)
        self.assertIn("nothing changed", supervisor.svc("apply").stdout)
        preset.write_text('[service]\numask = "0077"\n', encoding="utf-8")
        applied = supervisor.svc("apply")
        self.assertEqual(0, applied.returncode, applied.stderr)
        self.assertIn("umask", applied.stdout + applied.stderr)
        self.assertEqual("0077", umask(supervisor))
        # What a revision was made of is kept, whatever its preset says by now.
        preset.unlink()
        undone = supervisor.svc("undo")
        self.assertEqual(0, undone.returncode, undone.stderr)
        self.assertEqual("0027", umask(supervisor))
        refused = supervisor.svc("reload")
        self.assertEqual(5, refused.returncode)
        self.assertIn('there is no preset "own"', refused.stderr)


if __name__ == "__main__":
    main()
