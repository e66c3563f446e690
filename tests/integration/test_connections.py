"""Connections in sight: each worker's in the status, a drain that ends with the last one, and what SIGKILL cuts."""
from harness import PATIENCE, ServiceTest, connect, main, service, wait_until, worker


class Connections(ServiceTest):

    def start_with(self, *options, **stop):
        return self.start(service(worker(*options), stop=stop))

    def workers(self, supervisor):
        return supervisor.status(connections=True)["workers"]

    def serving(self, supervisor, count):
        """As soon as the only worker has so many."""
        return wait_until(f"{count} connections",
                          lambda: [entry for entry in self.workers(supervisor) if entry.get("connections") == count])

    def test_the_status_counts_those_that_a_worker_accepted(self):
        supervisor = self.start_with()
        self.assertNotIn("connections", supervisor.workers()[0])  # nobody asked
        self.assertEqual(0, self.workers(supervisor)[0]["connections"])
        with connect(supervisor.address()), connect(supervisor.address()):
            self.serving(supervisor, 2)
            self.assertIn("CONNS", supervisor.svc("status").stdout)
        self.serving(supervisor, 0)

    def test_a_drain_ends_with_the_last_connection(self):
        # Nothing but the connection's end could end it within the test's time.
        supervisor = self.start_with(wait_idle="1h", grace="2h")
        with connect(supervisor.address()):
            self.serving(supervisor, 1)
            supervisor.signal(15)
            supervisor.events.wait_for("worker_retired")
            draining = wait_until("a count", lambda: [entry for entry in self.workers(supervisor)
                                                      if "1 connection, " in entry["waits_for"]])[0]
            self.assertEqual(1, draining["connections"])
        event = supervisor.events.wait_for("worker_stopping")
        self.assertIn("it has no connection left", event["text"])
        self.assertEqual(0, supervisor.wait(PATIENCE))

    def test_a_connection_that_does_not_end_is_cut_by_grace_which_says_so(self):
        supervisor = self.start_with(wait_idle="1s", grace="4s", min_stop="1s")
        with connect(supervisor.address()):
            self.serving(supervisor, 1)
            supervisor.signal(15)
            self.assertIn("with 1 connection open", supervisor.events.wait_for("worker_stopping")["text"])
            self.assertIn("1 connection is cut", supervisor.events.wait_for("worker_killed")["text"])
        supervisor.wait(PATIENCE)


if __name__ == "__main__":
    main()
