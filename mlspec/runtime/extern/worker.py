"""The process of one extern: `python -m mlspec.runtime.extern.worker LIFELINE`, commands on its input, answers on its output.

The code comes as text that its parent verified; nothing is looked up in the project. What the code prints goes to standard error,
or nowhere where it is given personal data.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime.extern import confine, frames

if TYPE_CHECKING:
    from mlspec.runtime.extern.learner import Learner
    from mlspec.runtime.extern.tables import Steps


def main() -> None:
    """Confine, load, answer until the input ends."""
    commands, answers = os.dup(0), os.dup(1)
    started = frames.read(commands)
    if started is None:
        return
    import json

    say: Mapping[str, Any] = json.loads(started[1])
    held = confine.confine(
        int(say["memory"]), network=bool(say["network"]), gpu=bool(say["gpu"]), write=[str(Path.cwd()), *say["write"]],
        **({"largest": int(say["memory"])} if say["role"] == "network" else {}),
    )  # fmt: skip
    confine.end_with(int(sys.argv[1]))
    _quiet(bool(say["private"]))
    confine.more_time(float(say["time_limit"]))
    try:
        worker = _worker(say, answers)
    except BaseException as error:
        frames.write(answers, b"E", frames.to_json(_told(error, say)))
        return
    frames.write(answers, b"R", frames.to_json(held._asdict()))
    while (message := frames.read(commands)) is not None:
        confine.more_time(float(say["time_limit"]))
        try:
            frames.write(answers, *worker.answer(*message))
        except BaseException as error:
            frames.write(answers, b"E", frames.to_json(_told(error, say) | {"row": worker.row}))


def _worker(say: Mapping[str, Any], answers: int) -> Worker | Steps | Learner:
    """What answers for an extern of this role."""
    if say["role"] not in ("step", "network"):
        return Worker(say)
    from mlspec.runtime.extern.modules import load

    function = load(say["files"], str(say["code"]), str(say["function"]))
    if say["role"] == "step":
        from mlspec.runtime.extern.tables import Steps

        return Steps(function)
    from mlspec.runtime.extern.learner import Learner

    return Learner(function, _teller(answers, float(say["time_limit"])))


def _teller(answers: int, time_limit: float) -> Callable[[float, float, str], None]:
    """Says how far a training is, and gives the process its time anew."""

    def tell(done: float, total: float, note: str) -> None:
        confine.more_time(time_limit)
        frames.write(answers, b"G", frames.to_json([done, total, note]))

    return tell


def _quiet(private: bool) -> None:
    """Keep what the code prints away from the answers."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing if private else 2, 1)
    if private:
        os.dup2(nothing, 2)


class Worker:
    """The loaded function and what it was given."""

    def __init__(self, say: Mapping[str, Any]) -> None:
        from mlspec.runtime.extern.modules import load
        from mlspec.runtime.extern.types import kind_of

        self.function: Callable[..., Any] = load(say["files"], str(say["code"]), str(say["function"]))
        self.kind, self.optional = kind_of(str(say["result"])), str(say["result"]).endswith("?")
        self.values = None if say["values"] is None else frozenset(say["values"])
        self.row: int | None = None
        self.given: dict[bytes, Sequence[Any]] = {}

    def answer(self, letter: bytes, content: bytes) -> tuple[bytes, bytes]:
        """The answer to one command: `A` rows; of a metric, by number, `D` the columns, `W` of all rows, `I` of drawn ones."""
        if letter == b"A":
            return b"A", self._rows(content)
        number, content = content[:8], content[8:]
        if letter == b"D":
            table = frames.from_arrow(content)
            self.given[number] = [_numpy(table.column(place)) for place in range(table.num_columns)]
            return b"V", b"null"
        given = self.given[number]
        if letter == b"I":
            import numpy as np

            places = np.repeat(np.arange(len(given[0])), np.frombuffer(content, dtype="<i4"))
            given = [column[places] for column in given]
        return b"V", frames.to_json(self._checked(self.function(*given)))

    def _rows(self, content: bytes) -> bytes:
        import pyarrow as pa

        from mlspec.runtime.extern.types import arrow_type

        table = frames.from_arrow(content)
        columns = [table.column(place).to_pylist() for place in range(table.num_columns)]
        function, given = self.function, []
        for self.row, values in enumerate(zip(*columns, strict=True)):
            given.append(function(*values))
        found = given if self._plainly_fit(given) else self._each_checked(given)
        self.row = None
        return frames.to_arrow({"value": pa.array(found, type=arrow_type(self.kind))})

    def _plainly_fit(self, given: list[Any]) -> bool:
        """Whether all values are what is declared, seen without looking at each: of a type that Arrow takes as it is."""
        plain = {"float": float, "bool": bool, "string": str}.get(self.kind)
        if (
            plain is None
            or self.values is not None
            or not {*map(type, given)} <= {plain, *((type(None),) if self.optional else ())}
        ):
            return False
        return plain is not float or all(map(math.isfinite, filter(None, given)))

    def _each_checked(self, given: list[Any]) -> list[Any]:
        found = []
        for self.row, value in enumerate(given):
            found.append(self._checked(value))
        return found

    def _checked(self, value: Any) -> Any:
        from mlspec.runtime.extern.types import checked

        return checked(value, self.kind, self.optional, self.values)


def _numpy(column: Any) -> Any:
    return column.combine_chunks().to_numpy(zero_copy_only=False)


def _told(error: BaseException, say: Mapping[str, Any]) -> dict[str, Any]:
    """An error as its parent reports it: the last place in the files of the extern; no text of it where that may quote data."""
    from mlspec.runtime.errors import StageError
    from mlspec.runtime.extern.types import Unfit

    if isinstance(error, Unfit):
        return {"kind": "result", "text": str(error)}
    if isinstance(error, StageError):
        return {"kind": "stage", "error": error.to_json()}
    place = ""
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name in say["files"]:
            place = f"{name}:{trace.tb_lineno} in {trace.tb_frame.f_code.co_name}"
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename in say["files"]:
        place = f"{error.filename}:{error.lineno}"
    text = ""
    if not say["private"]:
        with suppress(Exception):  # a `__str__` that fails has nothing to say
            text = " ".join(str(error).split())[:500]
    return {
        "kind": "memory" if isinstance(error, MemoryError) else "raised",
        "type": type(error).__name__,
        "text": text,
        "place": place,
    }


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry) != Path.cwd()]
    main()
