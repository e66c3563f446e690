"""Files of a service that are replaced behind its back: the house of test_crash, test_undo and test_libraries."""
import os
import pathlib
import signal

from harness import BUILD, PYTHON, ServiceTest, alive, service, wait_until

WEB = BUILD / "examples/web/example-web"
WORKER = pathlib.Path(__file__).resolve().parent / "workers/worker.py"
MARK = b"\nversion:"


def elf(version):
    """A server whose file tells its version. What stands after the last section harms nobody."""
    return WEB.read_bytes() + MARK + version.encode()


def script(version):
    text = WORKER.read_text().replace('default="1", help="what /', f'default="{version}", help="what /')
    return f"#!{PYTHON} -SE\n{text}".encode()


def version_of(pid):
    """Of the file that a process executes, whatever its path is by now."""
    return pathlib.Path(f"/proc/{pid}/exe").read_bytes().rpartition(MARK)[2].decode()


def put(path, content):
    """A file in place in one step."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(0o755)
    new.rename(path)
    return path


def put_over(path, content):
    with open(path, "r+b") as file:
        file.truncate()
        file.write(content)


def rename(path, content):
    put(path, content)


def delete(path, _content):
    path.unlink()


CHANGES = {"renamed over": rename, "overwritten in place": put_over, "deleted": delete}


class CrashTest(ServiceTest):
    def run_one(self, command, **tables):
        """One worker that comes back at once when it died."""
        tables.setdefault("restart", {"backoff": {"min": "10ms", "max": "100ms"}})
        return self.start(service(list(map(str, command)), rollout={"replicas": 1}, **tables))

    def kill_worker(self, supervisor, change=lambda: None):
        """Kills the only worker, and changes its file before the supervisor sees that: while it is executed it
        cannot be written to (ETXTBSY)."""
        (pid,) = supervisor.pids("available")
        with supervisor.frozen():
            os.kill(pid, signal.SIGKILL)
            wait_until("its end", lambda: not alive(pid))
            change()
        return pid

    def comes_back(self, supervisor, not_pid):
        status = supervisor.wait_status("a worker", lambda status: [
            worker for worker in status["workers"]
            if worker["state"] == "available" and worker["pid"] != not_pid])
        return next(worker["pid"] for worker in status["workers"]
                    if worker["state"] == "available" and worker["pid"] != not_pid)

    def stays_down(self, supervisor, words):
        status = supervisor.wait_status("the reason why it stays down", lambda status: "changed since "
                                        "revision" in status["replica_list"][0]["waits_for"])
        reason = status["replica_list"][0]["waits_for"]
        for word in (*words, "not started: `svc reload` deploys it, or put the old file back"):
            self.assertIn(word, reason)
        self.assertEqual(0, status["available"])
        # Between two tries; while it is tried, there is nothing that it waits for.
        wait_until("svc status to say so", lambda: "changed since revision" in supervisor.svc("status").stdout)
