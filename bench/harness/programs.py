"""Where the programs of a build are."""
import os
import pathlib
import shutil

SOURCE = pathlib.Path(__file__).resolve().parents[2]


class Programs:
    def __init__(self, build=None):
        self.build = pathlib.Path(build or os.environ.get("SVC_BUILD") or SOURCE / "build").resolve()
        self.svcd = self.build / "src/svcd/front/svcd"
        self.svc = self.build / "src/svc/svc"
        self.example_web = self.build / "examples/web/example-web"
        self.bench_ready = self.build / "bench/worker/bench-ready"
        self.loadgen = self.build / "bench/loadgen/loadgen"
        self.start_server = shutil.which("start_server")

    def require(self, *names):
        for name in names:
            path = getattr(self, name)
            if path is None or not os.access(path, os.X_OK):
                raise SystemExit(f"{path or name} is not there; build it first: ninja -C {self.build}")
