"""The externs of a stage, a package or a test: a process each, started when it is first asked, on typed columns."""

from __future__ import annotations

import json
import math
import struct
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.extern import frames
from mlspec.runtime.extern.declaration import Declaration, ReadCode
from mlspec.runtime.extern.types import arrow_type, kind_of

if TYPE_CHECKING:
    from mlspec.runtime.extern.process import Process

_NUMBER = struct.Struct("<q")
SAMPLE = 200
"""Rows of the first batch that a deterministic extern is asked again, in the other direction."""


class Externs:
    """Answers calls by name. To be closed; a process that died is started again by the next call.

    `partial` says that rows may lack values which their columns never lack, as those of a test do: of them nothing is computed.
    """

    def __init__(self, declared: Mapping[str, Declaration], code: ReadCode, *, partial: bool = False) -> None:
        self.declared = dict(declared)
        self.partial = partial
        self._code = code
        self._running: dict[str, Process] = {}
        weakref.finalize(self, _close, self._running)
        self._held_to: set[str] = set()
        self._measures = 0
        self._starting = threading.Lock()

    def __enter__(self) -> Externs:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process."""
        _close(self._running)

    def start(self) -> None:
        """Start every process now, so that no request waits for one."""
        for name in self.declared:
            self._process(name)

    def call(self, name: str, columns: Sequence[Any]) -> Any:
        """The results for rows given as Arrow arrays, one a parameter: an Arrow array as long as they are."""
        declaration = self.declared[name]
        given = {
            parameter: column.cast(arrow_type(kind_of(kind)), safe=False)
            for (parameter, kind), column in zip(declaration.parameters, columns, strict=True)
        }
        lacking = _lacking(declaration, given) if self.partial else []
        if any(lacking):
            return self._of_whole_rows(name, given, lacking)
        with self._held(name) as process:
            found = _asked(process, given)
            if declaration.deterministic and name not in self._held_to and len(found):
                self._held_to.add(name)
                _same_again(process, given, found)
        return found

    def closed(self, name: str) -> bool:
        """Whether the network of an extern is as it declares."""
        return self._process(name).closed

    def kept(self, name: str) -> bool:
        """Whether the files of the machine are out of reach of an extern."""
        return self._process(name).kept

    @contextmanager
    def _held(self, name: str) -> Iterator[Process]:
        """A running process that nobody else asks; whoever waited for one that ended meanwhile gets the next."""
        while True:
            process = self._process(name)
            with process.lock:
                if process.running:
                    yield process
                    return

    def _process(self, name: str) -> Process:
        from mlspec.runtime.extern.process import Process

        with self._starting:
            process = self._running.get(name)
            if process is None or not process.running:
                if process is not None:
                    process.close()
                declaration = self.declared[name]
                _need_arrow(declaration)
                process = self._running[name] = Process(declaration, self._code(declaration))
            return process

    def _of_whole_rows(self, name: str, given: Mapping[str, Any], lacking: Sequence[bool]) -> Any:
        """The results for rows that lack nothing; null for the others."""
        import pyarrow as pa

        whole = pa.array([place for place, lacks in enumerate(lacking) if not lacks], type=pa.int64())
        found = iter(self.call(name, [column.take(whole) for column in given.values()]).to_pylist())
        values = [None if lacks else next(found) for lacks in lacking]
        return pa.array(values, type=arrow_type(kind_of(self.declared[name].result)))

    def table(self, name: str, given: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]) -> Any:
        """The table of these columns that a step makes of tables by parameter; a deterministic one makes it twice, and equal."""
        declaration = self.declared[name]
        with self._held(name) as process:
            found = _made(process, given, columns)
            if declaration.deterministic and name not in self._held_to:
                self._held_to.add(name)
                if not _made(process, given, columns).equals(found):
                    raise _two_results(declaration, "of the same tables")
        return found

    def measure(self, name: str, columns: Sequence[Any]) -> Measure:
        """A metric over columns that are sent once."""
        self._measures += 1
        return Measure(self._process(name), columns, self._measures)


def _close(running: dict[str, Process]) -> None:
    while running:
        running.popitem()[1].close()


class Measure:
    """A metric of some rows: of all of them, and of as many drawings of them as one likes."""

    def __init__(self, process: Process, columns: Sequence[Any], number: int) -> None:
        self._process = process
        self._number = _NUMBER.pack(number)
        names = [name for name, _ in process.declaration.parameters]
        with process.lock:
            process.ask(b"D", self._number + frames.to_arrow(dict(zip(names, columns, strict=True))))

    def whole(self) -> float:
        """The value over all rows; a deterministic extern is asked twice."""
        with self._process.lock:
            found = [self._value(b"W", self._number) for _ in range(2 if self._process.declaration.deterministic else 1)]
        if found[0] != found[-1]:
            raise _two_results(self._process.declaration, "of the same rows")
        return found[0]

    def drawn(self, counts: bytes) -> float:
        """The value over each row as often as the counts say, 32 bits a row."""
        with self._process.lock:
            return self._value(b"I", self._number + counts)

    def _value(self, letter: bytes, content: bytes) -> float:
        answer = self._process.ask(letter, content)
        try:
            value = json.loads(answer)
        except ValueError:
            value = None
        if type(value) is not float or not math.isfinite(value):
            raise _wrong(self._process.declaration, "an answer that is no number")
        return value


def _lacking(declaration: Declaration, given: Mapping[str, Any]) -> list[bool]:
    """For each row whether it lacks a value that a parameter without `?` takes."""
    required = [given[name].is_null().to_pylist() for name, kind in declaration.parameters if not kind.endswith("?")]
    return [any(row) for row in zip(*required, strict=True)]


def _asked(process: Process, given: Mapping[str, Any]) -> Any:
    """One batch there and back; what comes is looked at again, since the process that looked at it ran the code."""
    import pyarrow as pa

    declaration = process.declaration
    rows = len(next(iter(given.values())))
    if not rows:
        return pa.array([], type=arrow_type(kind_of(declaration.result)))
    answer = process.ask(b"A", frames.to_arrow(dict(given)))
    try:
        return _column(declaration, answer, rows)
    except StageError:
        process.close()  # what else it wrote would be taken for the next answer
        raise


def _made(process: Process, given: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]) -> Any:
    """A step there and back, and what came looked at again."""
    import pyarrow as pa

    from mlspec.runtime.extern.tables import named, same

    declaration = process.declaration
    for parameter, table in given.items():
        process.ask(b"P", named(parameter, frames.table_to_arrow(table)))
    answer = process.ask(b"T", frames.to_json({"columns": [dict(column) for column in columns]}))
    try:
        found = frames.from_arrow(answer)
    except (pa.ArrowException, OSError, ValueError) as error:
        process.close()
        raise _wrong(declaration, "bytes that are no Arrow columns") from error
    if why := same(found, columns):
        process.close()
        raise _wrong(declaration, why)
    return found


def _column(declaration: Declaration, answer: bytes, rows: int) -> Any:
    import pyarrow as pa

    try:
        table = frames.from_arrow(answer)
    except (pa.ArrowException, OSError, ValueError) as error:  # an end too early is no error of Arrow's own
        raise _wrong(declaration, "bytes that are no Arrow columns") from error
    if table.column_names != ["value"] or table.num_rows != rows:
        raise _wrong(declaration, f"{table.num_rows:,} values of {rows:,} rows")
    found = table.column(0).combine_chunks()
    _look(declaration, found)
    return found


def _look(declaration: Declaration, found: Any) -> None:
    import pyarrow.compute as pc

    kind = kind_of(declaration.result)
    if found.type != arrow_type(kind):
        raise _wrong(declaration, f"a column of {found.type}")
    if found.null_count and not declaration.result.endswith("?"):
        raise _wrong(declaration, "null, where the result has no `?`")
    if kind == "float" and pc.call_function("all", [pc.call_function("is_finite", [found])]).as_py() is False:
        raise _wrong(declaration, "a number that is not finite")
    if declaration.values is not None:
        known = set(declaration.values)
        if any(value not in known for value in pc.call_function("unique", [found]).to_pylist() if value is not None):
            raise _wrong(declaration, "a text that is no value of the category")


def _wrong(declaration: Declaration, found: str) -> StageError:
    return StageError("MLS826", f"extern `{declaration.name}` gave what it does not declare", declaration.where,
                      expected="the columns of the source" if declaration.role == "step" else f"`{declaration.result}` for every row", found=found,
                      help=f"mend `{declaration.code}`, or declare what it gives")  # fmt: skip


def _same_again(process: Process, given: Mapping[str, Any], found: Any) -> None:
    """Ask for some rows again, last one first: a value that comes from the clock, from chance or from the row before differs."""
    import pyarrow as pa

    places = pa.array(range(min(len(found), SAMPLE) - 1, -1, -1), type=pa.int64())
    again = _asked(process, {name: column.take(places) for name, column in given.items()})
    if not again.equals(found.take(places)):
        raise _two_results(process.declaration, "of the same row")


def _two_results(declaration: Declaration, what: str) -> StageError:
    return StageError(
        "MLS828", f"extern `{declaration.name}` gives the same input two results", f"{declaration.name}.deterministic",
        expected="one result for one input, as `deterministic = true` says", found=f"two results {what}",
        help="take the clock, chance and what it remembers out of the code; or say `deterministic = false`",
    )  # fmt: skip


def _need_arrow(declaration: Declaration) -> None:
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise StageError(
            "MLS812", f"extern `{declaration.name}` needs pyarrow, which is not installed", declaration.where,
            expected="pyarrow, which carries its columns", found="none", help="pip install pyarrow",
        )  # fmt: skip
