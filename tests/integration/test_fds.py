"""A worker has the descriptors that it was meant to have; the supervisor keeps none too many."""
import json
import os

from harness import ServiceTest, main, service, wait_until


class FdHygiene(ServiceTest):

    def born_with(self, supervisor):
        return json.loads(supervisor.get("/fds"))

    def test_a_worker_has_the_standard_three_and_its_listeners(self):
        supervisor = self.start(service(listener=[
            {"name": "http", "address": "127.0.0.1:0", "nonblock": True},
            {"name": "more", "address": "127.0.0.1:0", "nonblock": True}]))
        fds = self.born_with(supervisor)
        self.assertEqual({"0", "1", "2", "3", "4"}, set(fds))
        self.assertEqual("/dev/null", fds["0"])
        self.assertEqual(str(supervisor.log_path), fds["1"])
        self.assertTrue(fds["3"].startswith("socket:") and fds["4"].startswith("socket:"))

    def test_the_next_generation_and_a_replacement_have_the_same(self):
        supervisor = self.start()
        first = self.born_with(supervisor)
        self.reload(supervisor)
        second = self.born_with(supervisor)
        self.assertEqual(set(first), set(second))
        self.assertEqual(first["3"], second["3"], "it is the same listening socket")

    def test_what_the_supervisor_inherited_by_accident_goes_no_further(self):
        reader, writer = os.pipe()
        supervisor = self.make().spawn(pass_fds=[writer])
        supervisor.manager.wait_for("READY=1")
        self.assertIn("pipe:", os.readlink(f"/proc/{supervisor.pid}/fd/{writer}"))
        self.assertEqual({"0", "1", "2", "3"}, set(self.born_with(supervisor)))
        os.close(reader)
        os.close(writer)

    def test_twenty_reloads_leave_the_supervisor_with_as_many_as_before(self):
        supervisor = self.start(service(rollout={"replicas": 2}))
        self.reload(supervisor)
        before = self.count(supervisor)
        for _ in range(20):
            self.reload(supervisor)
        wait_until(f"{before} descriptors", lambda: self.count(supervisor) <= before)

    def count(self, supervisor):
        return len(os.listdir(f"/proc/{supervisor.pid}/fd"))


if __name__ == "__main__":
    main()
