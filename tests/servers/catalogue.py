"""The servers that have a preset: each with the five lines that an administrator writes, and what it is to serve.

Each answers GET / with 200 and GET /slow with 200 after a second, or GET /large with some megabytes.
"""
import dataclasses
import pathlib
import shutil

PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
LARGE = 8 << 20  # bytes: more than sockets buffer

WSGI = """
import time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
ASGI = """
import asyncio

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/slow":
        await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""
RACK = """
run lambda { |env|
  sleep 1 if env["PATH_INFO"] == "/slow"
  [200, {"Content-Type" => "text/plain", "Content-Length" => "2"}, ["ok"]]
}
"""
PSGI = """
sub {
    sleep 1 if $_[0]{PATH_INFO} eq "/slow";
    [200, ["Content-Type" => "text/plain", "Content-Length" => 2], ["ok"]];
};
"""
NODE = """
const http = require("http");
let stopping = false;
const server = http.createServer((request, response) => {
  if (stopping) response.setHeader("Connection", "close");
  setTimeout(() => response.end("ok"), request.url === "/slow" ? 1000 : 0);
});
process.on("SIGTERM", () => { stopping = true; server.close(() => process.exit(0)); });
server.listen({fd: Number(process.argv[2])});
"""
NGINX = """
worker_processes 2;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen {address} backlog=4096;
        {content}
    }}
}}
"""
HAPROXY = """
global
    maxconn 1000
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend web
    bind "fd@${{FD_WEB}}"
    http-request return status 200 content-type text/plain string ok unless {{ path /slow }}
    default_backend slow
backend slow
    server slow {backend}
"""
LIGHTTPD = """
server.document-root = "{directory}/files"
server.port = {port}
server.bind = "127.0.0.1"
server.systemd-socket-activation = "enable"
server.graceful-shutdown-bg-jobs = "enable"
index-file.names = ( "index.txt" )
"""
H2O = """
listen:
  host: 127.0.0.1
  port: {port}
num-threads: 2
http2-reprioritize-blocking-assets: OFF
hosts:
  default:
    paths:
      /:
        file.dir: {directory}/files
        file.index: [ 'index.txt' ]
error-log: /dev/stderr
"""
PHP_FPM = """
[global]
error_log = /dev/stderr
daemonize = no
process_control_timeout = 20
[web]
listen = 127.0.0.1:{port}
user = www-data
group = www-data
pm = static
pm.max_children = 4
"""
PHP = """<?php if ($_SERVER["REQUEST_URI"] == "/slow") sleep(1); echo "ok";"""


@dataclasses.dataclass
class Server:
    """`program`: what must be installed. `files`: what is written into a directory; in them and in the service,
    {directory}, {address}, {url}, {port} and {backend} (a server of the test's that answers after a second) are replaced."""
    program: str
    package: str
    service: dict
    files: dict
    request: str = "/slow"  # what is in flight over a reload
    keepalive: int = 4
    by_address: bool = False  # its own configuration names the address, too
    fastcgi: bool = False  # the test's nginx stands before it
    environment: dict = dataclasses.field(default_factory=dict)
    preset: str = ""  # where it is not called as the preset is: another way to the same, which is in no table

    def installed(self):
        return shutil.which(self.program, path=PATH)


FILES = {"files/index.txt": "ok", "files/large": "x" * LARGE}

