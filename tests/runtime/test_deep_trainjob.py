"""How a stage waits for its TrainJob: adopts one at work, replaces one that ended, says why one failed. The API is a double in this process."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.spread import node, trainjob
from mlspec.runtime.deep.spread.job import Job, write_job
from mlspec.runtime.deep.spread.plan import Spread
from mlspec.runtime.deep.spread.told import tell_error, told_errors
from mlspec.runtime.errors import StageError

KEY = "ab" * 32
NAME = f"net-train-{KEY[:12]}"
SPREAD = Spread("ddp", 2, 1, False)


def state(kind: str) -> Any:
    return {"status": {"conditions": [{"type": kind, "status": "True", "reason": "Why", "message": "so it is"}]}}


class Double:
    """TrainJobs in memory: each look at a new one gives the next of `looks`; None: somebody took it away."""

    namespace = "here"

    def __init__(self, looks: list[Any], there: Any = None, begun: Callable[[Any], None] = lambda body: None) -> None:
        self.looks, self.there, self.begun = looks, there, begun
        self.made: list[Any] = []
        self.removed: list[str] = []

    def find(self, name: str) -> Any:
        assert name == NAME
        if self.there is not None:
            return self.there
        if not self.made and not self.looks:
            return None
        found = self.looks.pop(0) if self.made else None
        if isinstance(found, StageError):
            raise found
        return found

    def create(self, body: Any) -> bool:
        self.made.append(body)
        self.begun(body)
        return True

    def remove(self, name: str) -> None:
        self.removed.append(name)
        self.there = None


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StageContext:
    monkeypatch.setenv(trainjob.RUNTIME, "mlspec-net-train-01234567")
    monkeypatch.setattr(trainjob, "LOOK_EVERY", 0.0)
    rows = tmp_path / "rows"
    rows.mkdir()
    (rows / "rows.txt").write_text("1")
    return StageContext(
        stage_id="net-train", kind="train", block="net", config={"epochs": 3}, project_root=tmp_path, input_folders={"rows": rows},
        output_root=tmp_path / "out", resume_root=tmp_path / "volume" / "resume" / "net-train",
    )  # fmt: skip


def start(double: Double, context: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainjob, "TrainJobs", lambda where: double)
    trainjob.start(context, SPREAD, KEY)


def test_one_that_comes_through_leaves_nothing(context: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def begun(body: Any) -> None:
        job = json.loads(Path(body["spec"]["trainer"]["args"][0]).read_text())
        assert Path(job["inputs"]["rows"], "rows.txt").read_text() == "1" and job["inputs"]["rows"] != str(
            context.input("rows")
        )

    double = Double([{}, StageError("MLS809", "away"), state("Complete")], begun=begun)
    start(double, context, monkeypatch)
    assert len(double.made) == 1 and double.removed == []
    assert [*context.resume_root.glob("job-*")] == []


def test_one_that_ended_before_makes_room(context: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    double = Double([state("Complete")], there=state("Failed"))
    start(double, context, monkeypatch)
    assert double.removed == [NAME] and len(double.made) == 1


def test_one_at_work_is_waited_for(context: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    double = Double([], there={})
    find = double.find
    looks = iter([{}, {}, state("Complete")])
    monkeypatch.setattr(double, "find", lambda name: next(looks) if find(name) is not None else None)
    start(double, context, monkeypatch)
    assert double.made == [] and double.removed == []


@pytest.mark.parametrize(("look", "words"), [(state("Failed"), "Why so it is"), (None, "no TrainJob of this name")])
def test_one_that_fails_or_is_taken_away(context: StageContext, monkeypatch: pytest.MonkeyPatch, look: Any, words: str) -> None:
    with pytest.raises(StageError) as caught:
        start(Double([look]), context, monkeypatch)
    assert (caught.value.code, caught.value.where, caught.value.found) == ("MLS810", "net.strategy", words)


def test_what_a_process_told_counts_more(context: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def begun(body: Any) -> None:
        told = json.loads(Path(body["spec"]["trainer"]["args"][0]).read_text())["told"]
        tell_error(Path(told), 1, StageError("MLS814", "no finite number", "net.optimiser"))

    with pytest.raises(StageError, match="no finite number") as caught:
        start(Double([state("Complete")], begun=begun), context, monkeypatch)
    assert caught.value.where == "net.optimiser"


def test_a_cluster_that_stays_silent(context: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StageError, match="away"):
        start(Double([StageError("MLS809", "away")] * 40), context, monkeypatch)


def test_one_that_is_being_taken_away_makes_room(context: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    double = Double([state("Complete")], there={"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
    start(double, context, monkeypatch)
    assert double.removed == [NAME] and len(double.made) == 1


def machine(folder: Path, monkeypatch: pytest.MonkeyPatch, rank: int, port: int, meet: float = 60.0) -> Path:
    """The job of a training on two machines, with what the Trainer says to one of them."""
    told = folder / "told"
    told.mkdir()
    job = Job("net-train", "net", {}, str(folder), {}, str(folder), KEY, told=str(told), meet=meet)
    write_job(job, folder / "job.json")
    for name, value in {
        "NNODES": 2,
        "NPROC_PER_NODE": 1,
        "NODE_RANK": rank,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }.items():
        monkeypatch.setenv(f"PET_{name}", str(value))
    monkeypatch.setattr("sys.argv", ["node", str(folder / "job.json")])
    return told


def test_a_machine_waits_for_the_first_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))  # it takes calls only after a while
        told = machine(tmp_path, monkeypatch, 1, first.getsockname()[1])
        monkeypatch.setattr(node, "_LOOK_EVERY", 0.0)
        monkeypatch.setattr(node, "_work", lambda job, path, told: 7)
        asked: list[Any] = []
        call = socket.create_connection

        def calls(address: Any, timeout: float) -> socket.socket:
            asked.append(address)
            if len(asked) == 3:
                first.listen()
            return call(address, timeout=timeout)

        monkeypatch.setattr(socket, "create_connection", calls)
        assert node.main() == 7
    assert len(asked) == 3 and [*told.iterdir()] == []


def test_a_first_machine_that_never_comes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = machine(tmp_path, monkeypatch, 1, 1, meet=0.0)
    assert node.main() == 1
    (error,) = told_errors(told)
    assert (error.code, error.where) == ("MLS837", "net.strategy")
    assert node.main() == 0, "whoever comes back finds that there is nothing to wait for"


@pytest.mark.parametrize("rank", [0, 1])
def test_a_machine_that_comes_back_to_a_training_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int) -> None:
    (machine(tmp_path, monkeypatch, rank, 1) / "ended").touch()
    monkeypatch.setattr(node, "_work", lambda job, path, told: 7)
    assert node.main() == 0
