"""A training in several processes: what it learns, what stops it, and what is left of it when it is stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlspec.runtime.context import StageContext
from mlspec.runtime.deep import stage
from mlspec.runtime.deep.course import batches
from mlspec.runtime.deep.spread.failures import failure_of, first_of
from mlspec.runtime.deep.spread.group import layers_of
from mlspec.runtime.deep.spread.job import Job, job_of, read_job, write_job
from mlspec.runtime.deep.spread.plan import Spread, spread_of
from mlspec.runtime.deep.spread.start import CHOICE, start
from mlspec.runtime.deep.spread.told import MARK
from mlspec.runtime.errors import StageError, error_from_json
from mlspec.runtime.package.model import load_package
from tests.runtime.deep_processes import (
    DDP,
    FSDP,
    SURE,
    Killer,
    Limiter,
    are_gone,
    in_another_process,
    listening,
    reached,
    until,
    workers_of,
)
from tests.runtime.test_deep_stage import config, tables

torch = pytest.importorskip("torch")

DROPPING: dict[str, Any] = {"name": "mlp", "hidden": [8, 4], "activation": "relu", "dropout": 0.3, "norm": "batch"}
SGD: dict[str, Any] = {"name": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.001}
DROPPED: dict[str, Any] = {"name": "mlp", "hidden": [8], "activation": "tanh", "dropout": 0.3, "norm": "batch"}
CALM: dict[str, Any] = {
    "network": {"name": "mlp", "hidden": [8], "activation": "tanh", "dropout": 0.0, "norm": "none"},
    "optimiser": SGD,
    "epochs": 3,
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tables(tmp_path_factory.mktemp("tables"))


def context_of(folder: Path, inputs: dict[str, Path], heard: list[Any] | None = None, **changes: Any) -> StageContext:
    told = [] if heard is None else heard
    return StageContext(
        stage_id="net-train", kind="train", block="net", config=config(**changes), project_root=folder, input_folders=inputs, output_root=folder / "out",
        resume_root=folder / "resume", on_progress=lambda *said: told.append(said),
    )  # fmt: skip


def run(folder: Path, inputs: dict[str, Path], heard: list[Any] | None = None, **changes: Any) -> tuple[Any, dict[str, Any]]:
    """The package and the history of a training."""
    context = context_of(folder, inputs, heard, **changes)
    stage.run(context)
    package = load_package(context.output_root / "package")
    return package, json.loads((context.output_root / "history" / "history.json").read_bytes())


def losses(history: dict[str, Any]) -> list[float]:
    return [record["loss"] for record in history["epochs"]]


def test_two_processes_learn_what_one_learns(tmp_path: Path, inputs: dict[str, Path]) -> None:
    """Up to rounding: the rows of an update are the same, their gradients are added in another order. A batch norm has the rows of both, and dropout what one draws."""
    heard: list[Any] = []
    calm = {**CALM, "network": DROPPED}
    _, alone = run(tmp_path / "alone", inputs, **calm)
    before = set(os.environ.items()), [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    _, together = run(tmp_path / "together", inputs, heard, strategy=DDP, **calm)
    assert losses(together) == pytest.approx(losses(alone), rel=1e-5)
    assert losses(together) != losses(alone)
    assert [record["auc"] for record in together["epochs"]] == pytest.approx(
        [record["auc"] for record in alone["epochs"]], abs=1e-3
    )
    assert any("epoch 3 of 3: loss" in note for _, _, note in heard)
    assert set(os.environ.items()) == before[0]
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before[1]
    assert not workers_of(os.getpid())


@pytest.mark.parametrize(
    ("rows", "size", "processes", "expected"),
    [
        (10, 4, 2, [(0, 4), (4, 8), (8, 10)]), (12, 4, 2, [(0, 4), (4, 8), (8, 12)]), (7, 2, 2, [(0, 2), (2, 4), (4, 7)]), (5, 8, 4, [(0, 5)]),
        (15, 6, 3, [(0, 6), (6, 12), (12, 15)]), (14, 6, 3, [(0, 6), (6, 14)]), (5, 4, 1, [(0, 5)]), (3, 1, 1, [(0, 1), (1, 2), (2, 3)]),
    ],
)  # fmt: skip
def test_every_process_has_rows_of_every_batch(rows: int, size: int, processes: int, expected: list[tuple[int, int]]) -> None:
    assert batches(rows, size, processes) == expected


def test_layers_are_the_outermost_that_stand_in_a_row() -> None:
    from torch import nn

    inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    network: Any = nn.ModuleDict(
        {"before": nn.Linear(3, 4), "row": nn.ModuleList([inner, nn.Dropout(), nn.Linear(4, 4)]), "after": nn.Linear(4, 1)}
    )
    assert layers_of(network) == [inner, network["row"][2]]
    assert layers_of(nn.Sequential(nn.Linear(2, 2), nn.ReLU())) != []
    assert layers_of(nn.Linear(2, 2)) == []


@pytest.mark.parametrize(
    ("strategy", "environment", "found"),
    [
        ({**DDP, "nodes": 2}, "", "2 machines"),
        ({**DDP, "gpus_per_node": 64, "processes": None}, "", "64 GPUs"),
        (DDP, "mpi", "`mpi` starts no processes"),
    ],
)  # fmt: skip
def test_what_this_machine_is_not_is_said_before_anything_is_started(
    tmp_path: Path,
    inputs: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    strategy: dict[str, Any],
    environment: str,
    found: str,
) -> None:
    monkeypatch.setenv(CHOICE, environment)
    context = context_of(tmp_path, inputs, strategy=strategy)
    spread = spread_of(context.config)
    assert spread is not None
    with pytest.raises(StageError) as told:
        start(context, spread, "key")
    assert (told.value.code, told.value.where) == ("MLS704", "net.strategy")
    assert found in told.value.message


def test_fewer_rows_than_processes_are_refused(tmp_path: Path, inputs: dict[str, Path]) -> None:
    from mlspec.runtime.deep.spread.alone import Alone
    from tests.runtime.deep_world import training

    class Many(Alone):
        size = 200

    found = training(tmp_path)
    found.team = Many()
    with pytest.raises(StageError) as told:
        found.plan(103)
    assert (told.value.code, told.value.where) == ("MLS816", "net.part")


class Ended:
    def __init__(self, exitcode: int) -> None:
        self.exitcode = exitcode


@pytest.mark.parametrize(
    ("codes", "code", "said"),
    [
        ({0: 1, 1: -9}, "MLS810", "SIGKILL ended process 2 of 2"),
        ({0: -15, 1: 1}, "MLS837", "process 2 of 2 ended with status 1"),
        ({1: -15, 0: -11}, "MLS810", "SIGSEGV ended process 1 of 2"),
    ],
)
def test_the_process_that_failed_first_is_named(codes: dict[int, int], code: str, said: str) -> None:
    error = failure_of({rank: Ended(value) for rank, value in codes.items()}, Spread("ddp", 1, 2, False), "net", 3)
    assert error.code == code
    assert said in error.message


def test_an_error_says_more_than_that_others_are_gone() -> None:
    gone, why = StageError("MLS837", "gone"), StageError("MLS814", "no number")
    assert first_of([gone, why]) is why
    assert first_of([gone]) is gone


def job(tmp_path: Path, inputs: dict[str, Path], **more: Any) -> Path:
    context = context_of(tmp_path, inputs, strategy=DDP, **CALM)
    path = tmp_path / "job.json"
    write_job(job_of(context, stage.training_key(context), **more), path)
    return path


def test_a_job_says_all_that_a_process_needs(tmp_path: Path, inputs: dict[str, Path]) -> None:
    path = job(tmp_path, inputs, meet=5.0)
    found = read_job(path)
    assert isinstance(found, Job)
    context = found.context()
    assert stage.training_key(context) == found.key
    assert (context.block, context.resume_root, found.meet) == ("net", tmp_path / "resume", 5.0)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(StageError) as told:
        read_job(path)
    assert told.value.code == "MLS820"


def by_hand(path: Path, **environment: str) -> StageError:
    """The error of a process that is started without torchrun, as its last line says it."""
    given = {
        **os.environ,
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-m", "mlspec.runtime.deep.spread.worker", str(path)],
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith(MARK)]
    return error_from_json(json.loads(line.removeprefix(MARK)))


def test_a_process_whose_parent_is_gone_ends() -> None:
    code = "import os; from mlspec.runtime.deep.spread.worker import leave_with; leave_with(os.getppid() + 1)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 137


@pytest.mark.slow
def test_processes_that_do_not_meet_are_located(tmp_path: Path, inputs: dict[str, Path]) -> None:
    path = job(tmp_path, inputs, meet=3.0, store=str(tmp_path))
    late = by_hand(path)
    assert (late.code, late.where) == ("MLS837", "net.strategy")
    assert "within 3 s" in late.expected
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        error = by_hand(job(tmp_path, inputs, meet=3.0), MASTER_PORT=port)
    assert (error.code, error.where) == ("MLS837", "net.strategy")
    assert port in error.found
    many = by_hand(path, WORLD_SIZE="3")
    assert (many.code, many.where) == ("MLS704", "net.strategy")


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        {"strategy": DDP, "network": DROPPING, "gradient_accumulation": 3, "clip_norm": 1.0},
        {"strategy": {**DDP, "processes": 3}, "network": {**DROPPING, "hidden": [64, 32, 16]}},
        {"strategy": FSDP, "network": {**DROPPING, "norm": "layer"}, "clip_norm": 1.0},
    ],
    ids=["ddp", "three", "fsdp"],
)
def test_a_process_that_is_killed_changes_nothing(tmp_path: Path, inputs: dict[str, Path], how: dict[str, Any]) -> None:
    whole, history = run(tmp_path / "whole", inputs, epochs=4, checkpoint=SURE, **how)
    again, same = run(tmp_path / "again", inputs, epochs=4, **how)
    assert (whole.digest, history) == (again.digest, same)
    killer = Killer(tmp_path / "killed", [(0, 3), (1, 6), (2, 1)])
    killer.start()
    found, same = run(tmp_path / "killed", inputs, epochs=4, checkpoint=SURE, **how)
    assert len(killer.killed) == 3
    assert (whole.digest, history) == (found.digest, same)
    assert not workers_of(os.getpid())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stage_that_is_killed_leaves_no_process_and_goes_on(tmp_path: Path, inputs: dict[str, Path], number: int) -> None:
    how: dict[str, Any] = {"strategy": DDP, "network": DROPPING, "epochs": 4, "checkpoint": SURE}
    whole, history = run(tmp_path / "whole", inputs, **how)
    for epoch, batch in ((0, 2), (1, 5), (2, 3)):
        child = in_another_process(tmp_path / "killed", inputs, **how)
        until(reached(tmp_path / "killed", epoch, batch))
        workers = until(partial(workers_of, child.pid))
        assert set.union(set(), *(listening(pid) for pid in workers)) <= {"0100007F"}
        child.send_signal(number)
        assert child.wait() == -number
        until(partial(are_gone, workers))
    found, same = run(tmp_path / "killed", inputs, **how)
    assert (whole.digest, history) == (found.digest, same)


@pytest.mark.slow
def test_sharded_weights_are_learned_as_whole_ones_are(tmp_path: Path, inputs: dict[str, Path]) -> None:
    _, alone = run(tmp_path / "alone", inputs, **CALM)
    board: dict[str, Any] = {"name": "board", "scalars": True, "images": 0, "profile_steps": 0}
    together, history = run(tmp_path / "ddp", inputs, strategy=DDP, tensorboard=board, **CALM)
    sharded, same = run(tmp_path / "fsdp", inputs, strategy=FSDP, **CALM)
    assert losses(same) == pytest.approx(losses(history), rel=1e-5)
    assert losses(same) == pytest.approx(losses(alone), rel=1e-5)
    record = {"size": 3.0, "weight": 5.0, "colour": "red"}
    assert sharded.score([record]).score[0] == pytest.approx(together.score([record]).score[0], rel=1e-4)
    assert len(list((tmp_path / "ddp").rglob("events.out.tfevents.*"))) == 1  # of the first process
    changed, _ = run(
        tmp_path / "fsdp",
        inputs,
        strategy=FSDP,
        threshold={"method": "maximize", "metric": "f1"},
        calibrate={"method": "sigmoid", "part": "tune"},
        **CALM,
    )
    assert changed.manifest.files["model.onnx"] == sharded.manifest.files["model.onnx"]


@pytest.mark.slow
def test_one_process_of_ddp_is_a_training_alone(tmp_path: Path, inputs: dict[str, Path]) -> None:
    how: dict[str, Any] = {"network": DROPPING, "gradient_accumulation": 3, "epochs": 3}
    alone, history = run(tmp_path / "alone", inputs, **how)
    one, same = run(tmp_path / "one", inputs, strategy={**DDP, "processes": 1}, **how)
    assert (alone.digest, history) == (one.digest, same)


@pytest.mark.slow
def test_nothing_gained_ends_all_processes(tmp_path: Path, inputs: dict[str, Path]) -> None:
    stop: dict[str, Any] = {"name": "patience", "epochs": 2, "on": "auc", "part": "tune", "min_gain": 0.4}
    for strategy in (DDP, FSDP):
        _, history = run(tmp_path / strategy["name"], inputs, stop_early=stop, strategy=strategy, **{**CALM, "epochs": 50})
        assert (len(history["epochs"]), history["stopped"]) == (3, "stop_early")


@pytest.mark.slow
def test_what_a_process_says_is_the_error_of_the_stage(tmp_path: Path, inputs: dict[str, Path]) -> None:
    wild: dict[str, Any] = {**CALM, "optimiser": {**SGD, "lr": 1e30}, "stop_early": None}
    with pytest.raises(StageError, match="no finite number in epoch") as told:
        run(tmp_path / "wild", inputs, strategy=DDP, **wild)
    assert (told.value.code, told.value.where) == ("MLS814", "net.optimiser")
    huge: dict[str, Any] = {
        **CALM,
        "network": {"name": "mlp", "hidden": [900_000], "activation": "relu", "dropout": 0.0, "norm": "none"},
        "global_batch": 250,
    }
    Limiter(700 * 2**20).start()
    with pytest.raises(StageError) as told:
        run(tmp_path / "huge", inputs, strategy=DDP, **huge)
    assert (told.value.code, told.value.where.partition(".")[0]) == ("MLS810", "net")
    assert "of 2" in told.value.found
