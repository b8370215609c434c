"""One process of a training: `python -m mlspec.runtime.deep.spread.worker JOB`, started by torchrun or by what a cluster has for it.

Which of them it is, and of how many, the environment says: RANK, WORLD_SIZE, LOCAL_RANK.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime.deep.spread.job import Job, read_job
from mlspec.runtime.deep.spread.told import Teller, tell_error, told_errors
from mlspec.runtime.errors import StageError
from mlspec.runtime.processes import die_with_parent

if TYPE_CHECKING:
    from mlspec.runtime.deep.spread.group import Group
    from mlspec.runtime.deep.spread.plan import Spread


def main() -> int:
    """The exit status: 0 when the newest state is that of the whole training, or when there is no use in trying again."""
    job = read_job(Path(sys.argv[1]))
    parent = os.getppid() if job.parent is None else job.parent
    die_with_parent(parent)
    if sys.platform != "linux":  # where the kernel does not see to it
        threading.Thread(target=leave_with, args=(parent,), daemon=True).start()
    told = None if job.told is None else Path(job.told)
    if told is not None and told_errors(told):
        return 0  # torchrun begins again whatever went wrong; what a process has told would only be told once more
    try:
        work(job)
    except StageError as error:
        tell_error(told, int(os.environ.get("RANK", "0")), error)
        return 1
    except Exception as error:
        if isinstance(error, RuntimeError) and not isinstance(error, NotImplementedError | RecursionError):
            raise  # what torch says when another process is gone: the next beginning may come through
        traceback.print_exc()
        tell_error(told, int(os.environ.get("RANK", "0")), _bug(job.block, error))
        return 1
    return 0


def _bug(block: str, error: Exception) -> StageError:
    """What a new beginning would only meet again."""
    said = f"{type(error).__name__}: {error}"
    return StageError(
        "internal",
        f"a bug in mlspec: a process that trains `{block}` raised {said}",
        block,
        help="report it with the log of the stage",
    )


def leave_with(parent: int) -> None:
    """End this process when its parent is another one than that."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(137)


def work(job: Job) -> None:
    """Train as the process that the environment says; StageError for what is at fault."""
    from torch import distributed

    from mlspec.runtime import files
    from mlspec.runtime.deep.spread.plan import spread_of
    from mlspec.runtime.deep.stage import train

    spread = spread_of(job.config)
    assert spread is not None, "a training in one process is started by nobody"
    joined = not distributed.is_initialized()
    group = join(job, spread)
    context = job.context()
    if group.rank == 0:
        context = replace(context, on_progress=Teller(None if job.told is None else Path(job.told)))
    try:
        train(context, group, job.key)
    except StageError as error:
        if error.code == "MLS810":
            error.found = f"process {group.rank + 1} of {group.size}: {error.found}"
        raise
    except OSError as error:
        raise files.io_error(error, error.filename or job.resume_root, f"train `{job.block}` with") from error
    finally:
        if joined:
            distributed.destroy_process_group()


def join(job: Job, spread: Spread) -> Group:
    """Meet the other processes; StageError MLS837 where they do not come, MLS704 where there are more or fewer than asked for."""
    import torch

    from mlspec.runtime.deep.device import GPU
    from mlspec.runtime.deep.spread.group import Group, Sharded

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if size != spread.size:
        raise StageError(
            "MLS704", f"`{job.block}` is to be trained in {spread.size} processes, and {size} were started", f"{job.block}.strategy",
            expected=f"{spread.size} processes", found=str(size), help="start as many as the strategy says",
        )  # fmt: skip
    if spread.device == GPU:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if not torch.distributed.is_initialized():
        _meet(job, spread, rank)
    return (Sharded if spread.strategy == "fsdp" else Group)(rank, size, spread.device)


def _meet(job: Job, spread: Spread, rank: int) -> None:
    """Begin the group that all collective work goes through: `gloo` on a CPU, `nccl` between GPUs."""
    from torch import distributed

    from mlspec.runtime.deep.device import GPU
    from mlspec.runtime.deep.spread.failures import apart

    try:
        store = _store(job, spread, rank)
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if spread.device == GPU else "gloo", store=store, rank=rank, world_size=spread.size,
            timeout=timedelta(seconds=job.wait),
        )  # fmt: skip
    except (RuntimeError, ValueError) as error:
        raise apart(
            job.block, f"process {rank + 1} did not meet the others", f"{spread.size} processes that reach each other within {job.meet:g} s",
            f"{type(error).__name__}: {error}", "the log says what the others said; run again: it goes on from the newest state",
        ) from error  # fmt: skip


def _store(job: Job, spread: Spread, rank: int) -> Any:
    """Where the processes leave their addresses, once all of them are there: a file on one machine, else a server of the first one."""
    from torch import distributed

    within = timedelta(seconds=job.meet)
    if job.store is None:
        store, _, _ = next(distributed.rendezvous("env://", rank, spread.size, timeout=within))  # type: ignore[attr-defined]
    else:
        for library in ("GLOO", "NCCL"):
            os.environ[f"{library}_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store = distributed.FileStore(str(Path(job.store) / attempt), spread.size)  # type: ignore[attr-defined]
    store.set_timeout(within)
    store.set(f"here.{rank}", "")
    store.wait([f"here.{each}" for each in range(spread.size)])
    return store


if __name__ == "__main__":
    sys.exit(main())
