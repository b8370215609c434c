"""Networks over the tokens of a text: they learn, their graphs answer as they do, and padding is nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlspec.runtime.deep import stage
from mlspec.runtime.deep.inputs import Inputs, tokens
from mlspec.runtime.deep.networks import network_of
from mlspec.runtime.deep.trained import LabelScale, TrainedNetwork, outputs_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators import predict
from mlspec.runtime.package.engines import onnx_engine
from mlspec.runtime.package.model import load_package
from mlspec.runtime.package.proof import rows_agree
from mlspec.runtime.transform.target import Target
from tests.runtime.package_tables import HALF, SCALE, feature, stage_inputs
from tests.support.stages import run_stage_function

torch = pytest.importorskip("torch")

SMALL = {"embedding": 8, "hidden": [5], "dropout": 0.2}
NETWORKS: dict[str, dict[str, Any]] = {
    "bag": {"name": "bag", **SMALL},
    "text_cnn": {"name": "text_cnn", "channels": 6, "widths": [1, 3], **SMALL, "hidden": []},
    "text_transformer": {"name": "text_transformer", "layers": 2, "heads": 2, "widening": 1.5, **SMALL},
}
CLASSES = {"binary": 2, "multiclass": 4, "regression": 2}
LENGTH = 12


def some_rows(inputs: Inputs, count: int = 70) -> Any:
    """Texts of every length from none to the longest, with numbers beside them."""
    random = np.random.default_rng(0)
    ids = random.integers(1, inputs.vocabulary, size=(count, LENGTH)).astype(np.float64)
    for row in range(count):
        ids[row, row % (LENGTH + 1) :] = 0
    return np.concatenate([random.normal(size=(count, inputs.before)), ids, random.normal(size=(count, inputs.after))], axis=1)


def a_network(name: str, task: str, inputs: Inputs) -> TrainedNetwork:
    torch.manual_seed(5)
    module = network_of(NETWORKS[name], "net").build(NETWORKS[name], inputs, outputs_of(task, CLASSES[task]))
    weights = {name: value.double().numpy() for name, value in module.state_dict().items()}
    label = LabelScale(3.0, 2.5) if task == "regression" else LabelScale()
    return TrainedNetwork(NETWORKS[name], weights, inputs, task, CLASSES[task], label)


@pytest.mark.parametrize(("task", "beside"), [("binary", (0, 0)), ("multiclass", (2, 1)), ("regression", (0, 1))])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_graph_answers_as_the_network_does(name: str, task: str, beside: tuple[int, int]) -> None:
    inputs = tokens(LENGTH, 30, *beside)
    network, matrix = a_network(name, task, inputs), some_rows(inputs)
    data = network.to_onnx()
    assert data == network.to_onnx()
    engine = onnx_engine.load(data, task, CLASSES[task])
    expected = predict(network, matrix, Target(task, np.zeros(1), CLASSES[task]))
    np.testing.assert_allclose(engine.scores(matrix), expected, rtol=1e-12, atol=1e-13)
    assert rows_agree(engine, matrix)
    assert len(np.unique(expected.round(9), axis=0)) > len(matrix) // 2  # they differ by what the texts say


@pytest.mark.parametrize("name", NETWORKS)
def test_padding_is_nothing_of_a_text(name: str) -> None:
    inputs = tokens(LENGTH, 30)
    module = network_of(NETWORKS[name], "net").build(NETWORKS[name], inputs, 1).double().eval()
    rows = torch.from_numpy(some_rows(inputs))
    short = rows[rows[:, 3] == 0]
    together, alone = module(rows), module(short)
    np.testing.assert_allclose(together[rows[:, 3] == 0].detach(), alone.detach(), rtol=1e-12, atol=1e-13)
    module(rows).sum().backward()
    assert not module.embedding.weight.grad[0].any()


GOOD, BAD, REST = (
    ("fine", "lovely", "great"),
    ("dull", "awful", "broken"),
    ("a", "film", "with", "some", "music", "and", "no", "end"),
)
DESCRIPTORS = [
    {"name": "words", "type": "text"}, {"name": "year", "type": "float"}, {"name": "yes", "type": "category", "values": ["no", "yes"]},
]  # fmt: skip
STEP = {"op": "tokens", "vocabulary": 100, "length": 8, "by": "word", "min_texts": 2}
LABEL = {
    "column": "yes",
    "task": "binary",
    "classes": ["no", "yes"],
    "positive": "yes",
    "favourable": "yes",
    "type": "category",
}


def made(folder: Path, features: list[dict[str, Any]]) -> dict[str, Path]:
    """Texts of a word that tells and some that do not; one is empty and one too long."""
    random = np.random.default_rng(2)
    liked = random.random(300) < 0.5
    texts = []
    for yes in liked:
        words = [*random.choice(REST, size=random.integers(1, 6)), random.choice(GOOD if yes else BAD)]
        texts.append(" ".join(random.permutation(words)))
    texts[0], texts[1] = "", texts[1] + " and" * 20
    columns = {
        "words": pa.array(texts),
        "year": pa.array(random.normal(size=300)),
        "yes": pa.array(np.where(liked, "yes", "no")),
    }
    return stage_inputs(
        folder, columns, DESCRIPTORS, features, {"train": range(200), "tune": range(200, 250), "holdout": range(250, 300)}
    )


def config(features: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return {
        "name": "net", "features": features, "label": LABEL, "part": "train", "group": None, "seed": 4, "calibrate": None, "threshold": HALF,
        "unknown": "encode", "network": NETWORKS["bag"], "optimiser": {"name": "adamw", "lr": 0.02, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.999},
        "schedule": None, "epochs": 6, "global_batch": 32, "gradient_accumulation": 1, "clip_norm": None, "class_weights": "none",
        "precision": "fp32", "strategy": {"name": "single", "gpus": 0}, "checkpoint": {"name": "keep", "best": 1, "last": 1, "every": None},
        "resume": "auto", "tensorboard": None, "threads": 1, "framework": None,
        "stop_early": {"name": "patience", "epochs": 9, "on": "auc", "part": "tune", "min_gain": 0.0},
    } | changes  # fmt: skip


def trained(tmp_path: Path, features: list[dict[str, Any]], **changes: Any) -> tuple[Any, dict[str, Any]]:
    """The package and the history of a training."""
    inputs = made(tmp_path / "made", features)
    outputs = run_stage_function(stage.run, tmp_path, "train", config(features, **changes), inputs, block="net")
    return load_package(outputs / "package"), json.loads((outputs / "history" / "history.json").read_bytes())


def test_a_text_network_learns_and_tells_what_it_was_given(tmp_path: Path) -> None:
    package, history = trained(tmp_path, [feature("words", "text", STEP), feature("year", "float", SCALE)])
    assert (package.engine, package.manifest.rows, package.manifest.estimator["name"]) == ("onnx", "batch", "torch.bag")
    assert max(record["auc"] for record in history["epochs"]) > 0.95
    told = history["texts"]
    assert (told["feature"], told["rows"], told["empty"], told["cut"], told["length"]) == ("words", 200, 1, 1, 8)
    assert told["longest"] > 20
    assert told["unknown"] == 0.0
    found = package.score([{"words": text, "year": 0.0} for text in ("a great film", "a dull film", "", "never seen")])
    assert found.decision[:2] == ["yes", "no"]
    assert found.score[3] != found.score[2]  # words that nobody knows are not none
    with pytest.raises(StageError) as caught:
        package.score([{"words": None, "year": 0.0}])
    assert caught.value.code == "MLS204"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["text_cnn", "text_transformer"])
def test_other_text_networks_learn(tmp_path: Path, name: str) -> None:
    package, history = trained(tmp_path, [feature("words", "text", STEP)], network=NETWORKS[name], epochs=20)
    assert max(record["auc"] for record in history["epochs"]) > 0.95
    again, _ = trained(tmp_path / "again", [feature("words", "text", STEP)], network=NETWORKS[name], epochs=20)
    assert package.digest == again.digest


def test_a_network_reads_what_it_is_made_for(tmp_path: Path) -> None:
    for features, network in (
        ([feature("year", "float", SCALE)], NETWORKS["bag"]),
        ([feature("words", "text", STEP)], {"name": "mlp", "hidden": [4]}),
    ):
        with pytest.raises(StageError) as caught:
            trained(tmp_path / network["name"], features, network=network)
        assert (caught.value.code, caught.value.where) == ("MLS201", "net.network")
