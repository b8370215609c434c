"""What TensorBoard shows of a training: curves an epoch, and a profile of its first steps. Nothing of it enters a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.errors import StageError

PROFILE_WAIT = 2  # steps that warm up caches before the profiled ones


class Board:
    """A writer of event files in `folder`; without `config` one that writes nothing."""

    def __init__(self, config: Mapping[str, Any] | None, folder: Path | None, where: str) -> None:
        self._writer: Any = None
        self._profiler: Any = None
        self._scalars = bool(config and config["scalars"])
        self._pictures = 0 if config is None or folder is None else int(config["images"])
        if config is None or folder is None:
            return
        for path in sorted(files.make_folder(folder).glob("events.out.*")):
            files.remove_tree(path)  # of an attempt that ended: what it wrote is written again, with what comes after
        if self._scalars or self._pictures:
            self._writer = _writer(folder, where)
        if config["profile_steps"]:
            self._profiler = _profiler(folder, int(config["profile_steps"]))

    @property
    def pictures(self) -> int:
        """How many images of rows are to be seen."""
        return self._pictures

    def show(self, planes: Any) -> None:
        """Images as the network is given them in the first epoch, (n, channels, height, width) from 0 to 1."""
        if self._writer is not None:
            self._writer.add_images("images", planes, 1)
            self._writer.flush()

    def begin(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write what is known already, and begin the profile."""
        for record in history:
            self.epoch(record)
        if self._profiler is not None:
            self._profiler.start()

    def step(self) -> None:
        """A step is done."""
        if self._profiler is not None:
            self._profiler.step()

    @property
    def profiles(self) -> bool:
        """Whether steps are counted."""
        return self._profiler is not None

    def epoch(self, record: Mapping[str, Any]) -> None:
        """The numbers of an epoch, at its number."""
        if self._writer is None or not self._scalars:
            return
        for name, value in record.items():
            if name != "epoch" and isinstance(value, int | float):
                self._writer.add_scalar(name, value, record["epoch"])
        self._writer.flush()

    def close(self) -> None:
        """Finish the files."""
        if self._profiler is not None:
            with suppress(RuntimeError):  # a profile that was not begun has nothing to stop
                self._profiler.stop()
        if self._writer is not None:
            self._writer.close()


def _writer(folder: Path, where: str) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise StageError(
            "MLS812", "`tensorboard` needs the library `tensorboard`, which is not installed", f"{where}.tensorboard", expected="tensorboard",
            found=f"no module `{error.name}`", help="install it: pip install 'mlspec-lang[torch]'",
        ) from error  # fmt: skip
    return SummaryWriter(str(folder))


def _profiler(folder: Path, steps: int) -> Any:
    from torch import profiler

    return profiler.profile(
        schedule=profiler.schedule(wait=0, warmup=PROFILE_WAIT, active=steps, repeat=1),
        on_trace_ready=profiler.tensorboard_trace_handler(str(folder), use_gzip=True), record_shapes=True,
    )  # fmt: skip
