"""One machine of a training: `python -m mlspec.runtime.deep.spread.node JOB`, in every pod of a `TrainJob`.

torch's elastic agent starts the processes of the machine and watches them; the agents of all machines find each other through the
first one. How many there are, which one this is and where the first one listens, Kubeflow's Trainer says by the variables PET_*.
When a process or a machine is lost, all begin again from the newest whole state, once there are as many machines as before.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.deep.spread.failures import apart
from mlspec.runtime.deep.spread.job import Job, read_job
from mlspec.runtime.deep.spread.told import tell_error, told_errors
from mlspec.runtime.errors import StageError

RESTARTS = 3
"""How often a machine begins again after a process of its own failed; a machine that is started anew counts from the beginning."""

_LOOK_EVERY = 0.5
_ANSWERS = 10.0  # seconds for the first machine to take a call
_ENDED = "ended"
"""The file by which a machine that comes back sees that the others are done."""


def main() -> int:
    """The exit status: 0 when the training is at its end, or when there is no use in trying again."""
    path = Path(sys.argv[1])
    job = read_job(path)
    told = None if job.told is None else Path(job.told)
    try:
        return _work(job, path, told) if _begins(job, told) else 0
    except StageError as error:
        tell_error(told, int(os.environ.get("PET_NODE_RANK") or 0), error)
        return 1


def _begins(job: Job, told: Path | None) -> bool:
    """Wait for the first machine; False where the training is at its end. torch itself would give up after a minute, and a cluster may take longer."""
    first, end = (_said("PET_MASTER_ADDR", job), int(_said("PET_MASTER_PORT", job))), time.monotonic() + job.meet
    while told is None or not ((told / _ENDED).exists() or told_errors(told)):
        if _said("PET_NODE_RANK", job) == "0":
            return True
        try:
            socket.create_connection(first, timeout=_ANSWERS).close()
        except OSError as error:
            if time.monotonic() > end:
                raise _missed(job, f"{type(error).__name__}: {error}") from error
            time.sleep(_LOOK_EVERY)
        else:
            return True
    return False


def _missed(job: Job, found: str) -> StageError:
    return apart(
        job.block, "its machines did not meet", f"all machines within {job.meet:g} s", found, "see whether the cluster has room for all of them at the same time; then run again",
    )  # fmt: skip


def _work(job: Job, path: Path, told: Path | None) -> int:
    """Have the processes of this machine train, and say when all are done."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous.api import RendezvousTimeoutError
    from torch.distributed.launcher.api import elastic_launch

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="mlspec-training-") as logs:
        try:
            elastic_launch(_config(job, logs), sys.executable)("-P", "-m", "mlspec.runtime.deep.spread.worker", str(path))
        except ChildFailedError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        except RendezvousTimeoutError as error:
            raise _missed(job, f"{type(error).__name__}: {error}") from error
    if told is not None:
        files.write_bytes(told / _ENDED, b"")
    return 0


def _config(job: Job, logs: str) -> Any:
    """What torch's launcher is told, from what the Trainer says."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig

    nodes = int(_said("PET_NNODES", job))
    return LaunchConfig(
        min_nodes=nodes, max_nodes=nodes, nproc_per_node=int(_said("PET_NPROC_PER_NODE", job)), run_id=job.key[:32],
        rdzv_backend="c10d", rdzv_endpoint=f"{_said('PET_MASTER_ADDR', job)}:{_said('PET_MASTER_PORT', job)}",
        rdzv_configs={"is_host": _said("PET_NODE_RANK", job) == "0", "join_timeout": int(job.meet)}, max_restarts=RESTARTS,
        monitor_interval=_LOOK_EVERY, local_addr=os.environ.get("PET_LOCAL_ADDR"), logs_specs=DefaultLogsSpecs(log_dir=logs),
    )  # fmt: skip


def _said(name: str, job: Job) -> str:
    """A variable of the Trainer's; StageError MLS704 where nobody set it."""
    value = os.environ.get(name, "")
    if value:
        return value
    raise StageError(
        "MLS704", f"nothing says which machine of the training of `{job.block}` this is", f"{job.block}.strategy", expected=f"the variable {name}",
        found="none", help="this runs in the pods of a `TrainJob` whose runtime has the policy `torch`",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
