"""Trials on a Ray cluster: a fold is a task, or a whole trial that finds its rounds; the study stays here. Who tries what, and when, is decided as without Ray.

What goes out once is plain: a JSON header and the arrays of every fold. A task is a JSON text with a family, params and a seed, and
its answer is JSON as bytes, which Ray passes on as they are. Nodes must have the libraries of this one, in the same versions.

Whoever may join a Ray cluster runs code on all of it, and may send its driver objects. So a cluster that is not on this machine
must ask for Ray's token, and no cluster is ever started or opened to the network from here.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from mlspec.graph.versions import installed_versions
from mlspec.runtime.errors import StageError
from mlspec.runtime.search.course import Rules, run_course
from mlspec.runtime.search.fold_data import FoldData
from mlspec.runtime.search.goal import Aim
from mlspec.runtime.search.judge import Measures, judge_fold
from mlspec.runtime.search.space import read_families
from mlspec.runtime.search.workers import Outcome, Task, answer
from mlspec.runtime.transform import Matrix, Target

_PATIENCE = 10.0
_PARTS = 6
_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*):[0-9]{1,5}")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass
class _Running:
    trial: int
    work: Task
    fold: int
    ref: Any


class Cluster:
    """A connection to a running cluster that holds the folds of one study; a pool of the study while it runs."""

    def __init__(self, address: str, header: Mapping[str, Any], data: Sequence[FoldData], where: str) -> None:
        self._ray = connect(address, where)
        self._where = where
        self._header = self._ray.put(json.dumps(header).encode())
        self._folds = [[self._ray.put(array) for array in _arrays(fold)] for fold in data]
        # A task that is lost with its node is the study's to try again, alone; so Ray tries none by itself.
        self._remote = self._ray.remote(num_cpus=1, max_retries=0)(judge_remote)
        self._running: dict[int, _Running] = {}
        self._started = 0
        self.limit = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self.nodes = sum(bool(node["Alive"]) for node in self._ray.nodes())

    def __len__(self) -> int:
        return len(self._running)

    @property
    def free(self) -> bool:
        """Whether the cluster has a core for another task."""
        return len(self._running) < self.limit

    def start(self, trial: int, work: Task, fold: int) -> None:
        """Send the first fold of a trial."""
        self._started += 1
        self._running[self._started] = _Running(trial, work, fold, self._sent(work, fold))

    def next_outcome(self) -> Outcome:
        """Wait for a task; the one that was started first where several are ready."""
        ready, _ = self._ray.wait([task.ref for task in self._running.values()], num_returns=1)
        number = min(number for number, task in self._running.items() if task.ref in ready)
        task = self._running[number]
        try:
            said = json.loads(self._ray.get(task.ref))
        except self._ray.exceptions.RayError as error:
            del self._running[number]
            return Outcome(number, task.trial, task.fold, reason=f"Ray lost its task: {type(error).__name__}", lost=True)
        if isinstance(said, dict):
            raise self._differs(said["versions"])
        values, reason, lost, seconds = said
        if lost:
            self.dismiss(number)
        return Outcome(number, task.trial, task.fold, values, reason, lost, seconds)

    def give(self, number: int, fold: int) -> None:
        """Send the next fold of a trial whose last one was judged."""
        task = self._running[number]
        task.fold, task.ref = fold, self._sent(task.work, fold)

    def dismiss(self, number: int) -> None:
        """Forget a trial that has no fold left."""
        del self._running[number]

    def stop(self) -> None:
        """End what runs; what it was doing is lost."""
        for task in self._running.values():
            self._ray.cancel(task.ref, force=True)
        self._running.clear()

    def close(self) -> None:
        """Leave the cluster."""
        self._ray.shutdown()

    def _sent(self, work: Task, fold: int) -> Any:
        text = json.dumps(work.described(fold)).encode()
        needed = self._folds[fold : fold + 1] if work.rules is None else self._folds
        return self._remote.remote(text, self._header, *(array for one in needed for array in one))

    def _differs(self, theirs: Mapping[str, str]) -> StageError:
        ours = installed_versions(theirs)
        apart = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
        return StageError(
            "MLS812", "a node of the Ray cluster has other libraries than this machine", f"{self._where}.workers",
            expected=", ".join(f"{name} {ours.get(name, '(none)')}" for name in apart),
            found=", ".join(f"{name} {theirs.get(name) or '(none)'}" for name in apart),
            help="install the same versions on every node: with others a study would not be the same",
        )  # fmt: skip


def header_of(
    families: Sequence[Mapping[str, Any]], measures: Measures, aim: Aim, packages: Sequence[str], where: str
) -> dict[str, Any]:  # fmt: skip
    """What every task of a study needs beside the rows."""
    return {
        "families": list(families), "wanted": [[metric, dict(args)] for metric, args in measures.wanted], "label": dict(measures.label),
        "calibrated": measures.calibrated, "aim": [aim.measure, aim.direction], "versions": _versions(packages), "where": where,
    }  # fmt: skip


def judge_remote(task: bytes, header: bytes, *arrays: Any) -> bytes:
    """On a node: one fold of a trial, or a whole one that finds its rounds, from what Ray brought. It answers in JSON whatever happens."""
    shared, wanted = json.loads(header), json.loads(task)
    versions = _versions(shared["versions"])
    if versions != shared["versions"]:
        return json.dumps({"versions": versions}).encode()
    families = {family.name: family for family in read_families(shared["families"], shared["where"])}
    family = families[wanted["family"]]
    measures = Measures(tuple((metric, args) for metric, args in shared["wanted"]), shared["label"], shared["calibrated"])

    where = f"{shared['where']}.{family.name}"

    def work(fold: int) -> Any:
        if "seeds" not in wanted:
            return judge_fold(family, wanted["params"], _fold(arrays), measures, int(wanted["seed"]), where)
        folds = [_fold(arrays[start : start + _PARTS]) for start in range(0, len(arrays), _PARTS)]
        return run_course(
            family, wanted["params"], folds, measures, Aim(*shared["aim"]), wanted["seeds"].__getitem__, rules, where
        )

    seconds = wanted.get("seconds")
    rules = Rules(
        {int(rounds): float(loss) for rounds, loss in wanted.get("bars") or ()},
        None if seconds is None else time.monotonic() + seconds,
    )
    return json.dumps(answer(work, int(wanted["fold"]))).encode()


def _versions(packages: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """The versions of packages, "" for one that is not installed."""
    found = installed_versions(packages)
    return {name: found.get(name, "") for name in packages}


def _arrays(fold: FoldData) -> list[Any]:
    """A fold as a JSON text and arrays; an empty one stands for groups that no mitigation looks at."""
    target = fold.fitting_target
    facts = {
        "names": fold.fitting.names,
        "task": target.task,
        "classes": target.classes,
        "protected": target.protected is not None,
    }
    protected = np.empty(0) if target.protected is None else target.protected
    return [json.dumps(facts).encode(), fold.fitting.numbers, target.y, protected, fold.judging.numbers, fold.judging_target.y]


def _fold(arrays: Sequence[Any]) -> FoldData:
    text, fitting, fitting_y, protected, judging, judging_y = arrays
    facts = json.loads(text)
    names, task, classes = tuple(facts["names"]), facts["task"], int(facts["classes"])
    target = Target(task, fitting_y, classes, protected=protected if facts["protected"] else None)
    return FoldData(Matrix(names, fitting), target, Matrix(names, judging), Target(task, judging_y, classes))


def connect(address: str, where: str, field: str = "workers") -> Any:
    """Ray, connected to a cluster that runs; `field` of the block `where` names it."""
    known = _resolved(address, f"{where}.{field}")
    _require_closed(known, f"{where}.{field}")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray: Any = import_module("ray")
    except ModuleNotFoundError as error:
        raise StageError(
            "MLS812", f"`{field} = ray(…)` needs the library `ray`, which is not installed", f"{where}.{field}", expected="ray",
            found=f"no module `{error.name}`", help='run `pip install "mlspec-lang[ray]"`',
        ) from error  # fmt: skip
    try:
        _reach(known)
        ray.init(address=known, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise StageError(
            "MLS810", f"no Ray cluster answers at `{address}`", f"{where}.{field}", expected="a cluster that runs",
            found=str(error).strip().partition("\n")[0][:300], help="start one with `ray start --head`, or correct the address",
        ) from error  # fmt: skip
    return ray


def _resolved(address: str, where: str) -> str:
    """Where the cluster is, RAY_ADDRESS behind `auto`; StageError MLS209 for what Ray would start a cluster or open a client for."""
    known = address if address != "auto" else os.environ.get("RAY_ADDRESS") or address
    if known == "auto" or _HOST_AND_PORT.fullmatch(known):
        return known
    raise StageError(
        "MLS209", "the address of the Ray cluster is outside its domain", where, found=known,
        expected="`auto`, or host and port of a running cluster, as `10.0.0.7:6379`",
        help="correct the address" if known == address else "correct RAY_ADDRESS, which `auto` reads",
    )  # fmt: skip


def _reach(address: str) -> None:
    """OSError where nothing listens at an address: Ray itself would ask again for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()


def _require_closed(address: str, where: str) -> None:
    """StageError MLS810 for a cluster on the network where Ray is not told to use its token: unset, it uses none."""
    host, mode = address.rpartition(":")[0].strip("[]"), os.environ.get("RAY_AUTH_MODE", "")
    if address == "auto" or host in LOOPBACK or mode.lower() == "token":
        return
    raise StageError(
        "MLS810", f"the Ray cluster at `{address}` is on the network and no token is asked for", where,
        expected="RAY_AUTH_MODE=token, on every node and here", found=f"RAY_AUTH_MODE={mode}" if mode else "RAY_AUTH_MODE is not set",
        help="whoever reaches a Ray cluster without token runs code on it: start its nodes with RAY_AUTH_MODE=token, and set it here",
    )  # fmt: skip
