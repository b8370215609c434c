"""Reading the request log of a window: whole lines of one package, a batch at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from mlspec.runtime.errors import StageError

BATCH = 5_000
LINE_BYTES = 256 * 1024  # the server writes no longer line
DESCRIPTION = "fields.json"
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z")


@dataclass
class Seen:
    """What a reading found beside the records it gave."""

    records: int = 0
    other_packages: int = 0
    torn: int = 0
    odd: int = 0
    future: int = 0


def stamp(moment: datetime) -> str:
    """A moment as the log writes it, which sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_window(
    folder: Path,
    begin: datetime,
    end: datetime,
    package: str,
    seen: Seen,
    fits: Callable[[dict[str, Any]], bool] = lambda _: True,
) -> Iterator[list[dict[str, Any]]]:
    """Records with begin < at <= end of the package with this digest whose values fit, in batches."""
    low, high = stamp(begin), stamp(end)
    batch: list[dict[str, Any]] = []
    for path in _days(folder, begin, end):
        for record in _records(path, seen):
            if not low < record["at"] <= high:
                seen.future += record["at"] > high
                continue
            if record["model"] != package:
                seen.other_packages += 1
                continue
            if not fits(record):
                seen.odd += 1
                continue
            seen.records += 1
            batch.append(record)
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def count_later(folder: Path, end: datetime, seen: Seen) -> None:
    """Count the records of days after `end` too: a clock that was moved leaves them, and no window has seen them."""
    for path in sorted(folder.glob("????-??-??.jsonl")):
        if path.stem > end.astimezone(UTC).date().isoformat():
            seen.future += sum(1 for _ in _records(path, Seen()))


def _days(folder: Path, begin: datetime, end: datetime) -> Iterator[Path]:
    day = begin.astimezone(UTC).date()
    while day <= end.astimezone(UTC).date():
        path = folder / f"{day.isoformat()}.jsonl"
        if path.is_file():
            yield path
        day += timedelta(days=1)


def _records(path: Path, seen: Seen) -> Iterator[dict[str, Any]]:
    """The whole records of a file; a server that was killed leaves a torn line, which is counted and passed over."""
    try:
        with path.open("rb") as file:
            for line in _lines(file):
                record = _whole(line)
                if record is None:
                    seen.torn += bool(line.strip())
                else:
                    yield record
    except OSError as error:
        raise StageError(
            "MLS818", f"the request log `{path.name}` cannot be read: {error.strerror}", "", expected="a readable file",
            found=str(error.strerror), help="give this user the right to read it",
        ) from error  # fmt: skip


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file; of one that is longer than any record, what would be its first piece is enough to refuse it."""
    while line := file.readline(LINE_BYTES + 1):
        yield line
        while len(line) > LINE_BYTES and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES + 1)
            if not line:
                return


def _whole(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    good = isinstance(record, dict) and _AT.match(str(record.get("at"))) and isinstance(record.get("fields"), dict)
    return record if good and "model" in record else None


class LogView:
    """Where a log holds the score, the decision and the features: read from the description beside it.

    The server writes `fields.json` when it starts: the declared fields with their expressions.
    """

    def __init__(self, fields: list[Mapping[str, Any]]) -> None:
        self.fields = fields
        self.score = self._name_of(_is_score)
        self.decision = self._name_of(lambda form: form[:2] == ["ambient", "decision"])
        self._features: dict[str, tuple[str, bool]] = {}
        for field in fields:
            form = field["expression"]
            if form[0] == "features":
                self._features |= dict.fromkeys(form[1], (field["name"], True))
            elif form[0] == "feature":
                self._features[form[1]] = (field["name"], False)

    def _name_of(self, fits: Any) -> str | None:
        return next((str(field["name"]) for field in self.fields if fits(field["expression"])), None)

    def has_feature(self, name: str) -> bool:
        """Whether the log holds the feature."""
        return name in self._features

    def feature(self, record: Mapping[str, Any], name: str) -> Any:
        """The feature's value in a record; None where it is null, KeyError where the record lacks it."""
        field, inside = self._features[name]
        value = record["fields"][field]
        return value[name] if inside else value


def _is_score(form: list[Any]) -> bool:
    """The score itself, or the score rounded: the same distribution to the digits that were kept."""
    if form[0] == "call" and form[1] == "round":
        form = form[2][0]
    return form[:2] in (["ambient", "score"], ["ambient", "probability"])


def read_view(folder: Path, where: str) -> LogView:
    """The view of the log in `folder`; MLS818 when no server has written there yet."""
    path = folder / DESCRIPTION
    try:
        described = json.loads(path.read_text("utf-8"))
        return LogView(described["fields"])
    except FileNotFoundError:
        raise StageError(
            "MLS818", f"the request log `{folder.name}` cannot be read: nothing was served yet", where,
            expected=f"{DESCRIPTION} beside the log", found="no such file", help="start `mlspec serve` and send it a request",
        ) from None  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StageError(
            "MLS818", f"the request log `{folder.name}` cannot be read: its description is damaged", where,
            expected="JSON as the server wrote it", found=type(error).__name__, help="start the server again: it writes it anew",
        ) from error  # fmt: skip
