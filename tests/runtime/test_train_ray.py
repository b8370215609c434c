"""A training by Ray Train on a real cluster of two nodes gives the weights of two processes of this machine, also where a worker is lost."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlspec.runtime.deep import stage
from mlspec.runtime.deep.spread.plan import spread_of
from mlspec.runtime.errors import StageError
from tests.runtime.test_deep_stage import config, tables
from tests.support.ray_nodes import two_nodes
from tests.support.stages import run_stage_function

pytest.importorskip("torch")

DDP = {"name": "ddp", "nodes": 1, "gpus_per_node": 0, "processes": 2}
RAY = {"name": "ray", "workers": 2, "gpus": 0}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with two_nodes() as made:
        yield made


def trained(folder: Path, **changes: Any) -> Any:
    """The network's files and what its training went through."""
    made = run_stage_function(stage.run, folder, "train", config(**changes), tables(folder / "tables"), block="net")
    return {path.name: path.read_bytes() for path in made.rglob("*.onnx")}, json.loads(
        (made / "history" / "history.json").read_text()
    )["epochs"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own, of its sockets, subprocesses and settings
def test_two_workers_learn_what_two_processes_learn_even_where_one_is_lost(tmp_path: Path, cluster: Any) -> None:
    said = {
        "cluster": {"address": cluster.address},
        "checkpoint": {"name": "keep", "best": 1, "last": 2, "every": 0.001},
        "epochs": 60,
        "stop_early": None,
    }
    files, epochs = trained(tmp_path / "alone", strategy=DDP, **said)
    assert files and len(epochs) == 60
    lost: list[int] = []

    def lose_a_worker() -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end and not lost:
            if [*(tmp_path / "lost" / "resume").glob("*/state-*.json")]:
                for pid in workers():
                    os.kill(pid, signal.SIGKILL)
                    lost.append(pid)
                    break
            time.sleep(0.02)

    loser = threading.Thread(target=lose_a_worker)
    loser.start()
    found = trained(tmp_path / "lost", strategy=RAY, **said)
    loser.join()
    assert lost, "no worker was lost"
    assert found == (files, epochs)


def workers() -> list[int]:
    """The processes of this user in which Ray Train trains."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"RayTrainWorker" in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_without_room_says_so(tmp_path: Path, cluster: Any) -> None:
    with pytest.raises(StageError, match="room for 2 of 5 workers") as caught:
        trained(tmp_path, strategy={**RAY, "workers": 5}, cluster={"address": cluster.address})
    assert (caught.value.code, caught.value.where) == ("MLS704", "net.strategy")


@pytest.mark.parametrize(
    ("nodes", "asked", "room"),
    [([{"CPU": 1.0}, {"CPU": 1.0}], {"CPU": 1}, True), ([{"CPU": 1.0}, {"CPU": 1.0}], {"CPU": 2}, False), ([{"CPU": 3.0}, {"CPU": 1.0}], {"CPU": 2}, False),
     ([{"CPU": 4.0, "GPU": 2.0}], {"CPU": 2, "GPU": 1}, True), ([{"CPU": 1.0, "GPU": 2.0}], {"CPU": 1, "GPU": 1}, False), ([], {"CPU": 1}, False)],
)  # fmt: skip
def test_workers_that_no_node_will_ever_hold_are_refused(nodes: list[Any], asked: dict[str, int], room: bool) -> None:
    from types import SimpleNamespace

    from mlspec.runtime.deep.spread.plan import Spread
    from mlspec.runtime.deep.spread.rays import _room

    ray = SimpleNamespace(
        nodes=lambda: (
            [{"Alive": True, "Resources": found} for found in nodes]
            + [{"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}}]
        )
    )
    spread = Spread("ray", 1, 2, "GPU" in asked)
    if room:
        _room(ray, asked, spread, "net.strategy")
        return
    with pytest.raises(StageError) as told:
        _room(ray, asked, spread, "net.strategy")
    assert (told.value.code, told.value.where) == ("MLS704", "net.strategy")


def test_no_cluster_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    for address, code in (("10.0.0.7:6379", "MLS810"), ("local", "MLS209")):
        with pytest.raises(StageError) as caught:
            trained(tmp_path / code, strategy=RAY, cluster={"address": address})
        assert (caught.value.code, caught.value.where) == (code, "net.strategy")


def test_the_address_is_no_part_of_a_training(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from mlspec.graph.keys import stage_key
    from mlspec.graph.model import Stage
    from mlspec.runtime.deep.stage import training_key

    found = []
    for address in ("auto", "10.0.0.7:6379"):
        given = config(strategy=RAY, cluster={"address": address})
        context = SimpleNamespace(config=given, block="net", inputs=dict)
        found.append((training_key(context), stage_key(Stage("net-train", "train", "net", given), 1, {}, {}, {})))  # type: ignore[arg-type]
    assert found[0] == found[1]
    spread = spread_of(given)
    assert spread is not None and (spread.size, spread.nodes, spread.device) == (2, 1, "cpu")
