"""What TensorBoard shows of a training on TensorFlow: curves an epoch, and a profile of its first steps. Nothing of it enters a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlspec.runtime import files

_WAIT = 2  # steps that warm up caches before the profiled ones


class Board:
    """A writer of event files in `folder`; without `config` one that writes nothing."""

    def __init__(self, config: Mapping[str, Any] | None, folder: Path | None) -> None:
        self._writer: Any = None
        self._folder, self._wanted, self._steps, self._profiles = folder, 0, 0, False
        if config is None or folder is None:
            return
        for path in sorted(files.make_folder(folder).glob("events.out.*")):
            files.remove_tree(path)  # of an attempt that ended: what it wrote is written again, with what comes after
        self._wanted = int(config["profile_steps"])
        if config["scalars"]:
            import tensorflow as tf

            self._writer = tf.summary.create_file_writer(str(folder))

    def begin(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write what is known already."""
        for record in history:
            self.epoch(record)

    def step(self) -> None:
        """A step is done; those after the first ones are profiled, as many as are wanted."""
        if not self._wanted:
            return
        import tensorflow as tf

        self._steps += 1
        if self._steps == _WAIT:
            tf.profiler.experimental.start(str(self._folder))
            self._profiles = True
        elif self._steps == _WAIT + self._wanted:
            self._stop()

    @property
    def profiles(self) -> bool:
        """Whether steps are still counted."""
        return bool(self._wanted) and self._steps < _WAIT + self._wanted

    def epoch(self, record: Mapping[str, Any]) -> None:
        """The numbers of an epoch, at its number."""
        if self._writer is None:
            return
        import tensorflow as tf

        with self._writer.as_default():
            for name, value in record.items():
                if name != "epoch" and isinstance(value, int | float):
                    tf.summary.scalar(name, value, record["epoch"])
        self._writer.flush()

    def close(self) -> None:
        """Finish the files."""
        self._stop()
        if self._writer is not None:
            self._writer.close()

    def _stop(self) -> None:
        if self._profiles:
            import tensorflow as tf

            tf.profiler.experimental.stop()
            self._profiles = False
