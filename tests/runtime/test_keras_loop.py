"""Training with Keras: the same weights after any stop, and fields that mean what they mean with PyTorch."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlspec.runtime.deep.inputs import numbers
from mlspec.runtime.errors import StageError
from tests.runtime import keras_world
from tests.runtime.keras_world import ADAM, ADAMW, MLP, RESNET, SGD, digest, rows, trained, training

pytestmark = [
    pytest.mark.slow,
    # TensorFlow warns of its own dependencies when it is imported.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module", autouse=True)
def tensorflow() -> None:
    keras_world.need_tensorflow()


class Stopped(Exception):
    """The process would end here."""


def stop_before(folder: Path, at: int, **how: Any) -> None:
    """Train until batch `at` would begin."""
    found = training(folder, **how)
    update, seen = found.update, []

    def updating(order: Any, rates: Any) -> None:
        seen.append(1)
        if len(seen) == at:
            raise Stopped
        update(order, rates)

    found.update = updating
    with pytest.raises(Stopped):
        found.run()


WAYS: dict[str, dict[str, Any]] = {
    "adamw": {},
    "sgd, accumulated": {"optimiser": SGD, "accumulation": 3, "clip_norm": None},
    "adam, resnet, plateau": {"optimiser": ADAM, "network": RESNET, "schedule": {"name": "plateau", "epochs": 1, "factor": 0.5, "warmup": 0.1}},
    "layer norm, gelu, bf16": {"network": {**MLP, "norm": "layer", "activation": "gelu"}, "precision": "bf16", "watched": False},
}  # fmt: skip


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_a_training_that_was_stopped_at_batches_gives_the_same_weights(tmp_path: Path, how: dict[str, Any]) -> None:
    for at in (1, 4, 8, 9):  # each attempt goes on from where the last one was stopped
        stop_before(tmp_path / "states", at, **how)
    whole = trained(tmp_path / "whole", **how, every=None)
    assert digest(trained(tmp_path / "states", **how)) == digest(whole)
    assert digest(whole) != digest(trained(tmp_path / "other", **how, epochs=3))


def test_a_process_that_was_killed_goes_on_in_another(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.runtime.keras_world", str(tmp_path / "states")]
    assert subprocess.run([*command, "11"], capture_output=True, check=False).returncode == -signal.SIGKILL
    assert list((tmp_path / "states").glob("state-*.json"))
    done = subprocess.run([*command, "999"], capture_output=True, text=True, check=True)
    assert done.stdout == digest(trained(tmp_path / "whole"))


def test_states_are_safetensors_with_digests_and_a_damaged_one_is_passed_over(tmp_path: Path) -> None:
    whole = digest(trained(tmp_path))
    newest = max(tmp_path.glob("state-*.json"))
    document = json.loads(newest.read_bytes())
    tensors = tmp_path / document["tensors"]["name"]
    assert tensors.suffix == ".safetensors" and len(document["tensors"]["sha256"]) == 64
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"x")
    assert training(tmp_path).checkpoints.newest(4).epoch == 3
    assert digest(trained(tmp_path)) == whole


def test_more_epochs_go_on_from_fewer(tmp_path: Path) -> None:
    trained(tmp_path / "some", epochs=2, schedule=None)
    assert digest(trained(tmp_path / "some", epochs=4, schedule=None)) == digest(trained(tmp_path / "all", schedule=None))


def test_accumulated_gradients_are_those_of_the_batch(tmp_path: Path) -> None:
    plain = {"network": {**MLP, "dropout": 0.0, "norm": "none"}, "optimiser": SGD, "every": None}
    whole, parts = trained(tmp_path / "whole", **plain), trained(tmp_path / "parts", accumulation=5, **plain)
    assert [record["loss"] for record in parts.history] == pytest.approx([record["loss"] for record in whole.history], rel=1e-4)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no finite number in epoch") as told:
        trained(tmp_path, optimiser={**SGD, "lr": 1e30}, watched=False, schedule=None, clip_norm=None)
    assert (told.value.code, told.value.where) == ("MLS814", "net.optimiser")


def test_memory_that_does_not_hold_a_batch_is_located(tmp_path: Path) -> None:
    code = f"""
