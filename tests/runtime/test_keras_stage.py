"""The `train` stage with `framework = tensorflow`: what it packages for each kind of label, without PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.package.model import load_package
from tests.runtime import keras_world
from tests.runtime.keras_world import ADAMW, MLP, RESNET
from tests.runtime.package_tables import HALF, ONEHOT, SCALE, feature, stage_inputs
from tests.support.stages import run_stage_function

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

DESCRIPTORS = [
    {"name": "size", "type": "float", "range": [-10, 10]}, {"name": "colour", "type": "category", "values": ["red", "green"]},
    {"name": "yes", "type": "category", "values": ["no", "yes"]}, {"name": "kind", "type": "category", "values": ["a", "b", "c"]}, {"name": "price", "type": "float"},
]  # fmt: skip
FEATURES = [feature("size", "float", SCALE), feature("colour", "category", ONEHOT)]
LABELS: dict[str, dict[str, Any]] = {
    "binary": {"column": "yes", "task": "binary", "classes": ["no", "yes"], "positive": "yes", "favourable": "yes", "type": "category"},
    "multiclass": {"column": "kind", "task": "multiclass", "classes": ["a", "b", "c"], "positive": None, "favourable": None, "type": "category"},
    "regression": {"column": "price", "task": "regression", "classes": [], "positive": None, "favourable": None, "type": "float"},
}  # fmt: skip
METRIC = {"binary": "auc", "multiclass": "macro_f1", "regression": "r2"}


@pytest.fixture(scope="module", autouse=True)
def tensorflow() -> None:
    keras_world.need_tensorflow()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tables(tmp_path_factory.mktemp("tables"))


def tables(folder: Path) -> dict[str, Path]:
    """Rows of three tasks in three parts."""
    random = np.random.default_rng(3)
    size, colour = np.clip(random.normal(size=400) * 2, -10, 10), random.choice(["red", "green"], size=400)
    signal = size + (colour == "red") * 2 - 1
    columns = {
        "size": pa.array(size), "colour": pa.array(colour), "yes": pa.array(np.where(signal > 0, "yes", "no")),
        "kind": pa.array(np.select([signal < -1, signal < 1], ["a", "b"], "c")), "price": pa.array(signal * 1000 + 50_000),
    }  # fmt: skip
    return stage_inputs(
        folder, columns, DESCRIPTORS, FEATURES, {"train": range(250), "tune": range(250, 325), "holdout": range(325, 400)}
    )


def config(task: str = "binary", **changes: Any) -> dict[str, Any]:
    return {
        "name": "net", "features": FEATURES, "label": LABELS[task], "part": "train", "group": None, "seed": 4, "calibrate": None,
        "threshold": HALF, "unknown": "encode", "framework": "tensorflow", "network": {**MLP, "hidden": [16, 8], "dropout": 0.1},
        "optimiser": {**ADAMW, "lr": 0.02}, "schedule": None, "epochs": 15, "global_batch": 32, "gradient_accumulation": 1, "clip_norm": None,
        "class_weights": "none", "precision": "fp32", "strategy": {"name": "single", "gpus": 0}, "resume": "auto", "tensorboard": None,
        "checkpoint": {"name": "keep", "best": 1, "last": 1, "every": None}, "threads": 1,
        "stop_early": {"name": "patience", "epochs": 20, "on": METRIC[task], "part": "tune", "min_gain": 0.0},
    } | changes  # fmt: skip


def run(folder: Path, inputs: dict[str, Path], **changes: Any) -> tuple[Any, dict[str, Any]]:
    """The package and the history of a training."""
    from mlspec.runtime.deep import stage

    outputs = run_stage_function(stage.run, folder, "train", config(**changes), inputs, block="net")
    return load_package(outputs / "package"), json.loads((outputs / "history" / "history.json").read_bytes())


@pytest.mark.parametrize("network", [{}, {"network": {**RESNET, "width": 16}}], ids=["mlp", "resnet"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_network_learns_and_is_packaged(tmp_path: Path, inputs: dict[str, Path], task: str, network: dict[str, Any]) -> None:
    weights = {"class_weights": "balanced"} if task != "regression" else {}
    package, history = run(tmp_path, inputs, task=task, **network, **weights)
    name = "keras.resnet" if network else "keras.mlp"
    assert (package.engine, package.task, package.manifest.estimator["name"]) == ("onnx", task, name)
    assert package.manifest.proof["rows"] == 150
    assert {"keras", "tensorflow"} <= set(package.manifest.versions)
    assert max(record[METRIC[task]] for record in history["epochs"]) > 0.9
    assert history["framework"] == "tensorflow"
    assert history["best"] == 1 + int(np.argmax([record[METRIC[task]] for record in history["epochs"]]))
    found = package.score([{"size": 3.0, "colour": "red"}])
    if task == "regression":
        assert 52_500 < found.score[0] < 55_500
    else:
        assert found.decision == [{"binary": "yes", "multiclass": "c"}[task]]
    assert not {path.suffix for path in package.folder.iterdir()} & {".keras", ".h5", ".pb", ".pkl", ".bin"}


def test_the_same_config_gives_the_same_bytes_and_the_board_shows_the_history(tmp_path: Path, inputs: dict[str, Path]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorflow import make_ndarray

    first, history = run(tmp_path / "one", inputs, epochs=3)
    board = {"name": "board", "scalars": True, "images": 0, "profile_steps": 3}
    second, again = run(tmp_path / "two", inputs, epochs=3, tensorboard=board)
    assert (first.digest, history) == (second.digest, again)
    assert first.digest != run(tmp_path / "three", inputs, epochs=3, seed=5)[0].digest
    (folder,) = {path.parent for path in (tmp_path / "two").rglob("events.out.tfevents.*") if "plugins" not in path.parts}
    events = EventAccumulator(str(folder)).Reload()
    for name in ("loss", "auc", "lr"):
        told = [(event.step, float(make_ndarray(event.tensor_proto))) for event in events.Tensors(name)]
        assert told == [(record["epoch"], pytest.approx(record[name], rel=1e-6)) for record in history["epochs"]]
    assert list(folder.rglob("*.xplane.pb"))


def test_it_needs_no_pytorch_and_who_serves_it_no_tensorflow(tmp_path: Path, inputs: dict[str, Path]) -> None:
    folders = json.dumps({name: str(path) for name, path in inputs.items()})
    code = f"""
