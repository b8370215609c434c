"""Networks of timm: what is told without the library and about its weights, and, where it is installed, a training from weights of a file."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mlspec.runtime.errors import StageError

pytest.importorskip("torch")

from mlspec.runtime.deep import timm_model
from mlspec.runtime.deep.inputs import image
from mlspec.runtime.deep.trained import TrainedNetwork
from mlspec.runtime.package.engines import onnx_engine

PLAIN = {
    "name": "timm.test_resnet",
    "pretrained": False,
    "weights": None,
    "digest": None,
    "revision": None,
    "dropout": 0.0,
    "freeze": False,
}


class Library(ModuleType):
    """As much of timm as is asked before a network is built."""

    __version__ = "1.0.31"

    def is_model(self, name: str) -> bool:
        return name in self.list_models()

    def list_models(self) -> list[str]:
        return ["test_resnet", "resnet18"]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", Library("timm"))
    monkeypatch.setattr(timm_model, "_VERIFIED", {})


def refused(root: Path, **changes: Any) -> StageError:
    with pytest.raises(StageError) as told:
        timm_model.prepare({**PLAIN, **changes}, root, "net")
    assert told.value.where == "net.network"
    return told.value


def test_without_the_library_the_extra_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    told = refused(tmp_path)
    assert told.code == "MLS812" and "mlspec-lang[timm]" in str(told.help)


@pytest.mark.usefixtures("library")
def test_what_is_told_of_names_and_weights(tmp_path: Path) -> None:
    timm_model.prepare(PLAIN, tmp_path, "net")
    told = refused(tmp_path, name="timm.resnet81")
    assert (told.code, told.help) == ("MLS209", "did you mean `timm.resnet18`?")
    digest = hashlib.sha256(b"weights").hexdigest()
    named = {"pretrained": True, "weights": "models/w.safetensors", "digest": digest}
    assert refused(tmp_path, **named).code == "MLS801"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "w.safetensors").write_bytes(b"others")
    told = refused(tmp_path, **named)
    assert (told.code, told.found) == ("MLS823", f"sha256:{hashlib.sha256(b'others').hexdigest()}")
    (tmp_path / "models" / "w.safetensors").write_bytes(b"weights")
    timm_model.prepare({**PLAIN, **named}, tmp_path, "net")


@pytest.mark.usefixtures("library")
def test_a_file_that_is_no_weights_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Library, "get_pretrained_cfg", lambda *_, **__: None, raising=False)
    (tmp_path / "net.safetensors").write_bytes(b"\xff" * 64)
    digest = hashlib.sha256(b"\xff" * 64).hexdigest()
    network = {**PLAIN, "pretrained": True, "weights": "net.safetensors", "digest": digest}
    timm_model.prepare(network, tmp_path, "net")
    with pytest.raises(StageError) as told:
        timm_model.build(network, image(1, 8, 8), 1)
    assert (told.value.code, told.value.where) == ("MLS209", "net.network") and "header" in told.value.found


@pytest.mark.usefixtures("library")
def test_weights_of_the_hub_are_never_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    told = refused(tmp_path, pretrained=True, weights="timm/nothing", digest="0" * 64, revision="0" * 40)
    assert told.code == "MLS801" and "hf download timm/nothing" in str(told.help)


def _imports() -> bool:
    """Whether timm is installed and can be imported: torchvision of another build than torch cannot."""
    if importlib.util.find_spec("timm") is None:
        return False
    try:
        import timm
    except Exception:
        return False
    return bool(timm.__version__)


@pytest.mark.slow
@pytest.mark.skipif(not _imports(), reason="timm is not installed beside a torchvision for this torch")
@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_vit"])
def test_a_network_starts_from_weights_of_a_file_and_answers_as_it_did(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import timm
    import torch
    from safetensors.torch import save_file

    monkeypatch.setattr(timm_model, "_VERIFIED", {})
    side = 160 if name == "test_vit" else 32
    torch.manual_seed(1)
    known = timm.create_model(name, pretrained=False)  # three channels, a thousand classes
    save_file({key: value.contiguous() for key, value in known.state_dict().items()}, tmp_path / "w.safetensors")
    digest = hashlib.sha256((tmp_path / "w.safetensors").read_bytes()).hexdigest()
    config = {**PLAIN, "name": f"timm.{name}", "pretrained": True, "weights": "w.safetensors", "digest": digest, "freeze": True}
    timm_model.prepare(config, tmp_path, "net")
    inputs = image(1, side, side)
    module = timm_model.build(config, inputs, 3)
    free = {key for key, weight in module.named_parameters() if weight.requires_grad}
    assert free and all("fc" in key or "head" in key for key in free)
    kept = {key: value for key, value in module.model.state_dict().items() if key in known.state_dict()}
    same = [
        key
        for key, value in kept.items()
        if value.shape == known.state_dict()[key].shape and torch.equal(value, known.state_dict()[key])
    ]
    assert len(same) > len(kept) - 6  # all but the first layer, whose channels are one, and the last
    weights = {key: value.double().numpy() for key, value in module.state_dict().items() if value.is_floating_point()}
    trained = TrainedNetwork(config, weights, inputs, "multiclass", 3)
    rows = np.random.default_rng(0).normal(size=(5, inputs.width))
    engine = onnx_engine.load(trained.to_onnx(), "multiclass", 3)
    np.testing.assert_allclose(engine.scores(rows), trained.predict_proba(rows), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(not _imports(), reason="timm is not installed beside a torchvision for this torch")
@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext"])
def test_a_network_gets_smaller(name: str, tmp_path: Path) -> None:
    """Residual sums, depthwise filters and gates lose channels; what moves channels to another axis holds them."""
    import torch

    from mlspec.runtime.compress import graphs, magnitude, quantise
    from mlspec.runtime.compress.model import Model
    from mlspec.runtime.compress.retrain import trainable

    config, inputs = {**PLAIN, "name": f"timm.{name}"}, image(3, 32, 32)
    torch.manual_seed(1)
    module = timm_model.build(config, inputs, 3)
    weights = {key: value.double().numpy() for key, value in module.state_dict().items() if value.is_floating_point()}
    package: Any = type("Shape", (), {"task": "multiclass", "classes": ("a", "b", "c")})
    data = TrainedNetwork(config, weights, inputs, "multiclass", 3).to_onnx()
    model = Model(package, "onnx", data, {"name": f"torch.{config['name']}", "params": {}}, None)
    rows = np.random.default_rng(0).normal(size=(40, inputs.width))
    share = {"sparsity": 0.5, "structured": False}
    sparse = magnitude.prune(model, share, rows, "edge.prune")
    np.testing.assert_allclose(sparse.scores(rows), model.scores(rows), atol=0.1)
    if name == "test_convnext":
        with pytest.raises(StageError, match="cannot go one by one"):
            magnitude.prune(model, share | {"structured": True}, rows, "edge.prune")
    else:
        small = magnitude.prune(model, share | {"structured": True}, rows, "edge.prune")
        assert len(small.data) < len(model.data) / 2
        assert np.isfinite(small.scores(rows)).all()
    graph = graphs.read(sparse.data)
    found = trainable(graph, "edge.prune")
    with torch.no_grad():
        said = found.forward(torch.from_numpy(rows.astype(np.float32))).numpy()
    (expected,) = graphs.probe(graph, [found.end]).run([found.end], {"X": rows})
    np.testing.assert_allclose(said, expected, atol=1e-4)
    int8 = quantise.quantise(model, {"name": "static_int8"}, [rows], tmp_path, "edge.quantise")
    assert len(int8.data) < len(model.data) / 2
    np.testing.assert_allclose(int8.scores(rows), model.scores(rows), atol=0.05)
