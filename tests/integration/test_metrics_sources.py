"""Where metrics come from: many supervisors at once, many writers of one file; and what the alert rules make of them."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

import exposition
from harness import PATIENCE, ServiceTest, main, service, worker
from supervisor import SVC

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples/metrics"


class Sources(ServiceTest):

    def test_those_that_hang_are_waited_for_together(self):
        first = self.start(service(worker()))
        hanging = [self.start(service(worker()), name=name) for name in ("api", "mail", "zoo")]
        with contextlib.ExitStack() as going_on:
            for one in hanging:
                os.kill(one.pid, signal.SIGSTOP)
                going_on.callback(os.kill, one.pid, signal.SIGCONT)
            began = time.monotonic()
            result = first.svc("metrics")
            took = time.monotonic() - began
        self.assertEqual(0, result.returncode)
        up = {labels["service"]: value for _, labels, value in exposition.read(result.stdout)["svc_up"].samples}
        self.assertEqual({"web": 1, "api": 0, "mail": 0, "zoo": 0}, up)
        self.assertEqual(3, result.stderr.count("its supervisor does not answer"), result.stderr)
        self.assertLess(took, 10)  # one after the other they would take 15 s

    def test_many_may_write_one_file(self):
        supervisor = self.start(service(worker()))
        path = self.directory / "svc.prom"
        writers = [subprocess.Popen([str(SVC), "--runtime-dir", str(supervisor.runtime), "metrics", "--output", str(path)],
                                    stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(40)]
        for one in writers:
            self.assertEqual("", one.communicate(timeout=PATIENCE)[1])
            self.assertEqual(0, one.returncode)
        exposition.read(path.read_text(encoding="utf-8"))
        self.assertEqual(["svc.prom"], [name for name in os.listdir(self.directory) if "svc.prom" in name])

    def test_json_goes_into_the_file_as_well(self):
        supervisor = self.start(service(worker()))
        path = self.directory / "svc.json"
        result = supervisor.svc("metrics", "--json", "--output", path)
        self.assertEqual((0, "", ""), (result.returncode, result.stdout, result.stderr))
        self.assertIn("svc_up", [family["name"] for family in json.loads(path.read_text(encoding="utf-8"))["families"]])

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root, and setpriv")
    def test_who_may_not_write_there_is_told_what_to_do(self):
        supervisor = self.start(service(worker()))
        result = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", str(SVC), "--runtime-dir",
                                 str(self.directory / "nothing"), "metrics", "--output", "/etc/svc.prom"],
                                stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=PATIENCE)
        self.assertEqual(1, result.returncode)
        self.assertIn("name a file where you may write", result.stderr)
        self.assertEqual(1, supervisor.status()["available"])


class Examples(ServiceTest):

    def metrics_in(self, text):
        """Names of samples in an expression, or in many."""
        return set(re.findall(r"\bsvc_[a-z_]+\b", text))

    def names(self):
        supervisor = self.start(service(worker()))
        self.reload(supervisor)
        families = exposition.read(supervisor.svc("metrics").stdout)
        return {sample for family in families.values() for sample, _, _ in family.samples}

    def test_the_rules_are_right_and_all_metrics_in_them_exist(self):
        status, said = exposition.promtool("check", "rules", EXAMPLES / "svc-alerts.yml")
        self.assertEqual(0, status, said)
        text = (EXAMPLES / "svc-alerts.yml").read_text(encoding="utf-8")
        wanted = self.metrics_in(" ".join(re.findall(r"expr: (.*)", text)))
        self.assertTrue(wanted)
        self.assertEqual(set(), wanted - self.names())

    def test_all_metrics_of_the_dashboard_exist(self):
        dashboard = json.loads((EXAMPLES / "dashboard.json").read_text(encoding="utf-8"))
        texts = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
        texts += [json.dumps(variable) for variable in dashboard.get("templating", {}).get("list", ())]
        wanted = self.metrics_in(" ".join(texts))
        self.assertGreater(len(wanted), 10)
        self.assertEqual(set(), wanted - self.names())

    @unittest.skipUnless(shutil.which("promtool"), "there is no promtool (Debian: prometheus)")
    def test_the_alerts_come_when_they_are_to_and_go(self):
        shutil.copy(EXAMPLES / "svc-alerts.yml", self.directory)
        shutil.copy(HERE / "alerts.test.yml", self.directory)
        status, said = exposition.promtool("test", "rules", self.directory / "alerts.test.yml")
        self.assertEqual(0, status, said)


if __name__ == "__main__":
    main()