SERVERS = {
    "nginx": Server("nginx", "nginx-light", {
        "command": ["/usr/sbin/nginx", "-g", "daemon off;", "-c", "{directory}/nginx.conf", "-e", "stderr"],
    }, {"nginx.conf": NGINX.replace("{content}", "root {directory}/files; index index.txt;"), **FILES},
        request="/large", by_address=True),
    "haproxy": Server("haproxy", "haproxy", {
        "command": ["/usr/sbin/haproxy", "-Ws", "-f", "{directory}/haproxy.cfg"],
    }, {"haproxy.cfg": HAPROXY}, environment={"FD_WEB": "{fd:http}"}),
    "gunicorn": Server("gunicorn", "gunicorn", {
        "command": ["/usr/bin/gunicorn", "--workers", "2", "--worker-tmp-dir", "/dev/shm", "web:application"],
    }, {"web.py": WSGI}, keepalive=0),
    "node": Server("node", "nodejs", {"command": ["/usr/bin/node", "web.js", "{fd:http}"]}, {"web.js": NODE}),
    "uvicorn": Server("uvicorn", "uvicorn", {
        "command": ["/usr/bin/uvicorn", "--fd", "3", "--no-access-log", "web:application"],
    }, {"web.py": ASGI}),
    "hypercorn": Server("hypercorn", "python3-hypercorn", {
        "command": ["/usr/bin/hypercorn", "--bind", "fd://3", "web:application"],
    }, {"web.py": ASGI}),
    "puma": Server("puma", "puma", {
        "command": ["/usr/bin/puma", "--bind-to-activated-sockets", "only", "--environment", "production", "web.ru"],
    }, {"web.ru": RACK}),
    "puma-inherit": Server("puma", "puma", {
        "command": ["/usr/bin/puma", "--bind", "{url}", "--environment", "production", "web.ru"],
        "protocol": ["puma"],
    }, {"web.ru": RACK}, by_address=True, preset="puma"),
    "unicorn-systemd": Server("unicorn", "unicorn", {
        "command": ["/usr/bin/unicorn", "--listen", "{address}", "--config-file", "unicorn.rb", "-E", "none", "web.ru"],
        "protocol": ["listen-fds"],
    }, {"web.ru": RACK, "unicorn.rb": "worker_processes 2\n"}, keepalive=0, by_address=True, preset="unicorn"),
    "unicorn": Server("unicorn", "unicorn", {
        "command": ["/usr/bin/unicorn", "--listen", "{address}", "--config-file", "unicorn.rb", "-E", "none", "web.ru"],
    }, {"web.ru": RACK, "unicorn.rb": "worker_processes 2\n"}, keepalive=0, by_address=True),
    "uwsgi": Server("uwsgi", "uwsgi-core uwsgi-plugin-python3", {
        "command": ["/usr/bin/uwsgi", "--master", "--plugin", "python3", "--http-socket", "fd://3", "--wsgi-file", "web.py",
                    "--processes", "2", "--disable-logging", "--need-app",
                    "--hook-master-start", "unix_signal:15 gracefully_kill_them_all"],
    }, {"web.py": WSGI}, keepalive=0),
    "php-fpm": Server("php-fpm8.2", "php8.2-fpm", {
        "command": ["/usr/sbin/php-fpm8.2", "--nodaemonize", "--fpm-config", "{directory}/fpm.conf"],
    }, {"fpm.conf": PHP_FPM, "files/index.php": PHP}, by_address=True, fastcgi=True),
    "lighttpd": Server("lighttpd", "lighttpd", {
        "command": ["/usr/sbin/lighttpd", "-D", "-f", "{directory}/lighttpd.conf"],
    }, {"lighttpd.conf": LIGHTTPD, **FILES}, request="/large", by_address=True),
    "h2o": Server("h2o", "h2o", {
        "command": ["/usr/bin/h2o", "-c", "{directory}/h2o.conf"],
    }, {"h2o.conf": H2O, **FILES}, request="/large", by_address=True),
    "starlet": Server("plackup", "starlet", {
        "command": ["/usr/bin/plackup", "-s", "Starlet", "-E", "production", "--max-workers", "3", "--spawn-interval",
                    "0", "web.psgi"],
    }, {"web.psgi": PSGI}),
    "mojolicious": Server("hypnotoad", "libmojolicious-perl", {
        "command": ["/usr/bin/perl", "web.pl", "prefork", "--mode", "production", "--workers", "2", "--listen",
                    "http://127.0.0.1?fd=3"],
    }, {"web.pl": """
use Mojolicious::Lite -signatures;
get "/" => {text => "ok"};
get "/slow" => sub ($c) { $c->render_later; Mojo::IOLoop->timer(1 => sub { $c->render(text => "ok") }) };
app->log->level("warn");
app->start;
"""}),
}


def fill(value, words):
    """`value` with {directory} and its like replaced; other braces stay."""
    if isinstance(value, dict):
        return {key: fill(each, words) for key, each in value.items()}
    if isinstance(value, list):
        return [fill(each, words) for each in value]
    for word, replacement in words.items():
        value = value.replace("{" + word + "}", replacement)
    return value


def write_files(server, directory, words):
    for name, text in server.files.items():
        path = pathlib.Path(directory) / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(fill(text.replace("{{", "{").replace("}}", "}"), words), encoding="utf-8")
