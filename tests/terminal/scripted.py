"""A supervisor that says what a test has it say: for what a real one shows only after an hour."""
import contextlib
import json
import socket
import threading


class Scripted:
    """Answers each call on RUNTIME/NAME/control with `replies`, of which all but the last continue; the last is only
    said once end() was called. `with Scripted(...) as supervisor`."""

    def __init__(self, runtime, replies, name="web"):
        self._replies = replies
        self._end = threading.Event()
        self._connections = []
        self.runtime = runtime
        (runtime / name).mkdir(parents=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(runtime / name / "control"))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._connections:
            connection.close()

    def end(self):
        self._end.set()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._connections.append(connection)
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with contextlib.suppress(OSError):
            call = b""
            while not call.endswith(b"\0"):
                piece = connection.recv(65536)
                if not piece:
                    return
                call += piece
            for reply in self._replies[:-1]:
                connection.sendall(json.dumps({"parameters": reply, "continues": True}).encode() + b"\0")
            self._end.wait()
            connection.sendall(json.dumps({"parameters": self._replies[-1]}).encode() + b"\0")
