"""The processes of a training as workers of Ray Train, on a Ray cluster that runs.

Ray places them, makes them one group of torch's and starts all of them again when one is lost; what they do is what a process on one machine
does, from the newest whole state. Inputs and states lie in the project, so every node must see its folder at the same place.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mlspec.graph.kinds import packages_of
from mlspec.graph.versions import installed_versions
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.spread.beside import own_folder
from mlspec.runtime.deep.spread.failures import apart, first_of
from mlspec.runtime.deep.spread.job import Job, job_of
from mlspec.runtime.deep.spread.plan import Spread
from mlspec.runtime.deep.spread.shared import shared_inputs
from mlspec.runtime.deep.spread.told import tell_error, told_errors
from mlspec.runtime.deep.spread.worker import work
from mlspec.runtime.errors import StageError
from mlspec.runtime.search.cluster import connect

RESTARTS = 3
"""How often Ray starts all workers again after one was lost."""

_SETTINGS = {"RAY_TRAIN_ENABLE_PRINT_PATCH": "0", "RAY_USAGE_STATS_ENABLED": "0"}


def start(context: StageContext, spread: Spread, key: str) -> None:
    """Train on the cluster; StageError where that ends badly."""
    where = f"{context.block}.strategy"
    with own_folder(context.resume_root) as folder, _around():
        told = files.make_folder(folder / "told")
        inputs = shared_inputs(context, folder / "inputs")
        job = replace(job_of(_absolute(context), key, told=str(told.absolute())), inputs=inputs)
        ray = connect(str(context.config["cluster"]["address"]), context.block, "strategy")
        try:
            _room(ray, _asked(job, spread), spread, where)
            context.progress(0, float(context.config["epochs"]), f"{spread.size} workers of Ray Train on {_nodes(ray)} nodes")
            failure = _fitted(job, spread, folder)
        finally:
            ray.shutdown()
        if errors := told_errors(told):
            raise first_of(errors)
        if failure is not None:
            raise _failed(failure, spread, context.block)


def _absolute(context: StageContext) -> StageContext:
    """The stage by paths that hold wherever its workers stand."""
    return replace(
        context, project_root=context.project_root.absolute(), resume_root=context.resume_root.absolute(),
        board_root=None if context.board_root is None else context.board_root.absolute(),
    )  # fmt: skip


def _fitted(job: Job, spread: Spread, folder: Path) -> Exception | None:
    """Have Ray Train run the workers; why it gave up, None where they came through."""
    from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchConfig, TorchTrainer

    said = {"job": asdict(job), "versions": installed_versions([*packages_of("train", job.config), "mlspec-lang"])}
    trainer = TorchTrainer(
        learn, train_loop_config=said, torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if spread.gpus else "gloo", timeout_s=int(job.wait)),
        scaling_config=ScalingConfig(
            num_workers=spread.size, use_gpu=spread.gpus, resources_per_worker=_asked(job, spread),
        ),
        run_config=RunConfig(name="workers", storage_path=str((folder / "ray").absolute()), failure_config=FailureConfig(max_failures=RESTARTS)),
    )  # fmt: skip
    try:
        trainer.fit()
    except TrainingFailedError as error:
        failed: Exception = error
        return failed
    return None


def learn(said: Mapping[str, Any]) -> None:
    """On a worker: train as the process that Ray says. What no new beginning mends is told, and nothing is begun again."""
    job = Job(**said["job"])
    rank, told = int(os.environ["RANK"]), Path(str(job.told))
    if not told.is_dir():
        raise _unseen(job)
    if told_errors(told):
        return
    try:
        _require_same(said["versions"], job)
        work(job)
    except StageError as error:
        tell_error(told, rank, error)
        raise


def _unseen(job: Job) -> StageError:
    return apart(
        job.block, "a node of the Ray cluster does not see the project's folder", f"{job.resume_root} on every node, the same one as here", "no such folder",
        "mount the project at the same place on all nodes",
    )  # fmt: skip


def _require_same(wanted: Mapping[str, str], job: Job) -> None:
    found = installed_versions(wanted)
    apart_in = sorted(name for name in wanted if found.get(name) != wanted[name])
    if apart_in:
        raise StageError(
            "MLS812", "a node of the Ray cluster has other libraries than the machine of the stage", f"{job.block}.strategy",
            expected=", ".join(f"{name} {wanted[name]}" for name in apart_in), found=", ".join(f"{name} {found.get(name) or '(none)'}" for name in apart_in),
            help="install the same versions on every node: with others the weights would not be the same",
        )  # fmt: skip


def _room(ray: Any, asked: Mapping[str, int], spread: Spread, where: str) -> None:
    """StageError MLS704 where the cluster will never have what the workers ask for: Ray would wait for it for ever."""
    nodes = [node.get("Resources") or {} for node in ray.nodes() if node["Alive"]]
    room = sum(min(int(node.get(name, 0)) // count for name, count in asked.items()) for node in nodes)
    if room < spread.size:
        have = "; ".join(_amounts({name: int(node.get(name, 0)) for name in asked}) for node in nodes[:8])
        raise StageError(
            "MLS704", f"the Ray cluster has room for {room} of {spread.size} workers", where, expected=f"{_amounts(asked)} on a node for each of {spread.size} workers",
            found=f"nodes with {have}" if have else "no node", help="take fewer workers or a smaller `cpu`, or add nodes",
        )  # fmt: skip


def _amounts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in found.items())


def _asked(job: Job, spread: Spread) -> dict[str, int]:
    """What each worker asks a node for."""
    return {"CPU": int(job.config["threads"]), **({"GPU": 1} if spread.gpus else {})}


def _nodes(ray: Any) -> int:
    return sum(bool(node["Alive"]) for node in ray.nodes())


def _failed(failure: Exception, spread: Spread, where: str) -> StageError:
    failures: Mapping[int, Exception] = getattr(failure, "worker_failures", {})
    first = next(
        (error for error in _causes([failures[rank] for rank in sorted(failures)]) if isinstance(error, StageError)), None
    )
    if first is not None:
        return first
    said = " ".join(str(failure).split())[-300:]
    return StageError(
        "MLS810", f"Ray Train gave `{where}` up after {RESTARTS} new beginnings", f"{where}.strategy", expected=f"{spread.size} workers that end by themselves",
        found=said, help="the cluster's logs say more (`ray logs`); run again: it goes on from the newest state",
    )  # fmt: skip


def _causes(errors: Sequence[BaseException]) -> Iterator[BaseException]:
    for error in errors:
        yield error
        yield from _causes(
            [cause for cause in (getattr(error, "cause", None), error.__cause__) if isinstance(cause, BaseException)]
        )


@contextmanager
def _around() -> Iterator[None]:
    """Ray's settings, and its loggers quiet, only while it is at work."""
    before = {name: os.environ.get(name) for name in _SETTINGS}
    levels = {name: logging.getLogger(name).level for name in ("ray", "ray.train")}
    os.environ.update(_SETTINGS)
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
