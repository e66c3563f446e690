"""Listening sockets: each kind of address, changes at a reload, damage by a worker."""
import contextlib
import json
import os
import pathlib
import socket
import stat

from harness import (PATIENCE, QUICK, ServiceTest, connect, get, hold_port, main, require_root,
                     service, split_address, wait_until)


def tcp(name, address="127.0.0.1:0", **options):
    return {"name": name, "address": address, "nonblock": True, **options}


def refuses(address):
    try:
        connect(address).close()
        return False
    except (ConnectionRefusedError, FileNotFoundError):
        return True


class KindsOfAddress(ServiceTest):

    def test_each_kind_of_stream_address_is_served(self):
        path = self.directory / "web.sock"
        abstract = f"@{self.directory.name}"
        supervisor = self.start(service(listener=[
            tcp("v4"), tcp("v6", "[::1]:0"), tcp("any", "0.0.0.0:0"), tcp("path", f"unix:{path}"),
            tcp("abstract", f"unix:{abstract}")]))
        for name in "v4", "v6", "any", "path", "abstract":
            self.assertTrue(supervisor.get(listener=name).startswith("1 "), name)

    def test_each_kind_of_datagram_and_seqpacket_address_is_served(self):
        directory = self.directory
        supervisor = self.start(service(listener=[
            tcp("http"), tcp("udp", "udp:127.0.0.1:0"), tcp("udp6", "udp:[::1]:0"),
            tcp("dgram", f"unix-dgram:{directory}/dgram"),
            tcp("packets", f"unix-seqpacket:{directory}/packets")]))
        addresses = {entry["name"]: entry["address"] for entry in supervisor.status()["listeners"]}
        for name, family in ("udp", socket.AF_INET), ("udp6", socket.AF_INET6):
            with socket.socket(family, socket.SOCK_DGRAM) as client:
                client.settimeout(PATIENCE)
                client.sendto(b"hello", split_address(addresses[name]))
                self.assertTrue(client.recv(100).startswith(b"1 "))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.bind(f"{directory}/client")
            client.sendto(b"hello", f"{directory}/dgram")
            self.assertTrue(client.recv(100).startswith(b"1 "))
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.settimeout(PATIENCE)
            client.connect(f"{directory}/packets")
            self.assertTrue(client.recv(100).startswith(b"1 "))

    def test_an_ipv6_listener_leaves_ipv4_alone_unless_told_otherwise(self):
        with hold_port() as four:  # so that nobody else listens there
            port = four.getsockname()[1]
            supervisor = self.start(service(listener=[tcp("six", f"[::]:{port}"),
                                                      tcp("both", "[::]:0", v6only=False)]))
            self.assertTrue(get(("::1", port)).startswith("1 "))
            self.assertTrue(refuses(("127.0.0.1", port)))
        self.assertTrue(get(("127.0.0.1", supervisor.address("both")[1])).startswith("1 "))

    def test_a_unix_path_has_the_mode_and_goes_with_the_supervisor(self):
        path = self.directory / "web.sock"
        supervisor = self.start(service(listener=[tcp("http", f"unix:{path}", mode="0640")]))
        self.assertEqual(0o640, stat.S_IMODE(path.stat().st_mode))
        supervisor.stop()
        self.assertFalse(path.exists())

    @require_root
    def test_a_unix_path_has_its_owner(self):
        path = self.directory / "web.sock"
        self.start(service(listener=[tcp("http", f"unix:{path}", owner="nobody", group="daemon")]))
        self.assertEqual((65534, 1), (path.stat().st_uid, path.stat().st_gid))

    def test_a_stale_unix_path_is_replaced(self):
        path = self.directory / "web.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        supervisor = self.start(service(listener=[tcp("http", f"unix:{path}")]))
        self.assertTrue(supervisor.get().startswith("1 "))

    def test_a_unix_path_where_somebody_listens_is_left_to_him(self):
        path = self.directory / "web.sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            supervisor = self.make(service(listener=[tcp("http", f"unix:{path}")])).spawn()
            self.assertNotEqual(0, supervisor.wait())
            self.assertIn(str(path), supervisor.log)
            connect(str(path)).close()

    def test_a_file_that_is_no_socket_is_never_replaced(self):
        path = self.directory / "web.sock"
        path.write_text("precious", encoding="utf-8")
        supervisor = self.make(service(listener=[tcp("http", f"unix:{path}")])).spawn()
        self.assertNotEqual(0, supervisor.wait())
        self.assertIn(str(path), supervisor.log)
        self.assertEqual("precious", path.read_text(encoding="utf-8"))

    def test_a_port_in_use_ends_the_start_with_its_name_and_the_remedy(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            supervisor = self.make(service(listener=[tcp("http", f"127.0.0.1:{port}")])).spawn()
            self.assertNotEqual(0, supervisor.wait())
        self.assertIn(f"cannot bind 127.0.0.1:{port}: Address already in use", supervisor.log)
        self.assertIn("ss ", supervisor.log)


class Reloads(ServiceTest):

    def test_a_port_of_zero_is_reported_and_kept(self):
        supervisor = self.start()
        address = supervisor.address()
        self.assertGreater(address[1], 0)
        self.reload(supervisor)
        self.assertEqual(address, supervisor.address())
        self.assertTrue(get(address).startswith("1 "))

    def test_a_listener_comes_and_goes_with_a_reload(self):
        path = self.directory / "admin.sock"
        supervisor = self.start()
        supervisor.write(service(listener=[tcp("http"), tcp("admin", f"unix:{path}")]))
        self.reload(supervisor)
        self.assertTrue(supervisor.get(listener="admin").startswith("1 "))
        supervisor.write(service())
        self.reload(supervisor)
        self.assertEqual(["http"], [entry["name"] for entry in supervisor.status()["listeners"]])
        wait_until("the path to go", lambda: not path.exists())
        self.assertTrue(supervisor.get().startswith("1 "))

    def test_a_removed_listener_stays_open_until_its_last_worker_is_gone(self):
        path = self.directory / "admin.sock"
        both = [tcp("http"), tcp("admin", f"unix:{path}")]
        supervisor = self.start(service(listener=both))
        old = supervisor.pids()[0]
        flag = self.directory / "flag"
        with connect(supervisor.address()) as slow:
            slow.sendall(f"GET /until?v={flag} HTTP/1.1\r\n\r\n".encode())
            supervisor.get("/")  # taken in order: the slow one is being served
            supervisor.write(service())
            client = supervisor.start_svc("reload")
            supervisor.events.wait_for("worker_stopping", lambda event: event["revision"] == 1)
            self.assertIn(old, supervisor.pids())
            self.assertTrue(path.exists())
            flag.touch()
            out, err = client.communicate(timeout=PATIENCE)
            self.assertEqual(0, client.returncode, out + err)
        wait_until("the path to go", lambda: not path.exists())

    def test_a_refused_reload_changes_nothing(self):
        supervisor = self.start()
        before = supervisor.status()
        new = self.directory / "new.sock"
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            supervisor.write(service(listener=[tcp("http"), tcp("new", f"unix:{new}"),
                                               tcp("taken", f"127.0.0.1:{port}")]))
            result = supervisor.svc("reload")
        self.assertEqual(1, result.returncode, result.stdout)
        self.assertIn(f"cannot bind 127.0.0.1:{port}: Address already in use",
                      result.stdout + result.stderr)
        self.assertFalse(new.exists())
        after = supervisor.status()
        for key in "revision", "listeners":
            self.assertEqual(before[key], after[key])
        self.assertEqual([entry["pid"] for entry in before["workers"]], supervisor.pids())

    def test_an_option_that_an_open_socket_cannot_take_is_refused_with_the_remedy(self):
        supervisor = self.start(service(listener=[tcp("http", "[::1]:0")]))
        supervisor.write(service(listener=[tcp("http", "[::1]:0", reuse_port=True)]))
        result = supervisor.svc("reload")
        self.assertIn(result.returncode, (1, 5))
        self.assertIn("reuse_port", result.stdout + result.stderr)

    def test_a_backlog_is_changed_on_the_open_socket(self):
        supervisor = self.start(service(listener=[tcp("http", backlog=100)]))
        self.assertEqual("100", supervisor.get("/backlog"))
        supervisor.write(service(listener=[tcp("http", backlog=50)]))
        self.reload(supervisor)
        self.assertEqual("50", supervisor.get("/backlog"))

    def test_a_failed_version_takes_its_backlog_and_its_listeners_with_it(self):
        path = self.directory / "new.sock"
        supervisor = self.start(service(listener=[tcp("http", backlog=100)]))
        supervisor.write(service(["/bin/false"],
                                 listener=[tcp("http", backlog=50), tcp("new", f"unix:{path}")]))
        self.assertEqual(1, supervisor.svc("reload").returncode)
        wait_until("the old backlog", lambda: supervisor.get("/backlog") == "100")
        wait_until("the new path to go", lambda: not path.exists())

    def test_a_thousand_listeners_work_and_survive_a_reload(self):
        count = 300 if QUICK else 1000
        listeners = [tcp(f"port-{index}") for index in range(count)]
        supervisor = self.start(service(listener=listeners, service={"limits": {"nofile": 4096}}))
        before = supervisor.status()["listeners"]
        self.assertEqual(count, len(before))
        self.reload(supervisor)
        self.assertEqual(before, supervisor.status()["listeners"])
        for entry in before[:: count // 10]:
            self.assertTrue(get(split_address(entry["address"])).startswith("1 "))

    def test_more_listeners_than_one_message_takes_have_their_names_in_order(self):
        # 253 fds go with one message (unix(7)); the names are in no order of their own.
        count = 300
        names = [f"l{index * 7 % count:03}" for index in range(count)]
        supervisor = self.start(service(listener=[tcp(name) for name in names]))
        port = {entry["name"]: split_address(entry["address"])[1]
                for entry in supervisor.status()["listeners"]}
        address = ("127.0.0.1", port[names[0]])
        self.assertEqual(":".join(names), json.loads(get(address, "/env"))["LISTEN_FDNAMES"])
        fds = json.loads(get(address, "/fds"))
        inode = self.inodes()
        self.assertEqual([f"socket:[{inode[port[name]]}]" for name in names],
                         [fds[str(3 + index)] for index in range(count)])

    def inodes(self):
        """Listening TCP sockets of IPv4, by port (proc(5), /proc/net/tcp)."""
        found = {}
        for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                found[int(fields[1].split(":")[1], 16)] = fields[9]
        return found


class Damage(ServiceTest):

    def test_a_listener_that_a_worker_shut_down_listens_again(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        address = supervisor.address()
        for _ in range(5):
            get(address, "/shutdown")
            wait_until("the listener to be back", lambda: self.answers(address))
        self.assertTrue(supervisor.events.of("listener"))

    def answers(self, address):
        with contextlib.suppress(OSError, AssertionError):
            return get(address, timeout=2).startswith("1 ")
        return False

    def test_a_backlog_that_a_worker_shrank_is_put_back(self):
        supervisor = self.start(service(listener=[tcp("http", backlog=100)]))
        supervisor.get("/listen?v=1")
        self.assertEqual("1", supervisor.get("/backlog"))
        self.reload(supervisor)
        self.assertEqual("100", supervisor.get("/backlog"))

    def test_a_unix_path_that_a_worker_unlinked_is_put_back(self):
        path = pathlib.Path(self.directory / "web.sock")
        supervisor = self.start(service(listener=[tcp("http"), tcp("path", f"unix:{path}")]))
        supervisor.get(f"/unlink?v={path}")
        self.assertFalse(path.exists())
        os.kill(supervisor.pids()[0], 9)  # checked after every exit
        wait_until("the path to be back", path.exists)
        supervisor.wait_status("a new worker", lambda status: status["available"] == 1)
        self.assertTrue(get(str(path)).startswith("1 "))


if __name__ == "__main__":
    main()
