"""Clients of a service's listeners."""
import socket

from processes import PATIENCE


def split_address(text):
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        return "\0" + path[1:] if path.startswith("@") else path
    host, port = text.removeprefix("udp:").rsplit(":", 1)
    return host.strip("[]"), int(port)


def connect(address, timeout=PATIENCE):
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    connection.connect(address)
    return connection


def hold_port(host="127.0.0.1"):
    """A socket that has a port for whoever asks for it by number, and keeps it from everybody else: nobody whose port
    the kernel chooses gets it. It does not listen, so that with SO_REUSEADDR another one may (socket(7))."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    holder.bind((host, 0))
    # Only now: with it, the kernel might have chosen one that others share.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return holder


def get(address, target="/", timeout=PATIENCE):
    with connect(address, timeout) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator or b" 200 " not in head.split(b"\r\n")[0]:
        raise AssertionError(f"GET {target} was answered with {answer[:200]!r}")
    return body.decode()
