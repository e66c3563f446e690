"""What a person sees of `svc reload`: whole screens, as in expected/reload-*.txt."""
import contextlib
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from expected import assert_screen, wait_for_screen  # noqa: E402
from harness import ServiceTest, main, service, worker  # noqa: E402
from screen import Screen  # noqa: E402
from scripted import Scripted  # noqa: E402
from supervisor import SVC  # noqa: E402

WIDTHS = 80, 200
# Of what a rollout waits for so long nothing comes to its end here, and a bar has not moved by an eighth of a column.
LONG = {"min_ready": "24h", "progress_deadline": "96h"}
SAYS = "--say", "reading /etc/web.conf", "--say", "cannot reach the database at 10.0.0.3:5432"


HOUR = 3_600_000_000


def half_way():
    """What a supervisor tells half way through long things: bars stand where they do for an hour."""
    def told(name, state, **more):
        revision, replica = name[1:].split("-")
        return {"name": name, "revision": int(revision), "replica": int(replica), "state": state, "since_us": 30 * HOUR,
                "waits_for": "", "left_us": 0, "length_us": 0, "note": "", "failed": False, **more}
    progress = {"state": "held", "from": 6, "step": "canary, step 1 of 3", "revision": 7, "text": "", "updated": 1,
                "available": 4, "replicas": 4, "waits_for": "the end of its hold", "left_us": 48 * HOUR,
                "length_us": 64 * HOUR, "worker": "", "workers": "", "verdict": "", "reason": "", "last_output": [],
                "changed": []}
    workers = [told("r6-0", "stopping", waits_for="stop signal sent", left_us=24 * HOUR, length_us=48 * HOUR),
               told("r7-0", "available", note="12 requests in flight"), told("r6-1", "available"),
               told("r7-1", "starting", waits_for="readiness probe (connection refused)", left_us=12 * HOUR,
                    length_us=96 * HOUR),
               told("r6-2", "draining", waits_for="pre-stop hook"),
               told("r6-3", "killing", waits_for="end after SIGKILL")]
    return [{**progress, "worker_list": workers},
            {**progress, "worker_list": [], "verdict": "complete", "updated": 4}]


