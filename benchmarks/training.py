"""Figures of training: the loops against bare loops of torch and Keras's own, and how long a fresh process waits for the package of a network."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figure, Unexpected, Used, figure, run
from benchmarks.running import DATA, MLSPEC, ONE_THREAD, PEERS, ROOT

SPEC = ROOT / "specs/income_network.mlspec"


def loops(n: int | None) -> Iterator[Figure]:
    """The loop of a `train` stage, a bare one over a DataLoader and one over tensors in memory, in turn."""
    took: dict[str, list[list[float]]] = {"ours": [], "loader": [], "memory": []}
    with tempfile.TemporaryDirectory() as name:
        for attempt in range(n or 7):
            for how, seconds in took.items():
                command = (sys.executable, "-m", "benchmarks.peers.training_loop", how, DATA, Path(name) / f"{how}{attempt}")
                seconds.append(_read(run(command, cwd=ROOT, env=ONE_THREAD)))
    for clock, ending in enumerate(("", "-cpu")):
        by = {how: [reading[clock] for reading in readings] for how, readings in took.items()}
        yield figure(f"train-loader{ending}", by["ours"], by["loader"], 1.05)
        yield figure(f"train-memory{ending}", by["ours"], by["memory"], 1.10)


def keras(n: int | None) -> Iterator[Figure]:
    """The loop of a `train` stage with TensorFlow, and Keras's `fit`, in turn; TENSORFLOW_PYTHON names a Python that has it."""
    python = os.environ.get("TENSORFLOW_PYTHON")
    if python is None:
        raise Unexpected("set TENSORFLOW_PYTHON to a Python with `mlspec[local,tensorflow]`")
    took: dict[str, list[list[float]]] = {"ours": [], "fit": []}
    with tempfile.TemporaryDirectory() as name:
        for attempt in range(n or 5):
            for how, seconds in took.items():
                command = (python, "-m", "benchmarks.peers.keras_loop", how, DATA, Path(name) / f"{how}{attempt}")
                seconds.append(_read(run(command, cwd=ROOT, env=ONE_THREAD)))
    for clock, ending in enumerate(("", "-cpu")):
        yield figure(
            f"train-keras{ending}", [each[clock] for each in took["ours"]], [each[clock] for each in took["fit"]], 1.05
        )


def package(n: int | None) -> Iterator[Figure]:
    """Load the package of the network in fresh processes."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        (project / "data").mkdir()
        shutil.copy(DATA, project / "data")
        (project / "mlspec.toml").write_text("")
        shutil.copy(SPEC, project)
        run((MLSPEC, "run", SPEC.name, "--env", "dev", "--only", "net-train"), cwd=project)
        (folder,) = {path.parent for path in project.glob(".mlspec/store/artifacts/*/model.onnx")}
        readings = [_read(run((sys.executable, PEERS / "package_load.py", folder))) for _ in range((n or 11) + 1)][1:]
    for clock, ending in enumerate(("", "-cpu")):
        yield figure(f"package-load{ending}", [reading[clock] for reading in readings], [], 0.3)


def _read(used: Used) -> list[float]:
    """Wall and CPU seconds, which a script printed last."""
    return [float(word) for word in used.said.split()[-2:]]
