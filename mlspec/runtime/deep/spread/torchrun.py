"""The processes of a training on this machine, started, watched and started again by torch's own elastic agent.

They find each other by a file and talk over the loopback interface: no port is open to the network. When one is killed, all begin
again from the newest whole state. They die with this process, however it ends.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.spread.failures import failure_of, first_of
from mlspec.runtime.deep.spread.job import job_of, write_job
from mlspec.runtime.deep.spread.plan import Spread
from mlspec.runtime.deep.spread.told import Listener, told_errors
from mlspec.runtime.errors import StageError

RESTARTS = 3
"""How often all begin again after one was killed; what is trained until then is not lost."""

_LOOK_EVERY = 0.1
_LEAVE = 5  # seconds to end by themselves when another one is gone
# The agent shares no server of its own: one would be open to the network.
_SETTINGS = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1", "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")


def start(context: StageContext, spread: Spread, key: str) -> None:
    """Train in processes of this machine; StageError where they end badly."""
    _require(context, spread)
    with tempfile.TemporaryDirectory(prefix="mlspec-training-") as name:
        folder = Path(name)
        store = files.make_folder(folder / "store")
        write_job(job_of(context, key, told=name, store=str(store), parent=os.getpid()), folder / "job.json")
        with Listener(folder, context.progress):
            failures = _launched(spread, folder)
        errors = told_errors(folder)
        if errors:
            raise first_of(errors)
        if failures:
            raise failure_of(failures, spread, context.block, RESTARTS)


def _require(context: StageContext, spread: Spread) -> None:
    """StageError MLS704 where this machine is not what the training is spread over."""
    import torch

    where = f"{context.block}.strategy"
    if spread.nodes > 1:
        raise StageError(
            "MLS704", f"`{context.block}` is to be trained on {spread.nodes} machines, and this is one", where, expected=f"{spread.nodes} machines",
            found="1", help="lower it in an `env`: `set NAME.strategy = ddp(processes: 2)`, or run it on a target that has several",
        )  # fmt: skip
    found = torch.cuda.device_count() if spread.gpus else 0
    if spread.gpus and found < spread.processes:
        raise StageError(
            "MLS704", f"`{context.block}` is to be trained on {spread.processes} GPUs, and torch finds {found}", where,
            expected=f"{spread.processes} GPUs, their driver and a torch for them", found=f"torch {torch.__version__} with {found}",
            help="lower it in an `env`, or run where they are",
        )  # fmt: skip


def _launched(spread: Spread, folder: Path) -> Mapping[int, Any]:
    """How each process ended that failed; nothing where all came through."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    with _kept(), _around():
        config = LaunchConfig(
            min_nodes=1, max_nodes=1, nproc_per_node=spread.processes, run_id=folder.name, rdzv_backend="c10d", rdzv_endpoint=str(folder / "agents"),
            rdzv_configs={"store_type": "file"}, max_restarts=RESTARTS, monitor_interval=_LOOK_EVERY, local_addr="127.0.0.1",
            logs_specs=DefaultLogsSpecs(log_dir=str(folder / "logs")), shutdown_timeout=_LEAVE,
        )  # fmt: skip
        command = ("-P", "-m", "mlspec.runtime.deep.spread.worker", str(folder / "job.json"))
        try:
            elastic_launch(config, sys.executable)(*command)
        except ChildFailedError as error:
            return dict(error.failures)
        except SignalException as error:
            ended = error.sigval
        else:
            return {}
    os.kill(os.getpid(), ended)  # the processes are gone: now this one ends as it would have
    raise KeyboardInterrupt


@contextmanager
def _around() -> Iterator[None]:
    """The agent's settings, and those that it makes itself, are this process's only while it starts others."""
    before = dict(os.environ)
    os.environ.update(_SETTINGS)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _kept() -> Iterator[None]:
    """The agent handles signals in its own way; afterwards they are handled as before."""
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
