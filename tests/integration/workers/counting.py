"""A worker that writes numbered lines to its stdout, as fast as they are taken or as often as it is told.

`line N …`, from 0 on. With a first argument it waits so many seconds between two lines; SIGTERM ends it with a last
line `end N`, N being how many it wrote.
"""
import os
import signal
import socket
import sys
import time

PAUSE = float(sys.argv[1]) if len(sys.argv) > 1 else 0
ENDING = []


def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(os.environ["NOTIFY_SOCKET"])
        sender.send(text.encode())


signal.signal(signal.SIGTERM, lambda *_: ENDING.append(True))
notify("READY=1")
COUNT = 0
while not ENDING:
    # One write, as of a server that flushes each line.
    os.write(1, f"line {COUNT} {'.' * (COUNT % 90)}\n".encode())
    COUNT += 1
    time.sleep(PAUSE)
os.write(1, f"end {COUNT}\n".encode())
