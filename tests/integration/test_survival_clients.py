"""What clients see of a supervisor that dies, and of the one that comes after it."""
import json
import os
import pathlib
import signal

from following import GOING_ON, ClientTest, Lines
from harness import PATIENCE, VarlinkError, main, service, wait_until, worker


class Waiting(ClientTest):

    def test_a_reload_ends_with_its_verdict(self):
        supervisor = self.begin()
        lines = self.waiting_reload(supervisor)
        supervisor.die()
        self.succeed(supervisor)
        lines.wait_for(GOING_ON)
        self.flag.touch()
        self.assertEqual((0, ""), lines.end())
        self.assertIn("web: revision 2 serves: 1 of 1 worker available, in ", lines.seen[-1])
        self.assertEqual(1, "".join(lines.seen).count(GOING_ON))
        self.assertEqual([2], [entry["revision"] for entry in supervisor.workers()])

    def test_a_verdict_that_came_while_nobody_answered_is_told(self):
        supervisor = self.begin()
        lines = self.waiting_reload(supervisor)
        lines.process.send_signal(signal.SIGSTOP)
        supervisor.die()
        self.flag.touch()
        self.succeed(supervisor)
        supervisor.wait_for_revision(2)
        lines.process.send_signal(signal.SIGCONT)
        self.assertEqual((0, ""), lines.end())

    def test_a_version_that_fails_is_still_exit_status_1(self):
        supervisor = self.begin("--say", "no database")
        lines = self.waiting_reload(supervisor)
        (failing,) = supervisor.pids("starting")
        supervisor.die()
        self.succeed(supervisor)
        lines.wait_for(GOING_ON)
        os.kill(failing, signal.SIGKILL)
        status, errors = lines.end()
        self.assertEqual(1, status)
        self.assertIn("svc: web: revision 2 failed and was rolled back: r2-0: ", errors)
        self.assertIn("The old revision serves on.", errors)

    def test_one_that_waits_for_the_old_workers_waits_on(self):
        supervisor = self.start(service(worker("--linger", "2")))
        lines = Lines(supervisor.start_svc("reload"))
        lines.wait_for("old worker is draining")
        supervisor.die()
        self.succeed(supervisor)
        lines.wait_for(GOING_ON)
        self.assertEqual((0, ""), lines.end())
        self.assertEqual([2], [entry["revision"] for entry in supervisor.workers()])

    def test_many_deaths_are_one_wait(self):
        supervisor = self.begin()
        lines, last = self.waiting_reload(supervisor), 0
        for _ in range(4):
            supervisor.die()
            self.succeed(supervisor)
            last = lines.wait_for(GOING_ON, after=last)
        self.flag.touch()
        self.assertEqual((0, ""), lines.end())
        self.assertEqual(2, supervisor.status()["revision"])
        self.assertEqual(5, supervisor.status()["generation"])

    def test_all_who_wait_for_a_rollout_hear_that_it_was_aborted(self):
        supervisor = self.begin()
        reload = self.waiting_reload(supervisor)
        self.assertEqual(0, supervisor.svc("pause").returncode)
        resume = Lines(supervisor.start_svc("resume"))
        resume.wait_for("goes on")
        supervisor.die()
        self.succeed(supervisor)
        reload.wait_for(GOING_ON)
        resume.wait_for(GOING_ON)
        self.assertEqual(0, supervisor.svc("abort").returncode)
        for lines in reload, resume:
            status, errors = lines.end()
            self.assertEqual(1, status)
            self.assertIn("revision 2 was taken back", errors)

    def test_an_undo_that_takes_a_rollout_back_ends_well(self):
        # It is over within some milliseconds, and the supervisor has to die in between.
        for attempt in range(20):
            with self.apart(f"attempt {attempt}"):
                # The new worker takes its time to go.
                supervisor = self.begin("--linger", "1")
                reload = self.waiting_reload(supervisor)
                undo = Lines(supervisor.start_svc("undo"))
                undo.wait_for("still serves")
                supervisor.die()
                self.succeed(supervisor)
                self.assertEqual((0, ""), undo.end())
                self.assertEqual(1, reload.end()[0])
                supervisor.wait_for_revision(1)  # a rollout is taken back before its workers have drained
                if GOING_ON in "".join(undo.seen):
                    return
        self.fail("the undo was over before its supervisor died, each time")

    def test_a_scale_is_followed(self):
        supervisor = self.begin()
        self.flag.touch()
        self.reload(supervisor)
        self.flag.unlink()
        lines = Lines(supervisor.start_svc("scale", "3"))
        lines.wait_for("is launched")
        supervisor.die()
        self.succeed(supervisor)
        lines.wait_for(GOING_ON)
        self.flag.touch()
        self.assertEqual((0, ""), lines.end())
        self.assertIn("web: scaled to 3: 3 of 3 workers available", lines.seen[-1])

    def test_a_stop_goes_on_with_the_next_one(self):
        supervisor = self.start(service(worker("--linger", "2")))
        lines = Lines(supervisor.start_svc("stop"))
        lines.wait_for("r1-0")
        supervisor.die()
        supervisor.succeed()
        self.assertEqual((0, ""), lines.end())
        self.assertEqual(0, supervisor.wait())

    def test_a_cold_start_is_no_verdict(self):
        supervisor = self.begin()
        lines = self.waiting_reload(supervisor)
        supervisor.die()
        supervisor.manager.forget()
        self.flag.touch()
        said = len(supervisor.manager.messages)
        supervisor.spawn()
        status, errors = lines.end()
        self.assertEqual(1, status)
        self.assertIn("nothing is known of the rollout of revision 2", errors)
        self.assertIn("svc history 2", errors)
        supervisor.manager.wait_for("READY=1", after=said)

    def test_the_callers_own_time_counts(self):
        supervisor = self.begin()
        lines = self.waiting_reload(supervisor, "--timeout", "2s")
        supervisor.die()
        status, errors = lines.end()
        self.assertEqual(6, status)
        self.assertIn("its supervisor has ended; the rollout goes on with the next one", errors)
        self.succeed(supervisor)

    def test_who_looks_is_told_that_nobody_answers_yet(self):
        supervisor = self.start()
        with supervisor.frozen():
            looking = supervisor.start_svc("status")
            self.assertEqual("svc: web: the supervisor does not answer yet (it may be on its way); waiting\n",
                             looking.stderr.readline())
        said, _ = looking.communicate(timeout=PATIENCE)
        self.assertEqual(0, looking.returncode)
        self.assertIn("web: revision 1", said)


