"""late.py VERSION FLAG: a server that says nothing, and accepts connections on its first socket from when FLAG exists."""
import os
import signal
import socket
import sys
import time

version, flag = sys.argv[1:]
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
listener = socket.socket(fileno=3)
while not os.path.exists(flag):
    time.sleep(0.01)
while True:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + version.encode() + b" ")
