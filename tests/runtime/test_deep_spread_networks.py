"""Networks over images and texts, and pretrained ones, in several processes: what they learn, and what stops them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlspec.runtime import table
from mlspec.runtime.deep import stage
from mlspec.runtime.deep.pretrained import CONFIG, digest_of_folder
from mlspec.runtime.package.model import load_package
from mlspec.runtime.prepare.features import run as features_stage
from tests.runtime import test_image_stages as images
from tests.runtime import test_pretrained as pretrained
from tests.runtime import test_text_networks as texts
from tests.runtime.deep_processes import DDP, FSDP, SURE, Killer
from tests.runtime.package_tables import SCALE, feature
from tests.support.stages import run_stage_function

torch = pytest.importorskip("torch")

SGD: dict[str, Any] = {"name": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.001}
THREE: dict[str, Any] = {**DDP, "processes": 3}
WORDS = [feature("words", "text", texts.STEP), feature("year", "float", SCALE)]
TRAINED, COUNT = 51, 71
"""In batches of 16 the last one has three rows, of which each of three processes has one."""


def of_images(folder: Path, dropout: float, **changes: Any) -> tuple[dict[str, Any], dict[str, Path], Path]:
    """A `cnn(…)` over stripes, changed by chance."""
    root = images.project(folder / "stripes", COUNT)
    rows = images.extract(root)
    described = [{key: value for key, value in one.items() if key != "fitted"} | {"tags": []} for one in images.FEATURES]
    features: dict[str, Any] = {"features": described, "unknown": "encode"}
    values = run_stage_function(features_stage, root, "features", features, {"rows": rows}, block="f") / "values"
    parts = root / "parts"
    parts.mkdir()
    names = ["train"] * TRAINED + ["tune"] * 10 + ["holdout"] * 10
    pq.write_table(pa.table({table.ROW: pa.array(range(COUNT), pa.int64()), "part": names}), parts / table.ROWS)
    table.finish_table(parts, [], COUNT)
    network = {**images.NETWORK, "dropout": dropout}
    how = images.training(network=network, optimiser=SGD, epochs=2, gradient_accumulation=3, **changes)
    return how, {"rows": rows, "values": values, "parts": parts}, root


def of_texts(folder: Path, name: str, dropout: float) -> tuple[dict[str, Any], dict[str, Path], Path]:
    """One of the networks over `tokens(…)`, with a number beside the text."""
    network = {**texts.NETWORKS[name], "dropout": dropout}
    return texts.config(WORDS, network=network, optimiser=SGD, epochs=2), texts.made(folder / "made", WORDS), folder


def of_bert(folder: Path, freeze: bool, dropout: float) -> tuple[dict[str, Any], dict[str, Path], Path]:
    """A tiny pretrained model of its own weights and tokenizer."""
    pytest.importorskip("transformers")
    network = pretrained.a_model(folder / "small", "bert")
    path = folder / "small" / CONFIG
    dropping = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    path.write_text(json.dumps(json.loads(path.read_text()) | dropping))
    network |= {"digest": digest_of_folder(folder / "small"), "freeze": freeze}
    step = {"op": "tokenizer", "length": network["length"], "digest": network["digest"]}
    features = [{**feature("words", "text"), "fitted": [step]}]
    return texts.config(features, network=network, optimiser=SGD, epochs=2), texts.made(folder / "made", features), folder


Made = tuple[dict[str, Any], dict[str, Path], Path]
MADE: dict[str, Callable[[Path, float], Made]] = {
    "cnn": lambda folder, dropout: of_images(folder, dropout, augment=None),
    "augmented": lambda folder, dropout: of_images(folder, dropout),
    "bag": lambda folder, dropout: of_texts(folder, "bag", dropout),
    "text_cnn": lambda folder, dropout: of_texts(folder, "text_cnn", dropout),
    "text_transformer": lambda folder, dropout: of_texts(folder, "text_transformer", dropout),
    "bert": lambda folder, dropout: of_bert(folder, False, dropout),
    "frozen": lambda folder, dropout: of_bert(folder, True, dropout),
}


def run(folder: Path, made: Made, **changes: Any) -> tuple[Any, dict[str, Any]]:
    """The package and the history of a training."""
    how, inputs, root = made
    outputs = run_stage_function(stage.run, folder, "train", {**how, **changes}, inputs, block="net", project_root=root)
    return load_package(outputs / "package"), json.loads((outputs / "history" / "history.json").read_bytes())


def losses(history: Mapping[str, Any]) -> list[float]:
    return [record["loss"] for record in history["epochs"]]


def scores(package: Any, made: Made) -> Any:
    """What a package answers to some requests or, of images, to some values."""
    _, inputs, _ = made
    if (
        "values" in inputs
        and (folder := inputs["values"]).name == "values"
        and "f.look" in pq.read_schema(table.rows_path(folder)).names
    ):
        return package.score_values({"look": pq.read_table(table.rows_path(folder))["f.look"].to_pylist()}).score
    asked = ("a great film", "a dull film with some music", "no end", "")
    return package.score([{"words": text, "year": 0.5} for text in asked]).score


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "strategy"),
    [*((name, DDP) for name in MADE), *((name, FSDP) for name in ("augmented", "text_transformer", "bert")), ("cnn", THREE), ("text_cnn", THREE)],
    ids=lambda given: given if isinstance(given, str) else f"{given['name']}{given['processes']}",
)  # fmt: skip
def test_processes_learn_what_one_learns(tmp_path: Path, name: str, strategy: dict[str, Any]) -> None:
    """The same rows in the same order, changed and dropped from in the same way: the weights differ in rounding alone, and the package is as complete."""
    made = MADE[name](tmp_path, 0.2)
    alone, history = run(tmp_path / "alone", made)
    together, same = run(tmp_path / "together", made, strategy=strategy)
    assert losses(same) == pytest.approx(losses(history), rel=2e-6)
    np.testing.assert_allclose(scores(together, made), scores(alone, made), rtol=2e-5, atol=1e-6)
    assert set(together.manifest.files) == set(alone.manifest.files)
    assert {key: value for key, value in same.items() if key != "epochs"} == {
        key: value for key, value in history.items() if key != "epochs"
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "strategy"),
    [("augmented", DDP), ("augmented", FSDP), ("text_transformer", DDP), ("bert", DDP), ("bert", FSDP)],
    ids=["cnn-ddp", "cnn-fsdp", "text-ddp", "bert-ddp", "bert-fsdp"],
)
def test_a_process_that_is_killed_changes_nothing(tmp_path: Path, name: str, strategy: dict[str, Any]) -> None:
    """In the midst of an epoch, with what is dropped and how images are changed."""
    made = MADE[name](tmp_path, 0.2)
    whole, history = run(tmp_path / "whole", made, strategy=strategy, checkpoint=SURE)
    killer = Killer(tmp_path / "killed", [(0, 1), (1, 1)])
    killer.start()
    found, same = run(tmp_path / "killed", made, strategy=strategy, checkpoint=SURE)
    assert len(killer.killed) == 2
    assert (whole.digest, history) == (found.digest, same)
