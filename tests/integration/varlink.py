"""A Varlink client (varlink.org) in a page: JSON objects, each ended by NUL, over a unix socket."""
import json
import socket

from processes import PATIENCE

INTERFACE = "io.svc.Supervisor"


class VarlinkError(Exception):
    """An error reply."""

    def __init__(self, error, parameters):
        super().__init__(f"{error}: {parameters}")
        self.error = error
        self.name = error.rsplit(".", 1)[1]
        self.parameters = parameters
        self.message = parameters.get("message", "")
        self.mistakes = parameters.get("mistakes", [])


class Connection:
    def __init__(self, path, timeout=PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        # shutdown() wakes a thread that is blocked in recv(); close() alone does not.
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def send(self, method, parameters=None, **flags):
        if "." not in method:
            method = f"{INTERFACE}.{method}"
        message = {"method": method, "parameters": parameters or {}, **flags}
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self):
        """The next message, whatever it says; EOFError at the end of the stream."""
        while b"\0" not in self._buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the supervisor closed the connection")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def reply(self):
        """The next reply; raises VarlinkError for an error."""
        message = self.receive()
        if "error" in message:
            raise VarlinkError(message["error"], message.get("parameters", {}))
        return message

    def call(self, method, parameters=None):
        self.send(method, parameters)
        return self.reply().get("parameters", {})

    def stream(self, method, parameters=None):
        """The parameters of each reply to a call with `more`, the last one too."""
        self.send(method, parameters, more=True)
        while True:
            message = self.reply()
            yield message.get("parameters", {})
            if not message.get("continues"):
                return


def call(path, method, parameters=None, timeout=PATIENCE):
    with Connection(path, timeout) as connection:
        return connection.call(method, parameters)
