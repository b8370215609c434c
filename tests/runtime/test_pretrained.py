"""Pretrained models of `transformers`: held to their digest, trained further, packaged with their tokenizer, answered without the library."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlspec.runtime.deep import stage
from mlspec.runtime.deep.inputs import tokens
from mlspec.runtime.deep.networks import network_of
from mlspec.runtime.deep.pretrained import CONFIG, digest_of_folder, read_pretrained
from mlspec.runtime.deep.trained import LabelScale, TrainedNetwork, outputs_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators import predict
from mlspec.runtime.package.engines import onnx_engine
from mlspec.runtime.package.model import load_package
from mlspec.runtime.transform import tokenizer
from mlspec.runtime.transform.columns import column_of
from mlspec.runtime.transform.target import Target
from tests.runtime.package_tables import feature
from tests.runtime.test_text_networks import config, made
from tests.support.stages import run_stage_function

pytest.importorskip("torch")
NAME = "transformers.AutoModelForSequenceClassification"


def a_folder(folder: Path, **changes: Any) -> dict[str, Any]:
    """The files of a model that nobody parses, and the network that names them."""
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(json.dumps({"model_type": "bert"} | changes))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return {
        "name": NAME,
        "model": folder.name,
        "digest": digest_of_folder(folder),
        "revision": None,
        "length": 8,
        "freeze": False,
    }


def refused(network: dict[str, Any], root: Path) -> StageError:
    with pytest.raises(StageError) as caught:
        read_pretrained(network, root, "net")
    assert caught.value.where == "net.network"
    return caught.value


def test_only_the_model_that_is_named_is_read(tmp_path: Path) -> None:
    network = a_folder(tmp_path / "good")
    assert read_pretrained(network, tmp_path, "net").weights == (b"weights",)
    for part in (CONFIG, "tokenizer.json", "model.safetensors"):
        shutil.rmtree(tmp_path / "other", ignore_errors=True)
        shutil.copytree(tmp_path / "good", tmp_path / "other")
        with (tmp_path / "other" / part).open("ab") as file:
            file.write(b" ")
        error = refused({**network, "model": "other", "digest": "0" * 64}, tmp_path)
        assert (error.code, error.found) == ("MLS823", f"sha256:{digest_of_folder(tmp_path / 'other')}")
        assert error.found != f"sha256:{network['digest']}"


def test_neither_pickles_nor_code_of_a_model_are_read(tmp_path: Path) -> None:
    network = a_folder(tmp_path / "own", auto_map={"AutoModel": "modeling.Own"})
    assert refused(network, tmp_path).code == "MLS209"
    (tmp_path / "own" / "model.safetensors").rename(tmp_path / "own" / "pytorch_model.bin")
    assert refused({**network, "digest": "1" * 64}, tmp_path).code == "MLS801"


def test_a_config_chooses_no_code_to_be_computed_by(tmp_path: Path) -> None:
    """The library takes `owner/kernel` there for code of the hub, which it fetches and runs."""
    kernels = {"_attn_implementation": "owner/kernel", "text_config": {"experts_implementation": "owner/kernel", "layers": [1]}}
    network = a_folder(tmp_path / "kernels", **kernels)
    assert read_pretrained(network, tmp_path, "net").settings == {"model_type": "bert", "text_config": {"layers": [1]}}
    inner = a_folder(tmp_path / "inner", vision_config={"auto_map": {"AutoModel": "modeling.Own"}})
    assert refused(inner, tmp_path).found == f"`auto_map` in {CONFIG}"
    assert "quantised" in refused(a_folder(tmp_path / "small", quantization_config={"bits": 4}), tmp_path).message


@pytest.mark.parametrize(
    ("part", "data"),
    [(CONFIG, b"{"), (CONFIG, b"[" * 100_000), (CONFIG, b"[]"), (CONFIG, b"\xff"), ("tokenizer.json", b"\xff\xfe")],
)
def test_a_broken_file_of_a_model_is_told(tmp_path: Path, part: str, data: bytes) -> None:
    network = a_folder(tmp_path / "broken")
    (tmp_path / "broken" / part).write_bytes(data)
    error = refused({**network, "digest": digest_of_folder(tmp_path / "broken")}, tmp_path)
    assert error.code == "MLS209" and error.message.startswith(part)


def a_tokenizer() -> dict[str, Any]:
    """A tokenizer of two words, one of which has a far place."""
    made = pytest.importorskip("tokenizers")
    words = made.Tokenizer(made.models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 50}, "[UNK]"))
    words.pre_tokenizer = made.pre_tokenizers.Whitespace()
    words.post_processor = made.processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 1), ("[SEP]", 2)])
    document: dict[str, Any] = json.loads(words.to_str())
    return document


def test_a_tokenizer_may_leave_gaps_and_needs_room_for_its_own_tokens() -> None:
    state = {"length": 3, "tokenizer": json.dumps(a_tokenizer())}
    assert tokenizer.vocabulary_of(state) == 51
    (found,) = tokenizer.apply_tokenizer(state, column_of(WORDS[0], ["b a", ""]))
    assert found.numbers is not None and found.numbers.tolist() == [[1, 50, 2], [1, 2, -1]]
    with pytest.raises(StageError) as caught:
        tokenizer.ready({**state, "length": 2})
    assert (caught.value.code, caught.value.expected) == ("MLS209", "a `length` above 2")


@pytest.mark.parametrize(
    "change",
    [
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
        {"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "X", "type_id": 0}}], "pair": [], "special_tokens": {}}},
        {"model": {"type": "WordLevel", "vocab": {}, "unk_token": "none"}, "post_processor": 7},
    ],
)  # fmt: skip
def test_a_tokenizer_that_its_library_panics_at_is_told(change: dict[str, Any]) -> None:
    with pytest.raises(StageError) as caught:
        tokenizer.ready({"length": 8, "tokenizer": json.dumps(a_tokenizer() | change)})
    assert caught.value.code == "MLS209"


def test_nothing_is_fetched_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    network = a_folder(tmp_path / "models--owner--small" / "snapshots" / commit)
    on_hub = {**network, "model": "owner/small", "revision": commit}
    assert read_pretrained(on_hub, tmp_path / "nowhere", "net").weights == (b"weights",)
    error = refused({**on_hub, "revision": commit[::-1], "digest": "2" * 64}, tmp_path)
    assert error.code == "MLS801"
    assert f"hf download owner/small --revision {commit[::-1]}" in str(error.help)


def a_model(folder: Path, kind: str) -> dict[str, Any]:
    """A tiny BERT without a head, or a tiny Llama for text, with a tokenizer of its own."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer, words.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    texts = ["a fine film with some music and no end", "a lovely great dull awful broken film"] * 4
    words.train_from_iterator(
        texts,
        trainers.WordPieceTrainer(vocab_size=90, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False),
    )
    words.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    fast = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")
    shared = {
        "vocab_size": len(fast),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 24,
    }
    torch.manual_seed(0)
    model: Any = (
        BertModel(BertConfig(**shared, max_position_embeddings=32))
        if kind == "bert"
        else LlamaForCausalLM(LlamaConfig(**shared, max_position_embeddings=32, bos_token_id=2, eos_token_id=3))
    )
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return {
        "name": NAME,
        "model": folder.name,
        "digest": digest_of_folder(folder),
        "revision": None,
        "length": 12,
        "freeze": False,
    }