class Reload(ServiceTest):

    def test_half_way_bars_are_filled_as_far_as_time_went_by(self):
        with Scripted(self.directory / "run", half_way()) as supervisor:
            for columns in WIDTHS:
                with self.subTest(columns=columns), self.screen(supervisor, columns=columns) as screen:
                    wait_for_screen(screen, f"reload-half-way-{columns}")

    def screen(self, supervisor, *options, columns=80, **more):
        command = [SVC, "reload", "web", *options, "--runtime-dir", supervisor.runtime]
        return Screen(command, columns=columns, **more)

    def ends_as(self, name, supervisor, *options, columns=80, status=0):
        """A reload to its end, whose screen is expected/NAME-COLUMNS.txt."""
        with self.screen(supervisor, *options, columns=columns) as screen:
            self.assertEqual(status, screen.wait_for_end(), screen.text())
            assert_screen(f"{name}-{columns}", screen.text())

    @contextlib.contextmanager
    def standing(self, supervisor, *options, **more):
        """One that stands still, and is taken back in the end."""
        with self.screen(supervisor, *options, **more) as screen:
            try:
                yield screen
            finally:
                supervisor.svc("abort", "web")

    def test_at_its_end(self):
        for columns in WIDTHS:
            with self.apart(f"{columns} columns"):
                supervisor = self.start(service(worker(), rollout={"replicas": 3}))
                self.ends_as("reload", supervisor, columns=columns)

    def test_in_its_middle_news_go_away_and_bars_stay_in_their_place(self):
        for columns in WIDTHS:
            with self.apart(f"{columns} columns"):
                supervisor = self.start(service(worker(), rollout={"replicas": 3}))
                supervisor.write(service(worker(), rollout={"replicas": 3, **LONG}))
                with self.standing(supervisor, columns=columns) as screen:
                    screen.wait_for("r2-0 is ready")
                    wait_for_screen(screen, f"reload-middle-{columns}")

    def test_after_a_resize_and_an_interruption_that_says_what_goes_on(self):
        supervisor = self.start(service(worker(), rollout={"replicas": 3}))
        supervisor.write(service(worker(), rollout={"replicas": 3, **LONG}))
        with self.standing(supervisor, columns=200) as screen:
            wait_for_screen(screen, "reload-middle-200")
            screen.resize(80, 24)
            wait_for_screen(screen, "reload-middle-80")
            screen.resize(62, 24)
            wait_for_screen(screen, "reload-middle-62")
            screen.resize(80, 24)
            wait_for_screen(screen, "reload-middle-80")
            screen.type("C-c")
            self.assertEqual(130, screen.wait_for_end())
            assert_screen("reload-interrupted-80", screen.text())

    def test_failed(self):
        for columns in WIDTHS:
            with self.apart(f"{columns} columns"):
                supervisor = self.start(service(worker(), rollout={"replicas": 3}))
                supervisor.write(service(worker("--exit", 3, *SAYS), rollout={"replicas": 3}))
                self.ends_as("reload-failed", supervisor, columns=columns, status=1)

    def test_failed_because_nobody_became_ready_in_time(self):
        for columns in WIDTHS:
            with self.apart(f"{columns} columns"):
                supervisor = self.start(service(worker()))
                # It stays for its grace, and is seen to.
                broken = worker("--never-ready", "--ignore-term", *SAYS)
                supervisor.write(service(broken, ready={"timeout": "2s"}, stop={"grace": "24h"}))
                self.ends_as("reload-late", supervisor, columns=columns, status=1)

    def test_a_hook_of_the_rollout_has_a_bar_for_its_timeout(self):
        for columns in WIDTHS:
            with self.apart(f"{columns} columns"):
                supervisor = self.start(service(worker()))
                supervisor.write(service(worker(), rollout={
                    **LONG, "before": {"exec": ["/bin/sleep", "86400"], "timeout": "48h"}}))
                with self.standing(supervisor, columns=columns) as screen:
                    wait_for_screen(screen, f"reload-hook-{columns}")

    def test_a_worker_that_drains_when_it_is_over_keeps_its_bar(self):
        for columns in WIDTHS:
            with self.apart(f"{columns} columns") as place:
                supervisor = self.start(service(worker("--end-when", place / "end"), stop={"grace": "24h"}))
                self.ends_as("reload-draining", supervisor, "--no-wait-drain", columns=columns)
                (place / "end").touch()

    def test_a_supervisor_that_ended_is_said_for_as_long_as_it_is_so(self):
        supervisor = self.start(service(worker()))
        supervisor.write(service(worker(), rollout=LONG))
        with self.screen(supervisor) as screen:
            screen.wait_for("min_ready")
            supervisor.die()
            wait_for_screen(screen, "reload-lost-80")
            screen.wait_for(lambda text: re.search(r"reload web ([7-9]|[1-5]\d)\.", text))  # longer than any news
            wait_for_screen(screen, "reload-lost-80")
            supervisor.succeed()
            screen.wait_for("min_ready")
            wait_for_screen(screen, "reload-regained-80")
            supervisor.svc("abort", "web")

    def test_no_color_where_it_is_not_wanted_and_no_escape_on_a_dumb_terminal(self):
        supervisor = self.start(service(worker()))
        with self.screen(supervisor) as screen:
            screen.wait_for_end()
            self.assertIn("\x1b[32m", screen.colored())
        with self.screen(supervisor, environment={"NO_COLOR": "1"}) as screen:
            screen.wait_for_end()
            self.assertIn("r3-0  available", screen.text())
            self.assertNotIn("\x1b", screen.colored())
        written = self.directory / "written"
        with Screen(["/usr/bin/script", "-qc", f"TERM=dumb {SVC} reload web --runtime-dir {supervisor.runtime}",
                     written]) as screen:
            self.assertEqual(0, screen.wait_for_end(), screen.text())
            self.assertIn("web: revision 4 serves: 1 of 1 worker available", screen.text())
            self.assertNotIn(b"\x1b", written.read_bytes())


if __name__ == "__main__":
    main()
