"""Networks of the project's own: what their process takes and gives, and that a training there is the training of any network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlspec.graph.code import code_digest
from mlspec.runtime.deep import stage
from mlspec.runtime.errors import StageError
from mlspec.runtime.extern.learner import Learner, pack, unpack
from mlspec.runtime.extern.types import Unfit
from mlspec.runtime.package.model import load_package
from tests.runtime.test_deep_stage import config, tables
from tests.support.stages import run_stage_function

torch = pytest.importorskip("torch")

CODE = """\
import random
from collections import OrderedDict

import torch
from torch import nn

import sizes


def plain(width, outputs, hidden):
    layers = [("linear0", nn.Linear(width, hidden)), ("activation0", nn.ReLU()), ("linear1", nn.Linear(hidden, sizes.SECOND))]
    return nn.Sequential(OrderedDict([*layers, ("activation1", nn.ReLU()), ("output", nn.Linear(sizes.SECOND, outputs))]))


class Branches(nn.Module):
    def __init__(self, width, outputs):
        super().__init__()
        self.linear = nn.Linear(width, outputs)

    def forward(self, rows):
        found = self.linear(rows)
        return found if float(found.sum()) > 0 else -found


def branches(width, outputs, hidden):
    return Branches(width, outputs)
"""
SIZES = "SECOND = 8\n"


def question(outputs: int, **more: Any) -> dict[str, Any]:
    return {"config": {"threads": 1, "precision": "fp32"}, "settings": {}, "outputs": outputs, "weights": 1, "device": "cpu",
            "deterministic": False, "where": "net", **more}  # fmt: skip


def asked(function: Any, outputs: int = 2, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    rows = np.ones((3, 4))
    _, answer = Learner(function, lambda *told: None).answer(b"B", pack(question(outputs, **more), {"rows": rows}))
    return unpack(answer)[:2]


def test_a_module_is_tried_on_rows_before_it_is_trained() -> None:
    head, arrays = asked(lambda width, outputs: torch.nn.Linear(width, outputs))
    assert (head["dtype"], arrays["outputs"].shape) == ("float32", (3, 2))
    for function, why in [
        (lambda width, outputs: torch.nn.Linear(width, 1), r"a tensor \(2, 1\) of torch.float32 for 2 rows, where \(2, 2\)"),
        (lambda width, outputs: (lambda rows: rows), "function, where a torch.nn.Module"),
        (lambda width, outputs: torch.nn.Identity(), "a tensor"),
    ]:  # fmt: skip
        with pytest.raises(Unfit, match=why):
            asked(function)
    with pytest.raises(Unfit, match="nothing to learn"):
        asked(lambda width, outputs: torch.nn.Identity(), outputs=4)


def test_first_weights_come_of_the_seed_alone() -> None:
    import itertools

    turn = itertools.count()

    def drawn(width: int, outputs: int) -> Any:
        made = torch.nn.Linear(width, outputs)
        with torch.no_grad():
            made.bias += next(turn)
        return made

    with pytest.raises(StageError) as refused:
        asked(drawn, deterministic=True)
    assert refused.value.code == "MLS828"
    assert asked(lambda width, outputs: torch.nn.Linear(width, outputs), deterministic=True)[0] == {"dtype": "float32"}


def test_parts_that_are_none() -> None:
    head, arrays, graph = unpack(pack({"a": 1}, {"x": np.arange(3.0)}, b"graph"))
    assert (head, arrays["x"].tolist(), graph) == ({"a": 1}, [0.0, 1.0, 2.0], b"graph")
    for content in (b"", b"\xff" * 20, pack({}, {})[:-4], pack([], {})):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="parts"):
            unpack(content)


def own(function: str, **more: Any) -> dict[str, Any]:
    limits = {"memory": 2**33, "time_limit": 120.0, "gpu": False}
    files = {"nets/own.py": code_digest(CODE.encode()), "nets/sizes.py": code_digest(SIZES.encode())}
    extern = {
        "role": "network", "code": "nets/own.py", "function": function, "files": files, "parameters": [["rows", "list(float)"], ["hidden", "int"]],
        "result": "list(float)", "values": None, "network": False, "deterministic": True, "limits": limits,
    }  # fmt: skip
    return {"network": {"name": f"extern.{function}", "hidden": 16}, "externs": {function: extern}, **more}


def run(folder: Path, inputs: dict[str, Path], **changes: Any) -> tuple[Any, dict[str, Any]]:
    (folder / "nets").mkdir(parents=True, exist_ok=True)
    (folder / "nets/own.py").write_text(CODE)
    (folder / "nets/sizes.py").write_text(SIZES)
    outputs = run_stage_function(stage.run, folder, "train", config(**changes), inputs, block="net")
    return load_package(outputs / "package"), json.loads((outputs / "history" / "history.json").read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_training_there_is_the_training_of_any_network(tmp_path: Path, task: str) -> None:
    """The layers of an `mlp`, written by hand, learn its weights, to the last bit of the history."""
    inputs = tables(tmp_path / "tables")
    own_package, own_history = run(tmp_path / "own", inputs, task=task, epochs=4, **own("plain"))
    package, history = run(tmp_path / "mlp", inputs, task=task, epochs=4)
    assert own_history["epochs"] == history["epochs"]
    assert (own_history["parameters"], own_history["best"]) == (history["parameters"], history["best"])
    assert own_package.manifest.estimator["name"] == "torch.extern.plain"
    records = [{"size": 3.0, "weight": 5.0, "colour": "red"}, {"size": -3.0, "weight": 4.0, "colour": "green"}]
    assert own_package.score(records).score == pytest.approx(package.score(records).score, rel=1e-6)


@pytest.mark.slow
def test_what_cannot_be_exported_is_said_before_it_is_trained(tmp_path: Path) -> None:
    with pytest.raises(StageError) as refused:
        run(tmp_path / "own", tables(tmp_path / "tables"), **own("branches"))
    assert (refused.value.code, refused.value.where) == ("MLS807", "net.network")
    assert "no branch on values" in refused.value.help
    assert not list((tmp_path / "own").rglob("state-*.json"))


@pytest.mark.slow
def test_a_training_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    inputs = tables(tmp_path / "tables")
    whole, history = run(tmp_path / "whole", inputs, epochs=6, **own("plain"))
    run(tmp_path / "parts", inputs, epochs=2, **own("plain"))
    resumed, again = run(tmp_path / "parts", inputs, epochs=6, **own("plain"))
    assert history["epochs"] == again["epochs"]
    assert whole.manifest.files["model.onnx"] == resumed.manifest.files["model.onnx"]
