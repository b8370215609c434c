"""The `train` stage: what it packages for each kind of label, what it refuses, and what its parts cost who serves it."""

from __future__ import annotations

import json
import multiprocessing
import resource
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlspec.runtime.deep import stage
from mlspec.runtime.deep.loop import Training
from mlspec.runtime.deep.memory import BatchSize, located
from mlspec.runtime.errors import StageError
from mlspec.runtime.package.model import load_package
from mlspec.runtime.train.data import PartReader
from tests.runtime.package_tables import HALF, ONEHOT, SCALE, feature, stage_inputs
from tests.support.stages import run_stage_function

torch = pytest.importorskip("torch")

DESCRIPTORS = [
    {"name": "size", "type": "float", "range": [-10, 10]}, {"name": "weight", "type": "float"}, {"name": "colour", "type": "category", "values": ["red", "green"]},
    {"name": "yes", "type": "category", "values": ["no", "yes"]}, {"name": "kind", "type": "category", "values": ["a", "b", "c"]}, {"name": "price", "type": "float"},
]  # fmt: skip
FEATURES = [feature("size", "float", SCALE), feature("weight", "float", SCALE), feature("colour", "category", ONEHOT)]
LABELS: dict[str, dict[str, Any]] = {
    "binary": {"column": "yes", "task": "binary", "classes": ["no", "yes"], "positive": "yes", "favourable": "yes", "type": "category"},
    "multiclass": {"column": "kind", "task": "multiclass", "classes": ["a", "b", "c"], "positive": None, "favourable": None, "type": "category"},
    "regression": {"column": "price", "task": "regression", "classes": [], "positive": None, "favourable": None, "type": "float"},
}  # fmt: skip
METRIC = {"binary": "auc", "multiclass": "macro_f1", "regression": "r2"}


def tables(folder: Path, other_holdout: bool = False) -> dict[str, Path]:
    """Rows of three tasks in three parts; the holdout may be another one."""
    random = np.random.default_rng(3)
    size, weight = random.normal(size=400) * 2, random.normal(size=400) + 5
    colour = random.choice(["red", "green"], size=400)
    if other_holdout:
        size[325:], weight[325:] = -size[325:] * 3, weight[325:] - 2
    signal = np.clip(size, -10, 10) + (colour == "red") * 2 + (weight - 5) ** 2 - 2
    columns = {
        "size": pa.array(np.clip(size, -10, 10)), "weight": pa.array(weight), "colour": pa.array(colour), "yes": pa.array(np.where(signal > 0, "yes", "no")),
        "kind": pa.array(np.select([signal < -1, signal < 1], ["a", "b"], "c")), "price": pa.array(signal * 1000 + 50_000),
    }  # fmt: skip
    parts = {"train": range(250), "tune": range(250, 325), "holdout": range(325, 400)}
    return stage_inputs(folder, columns, DESCRIPTORS, FEATURES, parts)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tables(tmp_path_factory.mktemp("tables"))


def config(task: str = "binary", **changes: Any) -> dict[str, Any]:
    return {
        "name": "net", "features": FEATURES, "label": LABELS[task], "part": "train", "group": None, "seed": 4, "calibrate": None,
        "threshold": HALF, "unknown": "encode",
        "network": {"name": "mlp", "hidden": [16, 8], "activation": "relu", "dropout": 0.0, "norm": "none"},
        "optimiser": {"name": "adamw", "lr": 0.02, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.999}, "schedule": None, "epochs": 15,
        "global_batch": 32, "gradient_accumulation": 1, "clip_norm": None, "class_weights": "none", "precision": "fp32",
        "strategy": {"name": "single", "gpus": 0}, "checkpoint": {"name": "keep", "best": 1, "last": 1, "every": None}, "resume": "auto",
        "tensorboard": None, "stop_early": {"name": "patience", "epochs": 20, "on": METRIC[task], "part": "tune", "min_gain": 0.0}, "threads": 1,
    } | changes  # fmt: skip


def run(tmp_path: Path, inputs: dict[str, Path], **changes: Any) -> tuple[Any, dict[str, Any]]:
    """The package and the history of a training."""
    outputs = run_stage_function(stage.run, tmp_path, "train", config(**changes), inputs, block="net")
    return load_package(outputs / "package"), json.loads((outputs / "history" / "history.json").read_bytes())


RESNET = {"name": "resnet", "blocks": 2, "width": 16, "widening": 2.0, "dropout": 0.0}


