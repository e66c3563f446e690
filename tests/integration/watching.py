"""What the tests of liveness and recycling share: who was there at each moment, by the service's story."""
import example_web
from harness import service, worker
from load import Load

SHARED = {"name": "http", "address": "127.0.0.1:0", "nonblock": True}
PRIVATE = {"name": "health", "address": "127.0.0.1:0", "private": True, "nonblock": True}


def fewest_available(events):
    """The least number of available workers at a time, from the end of the first rollout on."""
    available, least = set(), None
    for event in events.seen:
        if event["kind"] == "worker_available":
            available.add(event["worker"])
        elif event["kind"] in ("worker_retired", "worker_exited"):
            available.discard(event["worker"])
        elif event["kind"] == "rollout_ended" and least is None:
            least = len(available)
        least = min(least, len(available)) if least is not None else None
    return least


class WatchingTest(example_web.ExampleWebTest):
    """Of three workers some get sick, old or large."""

    def content(self, *options, replicas=3, listeners=(SHARED,), rollout=None, **tables):
        return service(worker("--sick", self.sick(), *options), listener=list(listeners),
                       rollout={"replicas": replicas, **(rollout or {})}, **tables)

    def sick(self, pid=None):
        """The file that makes one worker sick, or all of them."""
        return self.directory / (f"sick.{pid}" if pid else "sick")

    def slow_load(self, supervisor):
        """As much as three workers in Python bear, without kept connections."""
        return Load(supervisor.address(), rate=200, keepalive=0)

    def named(self, supervisor, name):
        (found,) = [entry for entry in supervisor.workers() if entry["name"] == name]
        return found

    def event(self, supervisor, kind, name, words="", **options):
        """Waits for what happens to a worker, told with these words."""
        return supervisor.events.wait_for(
            kind, lambda event: event["worker_name"] == name and words in event["text"], **options)

    def kinds(self, supervisor, name):
        return [event["kind"] for event in supervisor.events.seen if event["worker_name"] == name]
