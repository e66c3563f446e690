"""A worker that writes to its stderr without end, and says with STATUS= when nobody takes it.

It writes from a thread of its own: one that waits there must not keep it from stopping.
"""
import os
import select
import signal
import socket
import threading


def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(os.environ["NOTIFY_SOCKET"])
        sender.send(text.encode())


def flood():
    line = b"x" * 1023 + b"\n"
    while True:
        if not select.select([], [2], [], 0.2)[1]:
            notify("STATUS=stderr is full")
        os.write(2, line)


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
threading.Thread(target=flood, daemon=True).start()
notify("READY=1")
signal.pause()