import json, sys
from pathlib import Path
from tests.runtime.test_keras_stage import run
package, _ = run(Path({str(tmp_path)!r}), {{name: Path(path) for name, path in json.loads({folders!r}).items()}}, epochs=1)
assert "tensorflow" in sys.modules and "torch" not in sys.modules
print(package.folder)
"""
    made = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    code = """
import sys
from pathlib import Path
from mlspec.runtime.package.model import load_package
load_package(Path(sys.argv[1])).score([{"size": 1.0, "colour": "red"}])
assert not {"tensorflow", "keras", "torch"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, made.stdout.splitlines()[-1]], check=True)


@pytest.mark.parametrize(("changes", "code", "where"), [
    ({"strategy": {"name": "single", "gpus": 1}}, "MLS901", "net.strategy"),
    ({"strategy": {"name": "ddp", "nodes": 1, "gpus_per_node": 2}}, "MLS901", "net.strategy"),
    ({"precision": "fp16"}, "MLS209", "net.precision"),
    ({"network": {"name": "text_cnn"}}, "MLS901", "net.network"),
    ({"threads": 2}, "MLS704", "net.framework"),
])  # fmt: skip
def test_what_is_not_there_is_said(
    tmp_path: Path, inputs: dict[str, Path], changes: dict[str, Any], code: str, where: str
) -> None:
    with pytest.raises(StageError) as told:
        run(tmp_path, inputs, **changes)
    assert (told.value.code, told.value.where) == (code, where)


def test_its_package_is_pruned_and_quantised_as_any_other(tmp_path: Path, inputs: dict[str, Path]) -> None:
    from mlspec.runtime.compress import clock
    from mlspec.runtime.compress import run as compress

    package, _ = run(tmp_path, inputs, epochs=5)
    kept = {
        name: value for name, value in config().items() if name in ("features", "label", "part", "group", "seed", "unknown")
    }
    smaller = {
        **kept, "name": "edge", "model": "net", "judged": "holdout", "distil": None, "training": {"optimiser": ADAMW, "global_batch": 32, "class_weights": "none", "epochs": 5, "threads": 1},
        "prune": {"name": "magnitude", "sparsity": 0.5, "structured": True, "retrain_epochs": 0},
        "quantise": {"name": "dynamic_int8"}, "export": {"name": "onnx", "opset": 18},
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "SECONDS", 0.0)
        out = run_stage_function(compress, tmp_path, "compress", smaller, {**inputs, "package": package.folder}, block="edge")
    made = load_package(out / "package")
    assert made.manifest.estimator["name"] == "keras.mlp"
    steps = json.loads((out / "steps" / "steps.json").read_bytes())["steps"]
    assert steps[1]["facts"]["weights"] < steps[0]["facts"]["weights"]
