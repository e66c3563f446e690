"""The package that scripts/package makes of this build, and later versions of it."""
import hashlib
import pathlib
import re
import shutil
import subprocess

from machine import HERE
from supervisor import BUILD

TREE = HERE.parents[1]


def run(*command):
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def build(directory):
    """What lintian says of it is an error: this fails then."""
    said = run(TREE / "scripts/package", "--build-dir", BUILD, "--output", directory)
    return pathlib.Path(said.splitlines()[-1])


def unpack(package, directory):
    shutil.rmtree(directory, ignore_errors=True)
    run("dpkg-deb", "--raw-extract", package, directory)
    return directory


def later(package, directory, version, **programs):
    """The same package as a later release would be: another version, with other programs (svcd=PATH, launch=PATH)."""
    files = unpack(package, directory / "files")
    control = files / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(encoding="utf-8"),
                              flags=re.MULTILINE), encoding="utf-8")
    places = {"svcd": "usr/bin/svcd", "launch": "usr/libexec/svc/svc-launch"}
    sums = files / "DEBIAN/md5sums"
    for name, program in programs.items():
        place = places[name]
        shutil.copyfile(program, files / place)  # with the mode that is there
        digest = hashlib.md5((files / place).read_bytes()).hexdigest()
        sums.write_text(re.sub(rf"^\w+(?=  {re.escape(place)}$)", digest, sums.read_text(encoding="utf-8"),
                               flags=re.MULTILINE), encoding="utf-8")
    made = directory / f"svc_{version}.deb"
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", files, made)
    return made