@pytest.mark.parametrize("network", [None, RESNET], ids=["mlp", "resnet"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_network_learns_and_is_packaged(
    tmp_path: Path, inputs: dict[str, Path], task: str, network: dict[str, Any] | None
) -> None:
    package, history = run(tmp_path, inputs, task=task, **({} if network is None else {"network": network}))
    name = "torch.mlp" if network is None else "torch.resnet"
    assert (package.engine, package.task, package.manifest.estimator["name"]) == ("onnx", task, name)
    assert package.manifest.proof["rows"] == 150
    assert history["best"] == 1 + int(np.argmax([record[METRIC[task]] for record in history["epochs"]]))
    assert max(record[METRIC[task]] for record in history["epochs"]) > 0.9
    assert history["epochs"][-1]["loss"] < history["epochs"][0]["loss"] / 2
    record = {"size": 3.0, "weight": 5.0, "colour": "red"}
    score = package.score([record]).score
    if task == "regression":
        assert 52_000 < score[0] < 56_000
    else:
        assert package.score([record]).decision == [{"binary": "yes", "multiclass": "c"}[task]]
    assert not {path.suffix for path in package.folder.iterdir()} & {".pt", ".pth", ".pkl", ".pickle", ".bin"}


def test_the_same_config_gives_the_same_bytes(tmp_path: Path, inputs: dict[str, Path]) -> None:
    first, history = run(tmp_path / "one", inputs, epochs=3)
    second, again = run(
        tmp_path / "two", inputs, epochs=3, tensorboard={"name": "board", "scalars": True, "images": 0, "profile_steps": 1}
    )
    assert (first.digest, history) == (second.digest, again)
    assert list((tmp_path / "two").rglob("events.out.tfevents.*"))
    assert list((tmp_path / "two").rglob("*.pt.trace.json*"))
    assert first.digest != run(tmp_path / "three", inputs, epochs=3, seed=5)[0].digest


def test_the_holdout_teaches_a_network_nothing(tmp_path: Path, inputs: dict[str, Path]) -> None:
    first, history = run(tmp_path / "one", inputs, epochs=3)
    second, again = run(tmp_path / "two", tables(tmp_path / "tables", other_holdout=True), epochs=3)
    for name in ("model.onnx", "transform.json"):
        assert first.manifest.files[name] == second.manifest.files[name]
    assert history == again
    assert first.manifest.proof != second.manifest.proof  # which is made of rows outside the part


def test_the_board_shows_the_history(tmp_path: Path, inputs: dict[str, Path]) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _, history = run(
        tmp_path, inputs, epochs=3, tensorboard={"name": "board", "scalars": True, "images": 0, "profile_steps": 0}
    )
    (folder,) = {path.parent for path in tmp_path.rglob("events.out.tfevents.*")}
    events = accumulator.EventAccumulator(str(folder)).Reload()
    for name in ("loss", "auc", "lr"):
        told = [(event.step, event.value) for event in events.Scalars(name)]
        assert told == [(record["epoch"], pytest.approx(record[name], rel=1e-6)) for record in history["epochs"]]


def test_a_calibration_needs_no_new_training(tmp_path: Path, inputs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    plain, _ = run(tmp_path, inputs)
    monkeypatch.setattr(Training, "_step", lambda self, chosen: pytest.fail("a step was made"))
    changed = {"calibrate": {"method": "sigmoid", "part": "tune"}, "threshold": {"method": "maximize", "metric": "f1"}}
    calibrated, _ = run(tmp_path, inputs, **changed)
    assert calibrated.manifest.calibration is not None
    assert calibrated.manifest.threshold != plain.manifest.threshold
    assert calibrated.manifest.files["model.onnx"] == plain.manifest.files["model.onnx"]


def test_states_of_the_last_trainings_stay(tmp_path: Path, inputs: dict[str, Path]) -> None:
    seen: list[set[Path]] = []
    for seed in range(5):
        run(tmp_path, inputs, epochs=1, seed=seed)
        seen.append({path.parent for path in tmp_path.rglob("state-*.json")})
    assert [len(folders) for folders in seen] == [1, 2, 3, 3, 3]
    assert len(seen[4] & seen[2]) == 1


def test_nothing_gained_ends_the_training(tmp_path: Path, inputs: dict[str, Path]) -> None:
    stop = {"name": "patience", "epochs": 2, "on": "auc", "part": "tune", "min_gain": 0.4}
    _, history = run(tmp_path, inputs, stop_early=stop, epochs=50)
    assert (len(history["epochs"]), history["stopped"], history["requested"]) == (3, "stop_early", 50)
    _, history = run(tmp_path, inputs, stop_early=None, epochs=2)
    assert (history["metric"], history["best"], history["stopped"], len(history["epochs"])) == (None, None, None, 2)


def test_null_does_not_reach_a_network(tmp_path: Path, inputs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    columns_at = PartReader.columns_at

    def with_null(self: PartReader, rows: Any) -> Any:
        found = columns_at(self, rows)
        found["size"].values[3] = np.nan
        return found

    monkeypatch.setattr(PartReader, "columns_at", with_null)
    with pytest.raises(StageError) as told:
        run(tmp_path, inputs, epochs=1)
    assert (told.value.code, told.value.where) == ("MLS204", "net")
    assert "torch.mlp" in told.value.message


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"strategy": {"name": "ddp", "nodes": 2, "gpus_per_node": 4, "processes": None}}, "MLS704", "net.strategy"),
        ({"precision": "fp16"}, "MLS209", "net.precision"),
        ({"network": {"name": "forest"}}, "MLS901", "net.network"),
        ({"network": {"name": "cnn"}}, "MLS201", "net.network"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_trained(
    tmp_path: Path, inputs: dict[str, Path], changes: dict[str, Any], code: str, where: str
) -> None:
    with pytest.raises(StageError) as told:
        run(tmp_path, inputs, **changes)
    assert (told.value.code, told.value.where) == (code, where)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_named(tmp_path: Path, inputs: dict[str, Path]) -> None:
    with pytest.raises(StageError) as told:
        run(tmp_path, inputs, strategy={"name": "single", "gpus": 1})
    assert (told.value.code, told.value.where) == ("MLS704", "net.strategy")


def limited(work: Callable[[], Any], told: Path) -> None:
    """In a process of its own: little more memory than is held when training begins."""
    begin = Training.run

    def run_limited(self: Training) -> None:
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + 40 * 2**20, resource.RLIM_INFINITY))
        begin(self)

    Training.run = run_limited  # type: ignore[method-assign]
    try:
        work()
    except StageError as error:
        told.write_text(json.dumps(error.to_json()))


def test_a_batch_norm_learns_from_two_rows_at_a_time(tmp_path: Path, inputs: dict[str, Path]) -> None:
    network = {"name": "mlp", "hidden": [4], "activation": "relu", "dropout": 0.0, "norm": "batch"}
    how: dict[str, Any] = {"network": network, "epochs": 1, "stop_early": None}
    # 250 rows leave 12 for the last update, which are too few for eight steps.
    run_stage_function(
        stage.run, tmp_path / "rest", "train", config(global_batch=34, gradient_accumulation=8, **how), inputs, block="net"
    )
    with pytest.raises(StageError, match="one row at a time") as told:
        run_stage_function(stage.run, tmp_path / "one", "train", config(global_batch=1, **how), inputs, block="net")
    assert (told.value.code, told.value.where) == ("MLS816", "net.global_batch")


def test_memory_that_does_not_hold_a_batch_is_located(tmp_path: Path, inputs: dict[str, Path]) -> None:
    huge = {"name": "mlp", "hidden": [60_000], "activation": "relu", "dropout": 0.0, "norm": "none"}
    run(tmp_path / "warm", inputs, epochs=1)  # what is imported on the way is imported
    told = tmp_path / "told.json"
    work = partial(run, tmp_path, inputs, network=huge, global_batch=250, epochs=1)
    process = multiprocessing.get_context("fork").Process(target=limited, args=(work, told))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries that the child does not use
        process.start()
    process.join()
    error = json.loads(told.read_text())
    assert (error["code"], error["where"]) == ("MLS810", "net.global_batch")
    assert "250 rows at once" in error["expected"]
    assert "`gradient_accumulation = 4`" in error["help"] and "`global_batch = 64`" in error["help"]


def test_other_faults_are_no_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"), located(BatchSize(8, 1, 4), "net"):
        raise RuntimeError("shapes do not fit")
    with pytest.raises(StageError) as told, located(BatchSize(1, 1, 4), "net"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    assert "CUDA out of memory" in told.value.found
    with pytest.raises(StageError) as told, located(None, "net"):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 240000 bytes.")
    assert (told.value.code, told.value.where) == ("MLS810", "net.network")


def test_who_serves_a_network_needs_no_torch_and_waits_for_nothing(tmp_path: Path, inputs: dict[str, Path]) -> None:
    package, _ = run(tmp_path, inputs, epochs=1)
    code = """
import sys, time
started = time.process_time()
from pathlib import Path
from mlspec.runtime.package.model import load_package
package = load_package(Path(sys.argv[1]))
package.score([{"size": 1.0, "weight": 5.0, "colour": "red"}])
assert not {"torch", "pandas", "sklearn", "onnx"} & set(sys.modules), sorted(sys.modules)
again = time.perf_counter()
load_package(Path(sys.argv[1]))
print(time.perf_counter() - again)
"""
    done = subprocess.run([sys.executable, "-c", code, str(package.folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.3