WORDS = [feature("words", "text")]


def trained(tmp_path: Path, network: dict[str, Any], **changes: Any) -> tuple[Any, dict[str, Any]]:
    inputs = made(tmp_path / "made", WORDS)
    step = {"op": "tokenizer", "length": network["length"], "digest": network["digest"]}
    given = config([{**WORDS[0], "fitted": [step]}], network=network, **changes)
    outputs = run_stage_function(stage.run, tmp_path / "run", "train", given, inputs, block="net", project_root=tmp_path)
    return load_package(outputs / "package"), json.loads((outputs / "history" / "history.json").read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_a_pretrained_model_learns_and_is_served_without_its_library(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("transformers")
    network = a_model(tmp_path / "small", kind)
    watched = {"name": "patience", "epochs": 9, "on": "accuracy", "part": "tune", "min_gain": 0.0}
    package, history = trained(tmp_path, network, epochs=12, stop_early=watched)
    assert history["best"] and max(record["accuracy"] for record in history["epochs"]) > 0.9
    assert (package.folder / "tokenizer.json").read_bytes() == (tmp_path / "small" / "tokenizer.json").read_bytes()
    assert history["texts"]["unknown"] is None and history["texts"]["cut"] == 1 and history["texts"]["empty"] == 1
    said = package.score([{"words": "a great film"}, {"words": "a dull film"}])
    assert said.decision == ["yes", "no"]
    code = (
        "import sys, json; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from pathlib import Path\nfrom mlspec.runtime.package.model import load_package\n"
        "package = load_package(Path(sys.argv[1]))\n"
        "print(json.dumps(package.score([{'words': 'a great film'}, {'words': 'a dull film'}]).score.tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(package.folder)], capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(done.stdout) == said.score.tolist()


@pytest.mark.slow
def test_a_frozen_model_stays_as_it_was_and_a_text_too_long_for_it_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    safetensors = pytest.importorskip("safetensors.torch")
    network = a_model(tmp_path / "small", "bert")
    trained(tmp_path, {**network, "freeze": True}, epochs=2)
    (state,) = (tmp_path / "run").rglob("state-*.safetensors")
    before = safetensors.load_file(tmp_path / "small" / "model.safetensors")
    after = {name.removeprefix("network/model.bert."): value for name, value in safetensors.load_file(state).items()}
    assert all(np.array_equal(value, after[name]) for name, value in before.items())
    with pytest.raises(StageError) as caught:
        trained(tmp_path / "long", {**network, "length": 64, "model": "../small"})
    assert (caught.value.code, caught.value.where) == ("MLS209", "net.network")


@pytest.mark.slow
@pytest.mark.parametrize(("task", "classes"), [("multiclass", 4), ("regression", 2)])
def test_the_graph_answers_as_the_model_does(tmp_path: Path, task: str, classes: int) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    network, inputs = a_model(tmp_path / "small", "bert"), tokens(12, 40)
    read_pretrained(network, tmp_path, "net")
    torch.manual_seed(1)
    module = network_of(network, "net").build(network, inputs, outputs_of(task, classes))
    weights = {name: value.double().numpy() for name, value in module.state_dict().items() if value.is_floating_point()}
    label = LabelScale(3.0, 2.5) if task == "regression" else LabelScale()
    model = TrainedNetwork(network, weights, inputs, task, classes, label)
    matrix = np.random.default_rng(0).integers(4, 40, size=(50, 12)).astype(np.float64)
    for row in range(50):
        matrix[row, 2 + row % 11 :] = -1
    found = onnx_engine.load(model.to_onnx(), task, classes).scores(matrix)
    expected = predict(model, matrix, Target(task, np.zeros(1), classes))
    assert np.ptp(expected, axis=0).min() > 1e-5
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"hidden_size": "a"}, {"num_attention_heads": 0}, {"max_position_embeddings": "x"}, {"model_type": 3}]
)
def test_a_config_that_describes_no_model_is_told(tmp_path: Path, change: dict[str, Any]) -> None:
    pytest.importorskip("transformers")
    network = a_model(tmp_path / "small", "bert")
    path = tmp_path / "small" / CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    network["digest"] = digest_of_folder(tmp_path / "small")
    read_pretrained(network, tmp_path, "net")
    with pytest.raises(StageError) as caught:
        network_of(network, "net").build(network, tokens(12, 40), 1)
    assert (caught.value.code, caught.value.where) == ("MLS209", "net.network")


@pytest.mark.slow
def test_weights_that_are_none_are_told(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    network = a_model(tmp_path / "small", "bert")
    (tmp_path / "small" / "model.safetensors").write_bytes(b"\xff" * 64)
    network["digest"] = digest_of_folder(tmp_path / "small")
    read_pretrained(network, tmp_path, "net")
    with pytest.raises(StageError) as caught:
        network_of(network, "net").build(network, tokens(12, 40), 1)
    assert caught.value.code == "MLS209"
