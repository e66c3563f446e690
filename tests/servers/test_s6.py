"""A server of s6, which says that it is ready by a newline on a file descriptor (its option -1: on stdout)."""
import pathlib
import shutil
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import ServiceTest, alive, connect, main, wait_until  # noqa: E402

SERVER = shutil.which("s6-ipcserverd")


@unittest.skipUnless(SERVER, "s6 is not installed")
class S6(ServiceTest):

    def echo(self, supervisor):
        """What a child of the server answers: for each connection it runs cat(1)."""
        with connect(supervisor.address("echo")) as client:
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(64), b""))

    def test_it_is_ready_when_it_says_so(self):
        # It accepts on its stdin.
        supervisor = self.start({
            "service": {"command": ["/bin/sh", "-c", f'exec {SERVER} -1 /bin/cat <&3 >&"$SVC_READY_FD"']},
            "listener": [{"name": "echo", "address": f"unix:{self.directory}/echo.sock"}],
            "ready": {"on": "fd"},
        })
        (old,) = supervisor.pids()
        self.assertEqual(b"hello", self.echo(supervisor))
        self.reload(supervisor)
        self.assertEqual(b"hello", self.echo(supervisor))
        wait_until("the old one to be gone", lambda: not alive(old))


if __name__ == "__main__":
    main()
