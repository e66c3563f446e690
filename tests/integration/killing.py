"""The Counter of preload/kill_at_step.cpp and kill_at_call.cpp: it tells when svcd is to die."""
import mmap
import os
import pathlib
import struct

# The preloaded library need not know of a sanitizer's runtime.
SANITIZERS = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


class Trap:

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.path.write_bytes(bytes(64))
        with open(self.path, "r+b") as file:
            self.counter = mmap.mmap(file.fileno(), 64)

    def arm(self, steps):
        self.counter[:64] = struct.pack("q56x", steps)

    def disarm(self):
        """How many steps were left; the fatal step's name."""
        left, name = struct.unpack("q56s", self.counter[:64])
        self.counter[:64] = bytes(64)
        return left, name.rstrip(b"\0").decode()

    @property
    def sprung(self):
        return struct.unpack("q", self.counter[:8])[0] == 0
