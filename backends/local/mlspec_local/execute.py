"""Execute stages: one server process, one forked worker per stage, and this loop that schedules them."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

from mlspec.runtime import files
from mlspec.runtime.errors import FINAL, StageError
from mlspec.runtime.manifest import Manifest
from mlspec_local.schedule import Schedule
from mlspec_local.server import start_server
from mlspec_local.worker import Work, send

if TYPE_CHECKING:
    from mlspec_local.records import RunRecord
    from mlspec_local.run import Run

_LONGEST = 250_000


class Execution:
    """The runner's side: which stages run, what the workers said, what is written down."""

    def __init__(self, run: Run, record: RunRecord, to_run: list[str], jobs: int) -> None:
        self._run = run
        self._record = record
        self._jobs = jobs
        self._to_run = to_run
        self._schedule = Schedule(run.graph, to_run, jobs)
        self._reports: dict[str, dict[str, Any]] = {}
        self._began: dict[str, float] = {}

    def run(self) -> None:
        """Run everything that can run; on an interrupt the workers end and the error goes on."""
        runner_end, server_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = start_server(self._work(), runner_end, server_end)
        server_end.close()
        try:
            with runner_end:
                self._loop(runner_end)
        except BaseException:
            os.kill(pid, signal.SIGKILL)  # the workers die with it
            raise
        finally:
            os.waitpid(pid, 0)

    def _work(self) -> Work:
        run = self._run
        return Work(
            graph=run.graph, project_root=run.root, keys=run.keys, versions={name: run.versions_of(name) for name in self._to_run},
            stages=tuple(self._to_run), workers=self._jobs,
            log_folder=files.make_folder(self._record.folder / "logs"),
        )  # fmt: skip

    def _loop(self, channel: socket.socket) -> None:
        self._start_ready(channel)
        while not self._schedule.idle:
            data = channel.recv(_LONGEST)
            if not data:
                raise StageError(
                    "MLS810", "the process that starts the stages was killed", found="its channel closed",
                    help="if the machine ran out of memory, give it more; then run again: complete stages are kept",
                )  # fmt: skip
            self._heard(json.loads(data))
            self._start_ready(channel)

    def _start_ready(self, channel: socket.socket) -> None:
        while (name := self._schedule.next()) is not None:
            state = self._run.states[name]
            state.state = "running"
            self._began[name] = time.perf_counter()
            state.attempts += 1
            self._record.append("started", stage=name, attempt=state.attempts, durable=False)
            self._run.tell("started", name, attempt=state.attempts)
            send(channel, {"run": name, "time_limit": self._run.graph[name].resources.time_limit})

    def _heard(self, message: dict[str, Any]) -> None:
        if "progress" in message:
            data = {name: message[name] for name in ("done", "total", "note")}
            self._run.tell("progress", message["progress"], **data)
        elif "exited" in message:
            self._exited(message["exited"], message)
        else:
            self._reports[message.get("done") or message["failed"]] = message

    def _exited(self, name: str, message: dict[str, Any]) -> None:
        state = self._run.states[name]
        report = self._reports.pop(name, {})
        state.seconds = round(report.get("seconds", time.perf_counter() - self._began[name]), 6)
        state.cpu_seconds = round(message["cpu_seconds"], 6)
        state.peak_memory = message["peak_memory"]
        if "done" in report:
            self._complete(name, report)
        else:
            self._failed(name, report.get("error") or self._killed(name, message))

    def _complete(self, name: str, report: dict[str, Any]) -> None:
        state = self._run.states[name]
        manifest = Manifest.read(self._run.store.stages / f"{state.key}.json")
        state.state, state.error = "ran", None
        state.outputs = manifest.outputs_json()
        self._schedule.ended(name, failed=False)
        digests = {output: found.digest for output, found in manifest.outputs.items()}
        self._record.append("finished", stage=name, key=state.key, outputs=digests, seconds=state.seconds)
        self._run.tell("finished", name, **_cost(state))

    def _failed(self, name: str, error: dict[str, Any]) -> None:
        state = self._run.states[name]
        state.error = error
        self._record.append("failed", stage=name, key=state.key, error=error, attempt=state.attempts)
        if error["code"] not in FINAL and state.attempts <= self._run.graph[name].resources.retry:
            self._schedule.again(name)
            self._run.tell("retried", name, error=error)
            return
        state.state = "failed"
        self._run.tell("failed", name, error=error, **_cost(state))
        for dropped in self._schedule.ended(name, failed=True):
            self._run.states[dropped].state = "not-run"
            self._run.states[dropped].because = name
            self._run.tell("not-run", dropped, because=name)

    def _killed(self, name: str, message: dict[str, Any]) -> dict[str, Any]:
        limit = self._run.graph[name].resources.time_limit
        status = message["status"]
        if message["timed_out"]:
            why, help_ = f"it ran past its time limit of {limit:g} s", "raise `time_limit`, or give it less to do"
        elif status < 0:
            why = f"signal {signal.Signals(-status).name} ended it"
            help_ = "if the machine ran out of memory, give it more or a `sample` in an env; then run again"
        else:
            why, help_ = f"its process ended with status {status}", "the stage's log says more"
        return {
            "code": "MLS810", "message": f"stage `{name}` was stopped: {why}", "where": self._run.graph[name].block,
            "expected": "a worker that ends by itself", "found": why, "examples": [],
            "help": f"{help_}; log: {self._record.folder / 'logs' / name}.log; complete stages are kept",
        }  # fmt: skip


def _cost(state: Any) -> dict[str, Any]:
    return {"seconds": state.seconds, "cpu_seconds": state.cpu_seconds, "peak_memory": state.peak_memory}
