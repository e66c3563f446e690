"""Supervisors that are killed and replaced under load, with `svcd --keeper`: no request is lost, no worker is
doubled or left over, every rollout ends."""
import collections
import os
import random
import signal
import time

from harness import BUILD, QUICK, ServiceTest, alive, children, main, service, wait_until
from killing import SANITIZERS, Trap
from load import Load

WEB = BUILD / "examples/web/example-web"
PRELOAD = BUILD / "tests/integration/preload/kill_at_call.so"
KILLS = int(os.environ.get("SVC_TEST_KILLS", "20" if QUICK else "100"))
UPGRADES = KILLS
STRIDE = 1 if KILLS >= 100 else 3  # every third step where each costs a factor of ten
SEED = int(os.environ.get("SVC_TEST_SEED", random.randrange(1 << 30)))


class Kept(ServiceTest):

    def keep(self, replicas=2, **environment):
        supervisor = self.make(self.web(replicas), environment=environment)
        supervisor.arguments.insert(1, "--keeper")
        return supervisor.start()

    @staticmethod
    def web(replicas, *options):
        return service([str(WEB), "--drain", "100", *options], rollout={"replicas": replicas})

    @staticmethod
    def svcd(supervisor):
        """The keeper's child that is the supervisor; 0: there is none now."""
        return next((pid for pid in children(supervisor.pid) if comm(pid) == "svcd"), 0)

    def wait_for_next(self, supervisor, old, said):
        """Until another svcd than `old` serves."""
        supervisor.manager.wait_for("READY=1", after=said)
        wait_until("the next svcd", lambda: self.svcd(supervisor) not in (0, old))

    def kill(self, supervisor, pid):
        said = len(supervisor.manager.messages)
        os.kill(pid, signal.SIGKILL)
        self.wait_for_next(supervisor, pid, said)

    def check_rest(self, supervisor, replicas):
        """When nothing goes on any more there are the workers that the status knows, and no others."""
        def at_rest():
            status = supervisor.status()
            workers = status["workers"]
            return status if (len(workers) == replicas and status["available"] == replicas and
                              status["rollout"][0]["phase"] not in ("progressing", "rolling back") and
                              not status["pending"]) else None
        status = wait_until("a service at rest", at_rest, timeout=60)
        known = sorted(entry["pid"] for entry in status["workers"])
        wait_until("no other worker than those", lambda: sorted(self.web_processes()) == known)
        return status

    @staticmethod
    def web_processes():
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and
                comm(int(name)) == "example-web" and alive(int(name)) and is_ours(int(name))]


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def is_ours(pid):
    """Another test's server is none of ours."""
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                pid = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False


class UnderLoad(Kept):

    def test_killed_at_any_moment_of_reloads(self):
        print(f"SVC_TEST_SEED={SEED}", flush=True)
        chance = random.Random(SEED)
        supervisor = self.keep()
        with Load(supervisor.address(), rate=200, keepalive=4) as load:
            for _ in range(KILLS):
                client = supervisor.start_svc("reload", "--no-wait")
                wait_for_moment(chance.uniform(0, 0.12))
                self.kill(supervisor, self.svcd(supervisor))
                client.communicate()
            self.check_rest(supervisor, 2)
            self.reload(supervisor)
        load.assert_no_failure(self)
        self.check_rest(supervisor, 2)
        self.assertEqual(0, supervisor.stop())
        self.assertEqual([], self.web_processes())

    def test_upgraded_again_and_again_during_reloads(self):
        supervisor = self.keep()
        pid = self.svcd(supervisor)
        with Load(supervisor.address(), rate=200, keepalive=4) as load:
            for count in range(UPGRADES):
                if count % 5 == 0:
                    supervisor.svc("reload", "--no-wait")
                self.upgrade(supervisor, pid)
            self.check_rest(supervisor, 2)
            self.reload(supervisor)
        load.assert_no_failure(self)
        self.assertEqual(pid, self.svcd(supervisor))
        self.check_rest(supervisor, 2)

    def upgrade(self, supervisor, pid):
        last = supervisor.call("Status")["supervisor_pid"] and supervisor.events.last
        os.kill(pid, signal.SIGUSR2)
        supervisor.events.wait_for(
            "supervisor", lambda event: "goes on where the last one ended" in event["text"], after=last)


class AtEveryStep(Kept):

    def test_before_and_after_every_call_of_a_reload(self):
        trap = Trap(self.directory / "counter")
        supervisor = self.keep(1, LD_PRELOAD=str(PRELOAD), SVC_KILL_COUNTER=str(trap.path), **SANITIZERS)
        killed = collections.Counter()
        with Load(supervisor.address(), rate=100, keepalive=2) as load:
            for step in range(1, 4000, STRIDE):
                pid, said = self.svcd(supervisor), len(supervisor.manager.messages)
                trap.arm(step)
                client = supervisor.start_svc("reload")
                client.communicate(timeout=60)
                left, name = trap.disarm()
                if left > 0:
                    break
                self.wait_for_next(supervisor, pid, said)
                self.check_rest(supervisor, 1)
                killed[name] += 1
        load.assert_no_failure(self)
        print(f"killed {dict(killed)}")
        reached = {"sendmsg", "pwrite"} if STRIDE > 1 else {"posix_spawn", "sendmsg", "pwrite", "recvmsg"}
        self.assertLessEqual(reached, set(killed))
        self.check_rest(supervisor, 1)
        self.assertEqual(0, supervisor.stop())


def wait_for_moment(seconds):
    """Not for anything: the kill is to come at a moment that nobody chose."""
    time.sleep(seconds)


if __name__ == "__main__":
    main()
