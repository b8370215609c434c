"""A package served as it will be served: the serving command, on loopback, on cores of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.request import urlopen

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/predict")
START_TIMEOUT = 60.0
STOP_TIMEOUT = 40.0
COMMAND = (sys.executable, "-m", "mlspec.runtime.serve")
# One computing thread per core that the gate grants, whatever library computes.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class CannotMeasure(Exception):
    """There is no value, and why."""


@dataclass(frozen=True)
class Cores:
    """Which cores the server has, and which are left for the load."""

    server: frozenset[int]
    load: frozenset[int]


def share_cores(cpu: int) -> Cores:
    """The first `cpu` cores of this process for the server, the others for the load; all where none is left."""
    available = sorted(os.sched_getaffinity(0))
    if cpu > len(available):
        raise CannotMeasure(f"the gate asks for {cpu} cores and this process may use {len(available)}")
    rest = available[cpu:] or available
    return Cores(frozenset(available[:cpu]), frozenset(rest))


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """This process, and what it starts, on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def environment(cpu: int) -> dict[str, str]:
    """The environment of the server: ours, with its threads bounded."""
    return {**os.environ, **dict.fromkeys(THREADS, str(cpu))}


@contextmanager
def served(package: Path, cores: Cores) -> Iterator[int]:
    """The port of a server of the package, pinned to its cores, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="mlspec-measure-") as folder, Path(folder, "log").open("w+") as log:
        words = [*COMMAND, "--package", str(package), "--port", "0"]
        with pinned(cores.server):
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=_with_paths(environment(len(cores.server)))
            )  # fmt: skip
        try:
            yield _port(process, log)
        finally:
            _stop(process)


def _with_paths(variables: Mapping[str, str]) -> dict[str, str]:
    """Relative entries of the import path as absolute ones, since the server starts in a folder of its own."""
    paths = [str(Path(entry).resolve()) for entry in variables.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return {**variables, **({"PYTHONPATH": os.pathsep.join(paths)} if paths else {})}


def _port(process: subprocess.Popen[bytes], log: IO[str]) -> int:
    """The port from the address that the server prints, once it says that it is ready."""
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end:
        log.seek(0)
        text = log.read()
        if process.poll() is not None:
            raise CannotMeasure("the server stopped: " + (text.strip().splitlines() or ["it said nothing"])[0][:300])
        found = ADDRESS.search(text)
        if found and _ready(int(found[1])):
            return int(found[1])
        time.sleep(0.02)
    raise CannotMeasure(f"the server was not ready within {START_TIMEOUT:g} s")


def _ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as reply:
            return int(reply.status) == 200
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