class Unanswered(ClientTest):

    def test_a_reload_that_was_being_checked_is_asked_for_again_and_made_once(self):
        checked = self.directory / "checked"
        slow = ["/bin/sh", "-c", f"echo >> {checked}; while ! [ -e {self.directory}/go ]; do sleep 0.05; done"]
        supervisor = self.start()
        supervisor.write(service(service={"check": slow}))
        lines = Lines(supervisor.start_svc("reload"))
        wait_until("the check", checked.exists)
        supervisor.die()
        (self.directory / "go").touch()
        self.succeed(supervisor)
        self.assertEqual((0, ""), lines.end())
        self.assertEqual("\n\n", checked.read_text())
        self.assertEqual(2, supervisor.status()["revision"])

    def test_one_that_was_accepted_and_not_answered_is_made_once(self):
        supervisor = self.start()
        supervisor.call("Reload", {"token": "a name", "wait": False})
        supervisor.wait_for_revision(2)
        supervisor.die()
        self.succeed(supervisor)
        again = supervisor.call("Reload", {"token": "a name"})
        self.assertEqual((2, "complete"), (again["revision"], again["verdict"]))
        self.assertEqual(3, supervisor.call("Reload", {"token": "another name"})["revision"])

    def test_what_cannot_be_repeated_is_not(self):
        supervisor = self.start()
        (worker_pid,) = supervisor.pids()
        unfreeze = self.ask_a_stopped_one(supervisor, "unfreeze")
        supervisor.manager.forget()  # its control socket with it
        supervisor.die()
        status, errors = unfreeze.end()
        self.assertEqual(1, status)
        self.assertIn("ended before it answered: nobody knows whether it did what it was asked", errors)
        os.kill(worker_pid, signal.SIGKILL)

    def test_who_waits_in_a_kept_control_socket_is_answered_by_the_next_one(self):
        supervisor = self.start()
        freeze = self.ask_a_stopped_one(supervisor, "freeze", "--reason", "holidays")
        supervisor.die()
        self.succeed(supervisor)
        self.assertEqual((0, ""), freeze.end())
        self.assertIn("holidays", supervisor.status()["frozen"])

    def ask_a_stopped_one(self, supervisor, *arguments):
        """`svc …` that has asked a supervisor which cannot answer."""
        def count_sockets():
            return pathlib.Path("/proc/net/unix").read_text().count(str(supervisor.control))
        wait_until("the end of earlier connections", lambda: count_sockets() == 1)
        supervisor.signal(signal.SIGSTOP)
        lines = Lines(supervisor.start_svc(*arguments))

        def has_asked():
            # Connected, it sleeps only when it waits for the answer.
            state = pathlib.Path(f"/proc/{lines.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            return count_sockets() == 2 and state == "S"
        wait_until("its request", has_asked)
        return lines


class Looking(ClientTest):

    def test_a_client_that_comes_between_death_and_birth_waits(self):
        supervisor = self.start()
        supervisor.die()
        status = Lines(supervisor.start_svc("status"))
        history = Lines(supervisor.start_svc("history"))
        reload = Lines(supervisor.start_svc("reload"))
        self.succeed(supervisor)
        for lines in status, history, reload:
            self.assertEqual((0, ""), lines.end())
        self.assertIn("revision ", status.seen[0])
        self.assertEqual(2, supervisor.status()["revision"])

    def test_one_that_is_met_dead_is_status_3_after_a_moment(self):
        supervisor = self.start()
        (pid,) = supervisor.pids()
        supervisor.die()
        supervisor.manager.forget()
        result = supervisor.svc("status")
        self.assertEqual(3, result.returncode)
        self.assertIn("what one that was killed left behind", result.stderr)
        os.kill(pid, signal.SIGKILL)

    def test_events_go_on_without_a_gap_and_without_a_double(self):
        supervisor = self.start()
        lines = Lines(supervisor.start_svc("events", "--follow", "--json"))
        lines.wait_for("worker_available")
        refused = 0
        for _ in range(3):
            # What was told last must be known to the next one, also what no step of a rollout tells.
            supervisor.write("[service]")
            self.assertEqual(5, supervisor.svc("reload").returncode)
            refused = lines.wait_for('"kind":"refused"', after=refused)
            supervisor.die()
            supervisor.write(service())
            self.succeed(supervisor)
            self.reload(supervisor)
        last = supervisor.svc("events", "--json").stdout.splitlines()[-1]
        lines.wait_for(f'"sequence":{json.loads(last)["sequence"]},')
        lines.process.send_signal(signal.SIGINT)
        self.assertEqual((130, ""), lines.end())
        seen = [json.loads(line) for line in lines.seen]
        self.assertEqual(list(range(1, len(seen) + 1)), [event["sequence"] for event in seen])
        self.assertEqual(3, len([event for event in seen if "this supervisor goes on" in event["text"]]))

    def test_events_of_a_supervisor_that_began_anew_are_all_told(self):
        supervisor = self.start()
        lines = Lines(supervisor.start_svc("events", "--follow"))
        before = lines.wait_for("r1-0 is available")
        supervisor.die()
        supervisor.manager.forget()
        supervisor.spawn()
        lines.wait_for("left by an earlier one", after=before)
        lines.wait_for("r2-0 is available", after=before)
        supervisor.stop()
        status, errors = lines.end()
        self.assertEqual(0, status)
        self.assertIn("another supervisor was started anew, and counts its events from 1", errors)

    def test_generations_are_counted(self):
        supervisor = self.start()
        self.assertEqual(1, supervisor.status()["generation"])
        self.assertNotIn("generation", supervisor.svc("status").stdout)
        for generation in (2, 3):
            supervisor.die()
            self.succeed(supervisor)
            self.assertEqual(generation, supervisor.status()["generation"])
        self.assertIn(", generation 3", supervisor.svc("status").stdout)
        supervisor.stop()
        said = len(supervisor.manager.messages)
        supervisor.spawn()
        supervisor.manager.wait_for("READY=1", after=said)
        self.assertEqual(1, supervisor.status()["generation"])

    def test_anyone_may_follow_and_only_what_is_known(self):
        supervisor = self.start()
        self.assertEqual("complete", supervisor.call("Follow", {"revision": 1})["verdict"])
        with self.assertRaises(VarlinkError) as refused:
            supervisor.call("Follow", {"revision": 2})
        self.assertIn("there is no revision 2", str(refused.exception))


if __name__ == "__main__":
    main()