import resource
from pathlib import Path
from mlspec.runtime.deep_keras.library import open_keras
from mlspec.runtime.errors import StageError
from tests.runtime.keras_world import MLP, trained, training
open_keras(1, "net")
trained(Path({str(tmp_path)!r}) / "warm", epochs=1)
huge = {{**MLP, "hidden": [200_000], "norm": "none", "dropout": 0.0}}
found = training(Path({str(tmp_path)!r}) / "huge", network=huge, batch=103, epochs=1, schedule=None)
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 40 * 2**20, resource.RLIM_INFINITY))
try:
    found.run()
except StageError as error:
    print(error.code, error.where, error.found, error.help)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MLS810 net.global_batch") and "OOM" in done.stdout, done.stdout
    assert "`gradient_accumulation = 4`" in done.stdout


PLAIN = {"network": {**MLP, "dropout": 0.0, "norm": "layer"}, "watched": False}
SAME: dict[str, dict[str, Any]] = {
    "adamw": {"optimiser": ADAMW},
    "adam with decay": {"optimiser": {**ADAM, "weight_decay": 0.1}},
    "sgd under a schedule": {"optimiser": {**SGD, "nesterov": False}},
    "nesterov": {"optimiser": SGD},
    "activations": {"optimiser": ADAMW, "network": {**MLP, "dropout": 0.0, "norm": "none", "activation": "gelu"}},
    "silu": {"optimiser": ADAMW, "network": {**MLP, "dropout": 0.0, "norm": "none", "activation": "silu"}},
    "resnet": {"optimiser": ADAMW, "network": {**RESNET, "dropout": 0.0}, "epochs": 2},
    "accumulated": {"optimiser": SGD, "accumulation": 3},
}


@pytest.mark.parametrize("how", SAME.values(), ids=SAME)
def test_a_field_does_what_it_does_with_pytorch(tmp_path: Path, how: dict[str, Any]) -> None:
    """From the same first weights, over the same rows in the same order."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed beside TensorFlow: pip install '.[torch]'")
    from mlspec.runtime.deep.board import Board
    from mlspec.runtime.deep.checkpoints import Checkpoints
    from mlspec.runtime.deep.examples import InMemory
    from mlspec.runtime.deep.loop import Training
    from mlspec.runtime.deep.losses import loss_of
    from mlspec.runtime.deep.networks import network_of
    from mlspec.runtime.deep.optimisers import optimiser_of
    from mlspec.runtime.deep_keras import networks

    given = {**PLAIN, "every": None, **how}
    found = training(tmp_path / "keras", **given)
    module = network_of(given["network"], "net").build(given["network"], numbers(5), 1)
    first = {name: torch.from_numpy(value) for name, value in networks.weights(found.network).items()}
    assert not module.load_state_dict(first, strict=False).unexpected_keys
    found.run()
    inputs, labels = map(torch.from_numpy, rows())
    (tmp_path / "torch").mkdir()
    other = Training(
        network=module, optimiser=optimiser_of(given["optimiser"], module.parameters()), loss=loss_of("binary", None, "cpu"),
        examples=InMemory(inputs, labels), rules=found.rules, checkpoints=Checkpoints(tmp_path / "torch", "key", 1),
        board=Board(None, None, "net"), watch=None, evaluate=None, progress=lambda done, total, note: None,
    )  # fmt: skip
    other.run()
    assert found.parameters == other.parameters
    tolerance = (
        0.02 if "resnet" in str(given["network"]) else 1e-3
    )  # their batch norms take the variance of a batch in two ways
    for ours, theirs in zip(found.history, other.history, strict=True):
        assert ours == pytest.approx(theirs, rel=tolerance)
    for name, value in networks.weights(found.network).items():
        if "running" not in name:
            np.testing.assert_allclose(value, module.state_dict()[name].numpy(), atol=tolerance * 5, err_msg=name)
