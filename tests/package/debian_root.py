"""A clean Debian: what debootstrap makes, with systemd in it. Made once for each build directory."""
import json
import os
import pathlib
import platform
import shutil
import subprocess

from machine import Unavailable
from supervisor import BUILD

PATIENCE = 400  # of debootstrap, which fetches some 40 MB
# Where every submission is tested, what cannot be had is a failure.
MUST_RUN = os.environ.get("CI") == "true"


def codename():
    """Of this machine: the package needs the libraries that it was built with."""
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "")


def run(*command, **options):
    return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)


def mirror():
    """From which this machine's own apt gets that Debian."""
    found = run("apt-get", "indextargets", "--format", '{"uri": "$(REPO_URI)", "component": "$(COMPONENT)"}',
                "Created-By: Packages", f"Release: {codename()}", "Component: main").stdout.splitlines()
    sources = [entry["uri"] for entry in map(json.loads, found) if entry["uri"].startswith("http")]
    if not sources:
        raise Unavailable(f"apt has no source of Debian's {codename()!r}")
    return sources[0]


def proxies():
    """What apt goes through, for a program that asks no apt."""
    configured = {scheme: run("apt-config", "dump", "--format", "%v", f"Acquire::{scheme}::Proxy").stdout
                  for scheme in ("http", "https")}
    return {f"{scheme}_proxy": proxy for scheme, proxy in configured.items() if proxy and proxy != "DIRECT"}


def make(root):
    if not shutil.which("debootstrap"):
        raise Unavailable("there is no debootstrap")
    source = mirror()
    unfinished = root.with_name(root.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    # A disk that is waited for after each of 110 packages costs more than all the rest.
    (unfinished / "etc/dpkg/dpkg.cfg.d").mkdir(parents=True)
    (unfinished / "etc/dpkg/dpkg.cfg.d/test").write_text("force-unsafe-io\n", encoding="ascii")
    # In namespaces of its own, so that neither a mount nor a process of it can be left.
    made = run("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "debootstrap",
               "--variant=minbase", "--include=systemd,systemd-sysv", codename(), unfinished, source,
               env={**os.environ, **proxies(), "DEBIAN_FRONTEND": "noninteractive"}, timeout=PATIENCE)
    if made.returncode:
        said = "\n".join(made.stdout.splitlines()[-5:])
        if MUST_RUN:
            raise AssertionError(f"debootstrap failed: {said}")
        raise Unavailable(f"debootstrap failed: {said}")
    shutil.rmtree(unfinished / "var/cache/apt/archives", ignore_errors=True)
    unfinished.rename(root)


def debian_root():
    root = BUILD / "tests/package" / f"root-{codename()}"
    if not root.is_dir():
        root.parent.mkdir(parents=True, exist_ok=True)
        make(root)
    return pathlib.Path(root)
