"""A double of Kubeflow's Trainer and of the API server before it, for where no cluster can be had.

It takes, shows and removes TrainJobs as the API server does, and makes of one the pods that the Trainer would make of it and of its
runtime: the same commands with the same variables, as processes of this machine. What it proves is our side; it says nothing of
Kubernetes: images, volumes, devices, rights and networks are not there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_PREFIX = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/default/trainjobs"


class Pod:
    """A container of a pod, started again where it fails, as often as its Job says."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], restarts: int, log: Path) -> None:
        self._command, self._environment, self._restarts, self._log = command, environment, restarts, log
        self.code: int | None = None
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            self.starts += 1
            with self._log.open("ab") as log:
                environment = {**os.environ, **self._environment}
                self.process = subprocess.Popen(self._command, env=environment, stdout=log, stderr=log, start_new_session=True)
            code = self.process.wait()
            if code == 0 or self.starts > self._restarts:
                self.code = code
                return

    def lose(self) -> None:
        """Kill its container as a lost machine would."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End it for good."""
        self._stopped = True
        self.lose()
        self._thread.join()


class Trainer:
    """The double. `runtimes` are the TrainingRuntimes that were applied, by name."""

    def __init__(self, folder: Path, runtimes: Mapping[str, Any]) -> None:
        self.folder, self.runtimes = folder, runtimes
        self.jobs: dict[str, Any] = {}
        self.pods: dict[str, list[Pod]] = {}
        double = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                return None

            def _say(self, status: int, value: Any) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._say(*double.take(body))

            def do_GET(self) -> None:
                job = double.shown(self.path.removeprefix(f"{_PREFIX}/"))
                self._say(*((200, job) if job else (404, {"message": "not found"})))

            def do_DELETE(self) -> None:
                self._say(200, double.remove(self.path.removeprefix(f"{_PREFIX}/").partition("?")[0]))

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def kubeconfig(self) -> Path:
        """The file by which clients find it."""
        path = self.folder / "kubeconfig"
        server = f"http://127.0.0.1:{self._server.server_address[1]}"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "double", "clusters": [{"name": "double", "cluster": {"server": server}}],
            "contexts": [{"name": "double", "context": {"cluster": "double", "user": "double"}}], "users": [{"name": "double", "user": {}}],
        }))  # fmt: skip
        return path

    def take(self, body: Any) -> tuple[int, Any]:
        name, runtime = body["metadata"]["name"], self.runtimes.get(body["spec"]["runtimeRef"]["name"])
        if name in self.jobs:
            return 409, {"reason": "AlreadyExists", "message": f"trainjobs {name} already exists"}
        if runtime is None:
            return 403, {
                "reason": "Forbidden",
                "message": "specified trainingRuntime must be created before the TrainJob is created",
            }
        self.jobs[name] = body
        self.pods[name] = self._pods(name, body["spec"]["trainer"], runtime)
        return 201, body

    def _pods(self, name: str, trainer: Any, runtime: Any) -> list[Pod]:
        (node,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
        job = node["template"]["spec"]
        (container,) = job["template"]["spec"]["containers"]
        command = [*container["command"], *trainer["args"]]
        assert command[0] == "python3"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        said = {
            "PET_NNODES": str(trainer["numNodes"]), "PET_NPROC_PER_NODE": str(trainer["numProcPerNode"]), "PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": str(port),
            # This machine has one name for all of them, and talks to itself.
            "PET_LOCAL_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo",
        }  # fmt: skip
        return [
            Pod(
                [sys.executable, *command[1:]],
                {**said, "PET_NODE_RANK": str(rank)},
                job["backoffLimit"],
                self.folder / f"{name}-{rank}.log",
            )
            for rank in range(trainer["numNodes"])
        ]

    def shown(self, name: str) -> Any:
        if name not in self.jobs:
            return None
        codes = [pod.code for pod in self.pods[name]]
        conditions = []
        if all(code == 0 for code in codes):
            conditions = [
                {"type": "Complete", "status": "True", "reason": "JobsCompleted", "message": "jobset completed successfully"}
            ]
        elif any(codes):
            conditions = [
                {
                    "type": "Failed",
                    "status": "True",
                    "reason": "FailedJobs",
                    "message": "jobset failed due to one or more job failures",
                }
            ]
        return {**self.jobs[name], "status": {"conditions": conditions, "jobsStatus": [{"name": "node", "ready": 1}]}}

    def remove(self, name: str) -> Any:
        for pod in self.pods.pop(name, ()):
            pod.stop()
        return self.jobs.pop(name, {})

    def close(self) -> None:
        for name in list(self.jobs):
            self.remove(name)
        self._server.shutdown()
        self._server.server_close()

    def logs(self) -> str:
        """What all pods said."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))


def wait_for(what: Any, seconds: float) -> None:
    """Until something is the case."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)
