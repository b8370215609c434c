"""Training gives the same weights after any stop, from states that are whole or passed over."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlspec.runtime import files
from mlspec.runtime.deep.course import batches
from mlspec.runtime.deep.loop import Training
from mlspec.runtime.errors import StageError
from tests.runtime.deep_world import ADAMW, digest, trained, training

pytest.importorskip("torch")

SGD = {"name": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.001}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> str:
    return digest(trained(tmp_path_factory.mktemp("whole") / "states"))


def killed(work: Callable[[], None]) -> int:
    """The exit code of a forked process that did the work."""
    process = multiprocessing.get_context("fork").Process(target=work)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries that the child does not use
        process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def kill_in_step(folder: Path, at: int, **how: Any) -> None:
    """Train, and be killed in the middle of batch `at`."""
    step, seen = Training._step, []

    def stepping(self: Training, rows: Any) -> None:
        seen.append(1)
        if len(seen) == at:
            self._gradients(rows, 1.0)
            os.kill(os.getpid(), signal.SIGKILL)
        step(self, rows)

    Training._step = stepping  # type: ignore[method-assign]
    trained(folder, **how)


def kill_in_write(folder: Path, at: int) -> None:
    """Train, and be killed before system call `at` on a file."""
    count = [0]

    def counted(name: str, path: str, action: Callable[[], Any]) -> Any:
        count[0] += 1
        if count[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return action()

    files.operations = counted
    trained(folder)


@pytest.mark.parametrize("every", [0.0, None], ids=["a state a batch", "none before the end"])
def test_a_training_that_was_killed_at_batches_gives_the_same_weights(
    tmp_path: Path, uninterrupted: str, every: float | None
) -> None:
    states = tmp_path / "states"
    for at in (1, 3, 7, 8):  # each attempt goes on from where the last one was killed
        assert killed(lambda at=at: kill_in_step(states, at, every=every)) == -signal.SIGKILL  # type: ignore[misc]
    assert bool(list(states.glob("state-*.json"))) == (every is not None)
    assert digest(trained(states, every=every)) == uninterrupted


MOMENTS = [2, 47, 50, 53, 200]


@pytest.mark.parametrize(
    "at", [*MOMENTS, *(pytest.param(at, marks=pytest.mark.slow) for at in range(3, 120, 4) if at not in MOMENTS)]
)
def test_a_training_that_was_killed_while_it_saved_gives_the_same_weights(tmp_path: Path, uninterrupted: str, at: int) -> None:
    states = tmp_path / "states"
    assert killed(lambda: kill_in_write(states, at)) == -signal.SIGKILL
    assert digest(trained(states)) == uninterrupted
    assert not list(states.glob("*.tmp"))


@pytest.mark.parametrize(
    "how",
    [
        {"optimiser": SGD},
        {"accumulation": 3, "clip_norm": None},
        {"schedule": {"name": "plateau", "epochs": 1, "factor": 0.5, "warmup": 0.1}},
        {"precision": "bf16", "watched": False},
    ],
    ids=["sgd", "accumulated", "plateau", "bf16"],
)  # fmt: skip
def test_every_way_of_training_goes_on_where_it_was(tmp_path: Path, how: dict[str, Any]) -> None:
    states = tmp_path / "states"
    assert killed(lambda: kill_in_step(states, 17, **how)) == -signal.SIGKILL
    whole = trained(tmp_path / "whole", **how)
    assert digest(trained(states, **how)) == digest(whole)
    assert digest(whole) != digest(trained(tmp_path / "other", epochs=3, **how))


def test_a_finished_training_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trained(tmp_path)
    monkeypatch.setattr(Training, "_step", lambda self, chosen: pytest.fail("a step was made"))
    assert digest(trained(tmp_path)) == digest(first)


def test_more_epochs_go_on_from_fewer(tmp_path: Path) -> None:
    trained(tmp_path / "some", epochs=2, schedule=None)
    found = trained(tmp_path / "some", epochs=5, schedule=None)
    assert digest(found) == digest(trained(tmp_path / "all", epochs=5, schedule=None))
    assert digest(trained(tmp_path / "some", epochs=1, schedule=None)) == digest(
        trained(tmp_path / "one", epochs=1, schedule=None)
    )


def test_fewer_epochs_are_learned_and_kept_beside_more(tmp_path: Path) -> None:
    how: dict[str, Any] = {"schedule": None, "every": None}
    fewer = digest(trained(tmp_path / "fewer", epochs=2, **how))
    more = digest(trained(tmp_path / "both", epochs=4, **how))
    made = trained(tmp_path / "both", epochs=2, **how)
    assert digest(made) == fewer
    saved = made.checkpoints.newest(2)
    assert saved is not None and (saved.epoch, saved.batch) == (2, 0), "whoever waits for the processes finds their end"
    assert digest(trained(tmp_path / "both", epochs=4, **how)) == more


def test_a_best_epoch_that_somebody_cleared_is_written_again(tmp_path: Path) -> None:
    made = trained(tmp_path, epochs=2)
    made.checkpoints.clear()
    made.save()
    found = made.checkpoints.newest(2)
    assert found is not None and [item.epoch for item in found.best] == [item.epoch for item in made.best]


def test_a_damaged_state_is_passed_over(tmp_path: Path, uninterrupted: str) -> None:
    trained(tmp_path, epochs=3)
    kept = sorted(tmp_path.glob("state-*.json"))
    assert [json.loads(path.read_bytes())["epoch"] for path in kept] == [2, 3]
    whole = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path.name.partition("-")[0] for path in whole} == {"state", "best"}
    named = {path.name: path.read_text() for path in kept}
    for damaged, data in whole.items():
        for path, content in whole.items():
            path.write_bytes(content)
        flipped = bytearray(data)
        flipped[len(data) // 2] ^= 1
        damaged.write_bytes(bytes(flipped))
        sound = [
            epoch
            for epoch, (name, text) in enumerate(named.items(), start=2)
            if damaged.name != name and damaged.name not in text
        ]
        found = training(tmp_path, epochs=3).checkpoints.newest(3)
        assert (None if found is None else found.epoch) == max(sound, default=None), damaged.name
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    assert digest(trained(tmp_path)) == uninterrupted


def test_the_best_epoch_counts_and_the_last_states_are_kept(tmp_path: Path) -> None:
    found = trained(tmp_path, epochs=6)
    values = [record["auc"] for record in found.history]
    best = values.index(max(values)) + 1
    assert min(found.best, key=lambda item: (item.loss, item.epoch)).epoch == best
    assert found.evaluate is not None
    assert found.evaluate(found.network) == max(values)
    assert len(list(tmp_path.glob("state-*.json"))) == 2
    document = json.loads(max(tmp_path.glob("state-*.json")).read_bytes())
    ranked = sorted(range(6), key=lambda place: (-values[place], place))[:2]
    assert [item["epoch"] for item in document["best"]] == [place + 1 for place in ranked]


def test_accumulated_gradients_are_those_of_the_batch(tmp_path: Path) -> None:
    plain = {"network": {"name": "mlp", "hidden": [8], "activation": "tanh", "dropout": 0.0, "norm": "none"}, "every": None}
    whole = trained(tmp_path / "whole", optimiser=SGD, **plain)
    parts = trained(tmp_path / "parts", optimiser=SGD, accumulation=5, **plain)
    for name, value in whole.network.state_dict().items():
        assert abs(value - parts.network.state_dict()[name]).max() < 1e-5, name
    assert [record["loss"] for record in parts.history] == pytest.approx([record["loss"] for record in whole.history], rel=1e-5)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no finite number in epoch") as told:
        trained(tmp_path, optimiser={**SGD, "lr": 1e30}, watched=False, schedule=None, clip_norm=None)
    assert (told.value.code, told.value.where) == ("MLS814", "net.optimiser")


@pytest.mark.parametrize(
    ("rows", "size", "expected"),
    [(10, 4, [(0, 4), (4, 8), (8, 10)]), (9, 4, [(0, 4), (4, 9)]), (3, 8, [(0, 3)]), (1, 8, [(0, 1)]), (3, 1, [(0, 1), (1, 2), (2, 3)])],
)  # fmt: skip
def test_a_rest_of_one_row_joins_the_batch_before(rows: int, size: int, expected: list[tuple[int, int]]) -> None:
    assert batches(rows, size) == expected


def test_every_row_is_seen_once_an_epoch_in_another_order(tmp_path: Path) -> None:
    found = training(tmp_path, optimiser=ADAMW)
    first = found.order().tolist()
    found.epoch = 1
    second = found.order().tolist()
    assert sorted(first) == sorted(second) == list(range(103))
    assert first != second
