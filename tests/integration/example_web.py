"""The bundled example server under load: what the tests of rollouts share."""
from harness import BUILD, PATIENCE, ServiceTest, service
from load import DRAIN, Load


def web(version, *options, replicas=2, **rollout):
    """Its answers begin with its version."""
    return service([str(BUILD / "examples/web/example-web"), *DRAIN, "--version-label", str(version),
                    *options], rollout={"replicas": replicas, **rollout})


class ExampleWebTest(ServiceTest):

    def start_settled(self, content):
        """All its workers serve, so that what is counted later is a rollout's."""
        supervisor = self.start(content)
        supervisor.events.wait_for("rollout_ended", lambda event: event["revision"] == 1)
        return supervisor

    def load(self, supervisor):
        return Load(supervisor.address(), rate=400, keepalive=10)

    def finish(self, client, status=0):
        out, err = client.communicate(timeout=PATIENCE)
        self.assertEqual(status, client.returncode, out + err)
        return out + err
