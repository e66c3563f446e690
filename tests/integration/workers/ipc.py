"""ipc.py VERSION FLAG: a server that talks on NODE_CHANNEL_FD as process.send() does, and has a say when FLAG exists.

Blocking: whoever does not read what it says stops it. FLAG holds what it does then, a word of these after the other:
ready (says it), talk (some megabytes), close (the channel), end (itself), serve. Before that it has talked as much.
"""
import json
import os
import signal
import socket
import sys
import time

version, flag = sys.argv[1:]
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
number = int(os.environ["NODE_CHANNEL_FD"])
assert os.environ["NODE_CHANNEL_SERIALIZATION_MODE"] == "json"
channel = socket.socket(fileno=number)
assert (channel.family, channel.type) == (socket.AF_UNIX, socket.SOCK_STREAM)


def send(value):
    channel.sendall(json.dumps(value).encode() + b"\n")


def talk():
    for count in range(20):
        send({"count": count, "text": "ready" * 20000, "nested": ["ready", "\"ready\"\n"]})


def do(word):
    if word == "ready":
        send("ready")
    elif word == "talk":
        talk()
    elif word == "close":
        channel.close()
    elif word == "end":
        os._exit(7)


talk()
with open(flag + ".talked", "w", encoding="utf-8"):
    pass
while not os.path.exists(flag):
    time.sleep(0.01)
with open(flag, encoding="utf-8") as words:
    for each in words.read().split():
        do(each)
listener = socket.socket(fileno=3)
while True:
    connection, _ = listener.accept()
    with connection:
        request = connection.recv(65536)
        if b"/talk" in request:
            talk()
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + version.encode() + b" ")
