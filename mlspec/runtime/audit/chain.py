"""The chain of an audit log: records that name the one before them, and a head that counts them.

A record is a line of canonical JSON. It holds its number `n`, the digest of the record before it, and its own digest over
all the rest, so that a changed, moved or missing line breaks the chain at its place. What the chain alone cannot show, the
last lines cut off, the head shows: the count and digest of the last record, in a file of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.graph.canonical import canonical_bytes, digest_of

FORMAT = 1
NOTHING = "0" * 64
"""Stands for the digest of the record before the first."""


@dataclass(frozen=True, slots=True)
class Head:
    """How many records a log holds, the digest of the last of them, and where it ends in bytes."""

    count: int = 0
    digest: str = NOTHING
    size: int = 0

    def line(self) -> bytes:
        """The head as its file holds it."""
        return canonical_bytes({"count": self.count, "digest": self.digest, "format": FORMAT, "size": self.size}) + b"\n"


@dataclass(frozen=True, slots=True)
class Chain:
    """A log that was read: its sound records up to the first fault, what is wrong, and what only needs saying.

    `head` is that of the sound records, `counted` how many of them the head file counts, `torn` how many bytes lie behind the last
    whole line: they are no record, hold nothing, and need no mending.
    """

    records: tuple[Mapping[str, Any], ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    head: Head = Head()
    torn: int = 0
    counted: int = 0

    @property
    def sound(self) -> bool:
        return not self.problems

    def holds(self, digest: str) -> bool:
        """Whether the record with this digest is in the chain, or it is the digest of no record at all."""
        return digest == NOTHING or any(record["digest"] == digest for record in self.records)


def record_line(head: Head, body: Mapping[str, Any]) -> tuple[bytes, Head]:
    """The line that adds `body` behind `head`, and the head with it."""
    record = {"format": FORMAT, **body, "n": head.count + 1, "previous": head.digest}
    digest = digest_of(record)
    line = canonical_bytes({**record, "digest": digest}) + b"\n"
    return line, Head(head.count + 1, digest, head.size + len(line))


def read_chain(log: bytes, head: bytes | None) -> Chain:
    """The chain in the bytes of a log and of its head file, None where there is none. Every fault is a problem, none raises."""
    records: list[Mapping[str, Any]] = []
    heads = [Head()]
    fault = ""
    for line, end in _lines(log):
        fault, record = _check(line, heads[-1])
        if record is None:
            break
        records.append(record)
        heads.append(Head(len(records), str(record["digest"]), end))
    at = heads[-1]
    torn = 0 if fault else len(log) - at.size
    tail = f"{torn} bytes behind record {at.count} are no record: a killed writer leaves such. Nothing is to be done, the next one removes them"
    beside, note = _compare_head(heads, head, bool(fault))
    problems = tuple(text for text in (fault, beside) if text)
    named = None if head is None else parse_head(head)
    counted = 0 if named is None else max(0, min(named.count, at.count))
    return Chain(tuple(records), problems, tuple(text for text in (note, tail if torn else "") if text), at, torn, counted)


def _lines(log: bytes) -> Iterator[tuple[bytes, int]]:
    """Each whole line without its end, and where the next one begins."""
    at = 0
    while (end := log.find(b"\n", at)) >= 0:
        yield log[at:end], end + 1
        at = end + 1


def _check(line: bytes, at: Head) -> tuple[str, dict[str, Any] | None]:
    """("", record) of a line that follows `at`, else why it does not."""
    number = at.count + 1
    record = parse_record(line)
    if record is None:
        return f"record {number} is not as mlspec wrote it: it was edited", None
    if record.get("n") != number:
        return f"where record {number} belongs stands record {record.get('n')}: a line was removed or moved", None
    if record.get("previous") != at.digest:
        return f"record {number} does not follow the one before it: a line was exchanged", None
    return "", record


def parse_record(line: bytes) -> dict[str, Any] | None:
    """The record of a line whose own digest holds; None for anything else, other spellings of the same JSON included."""
    try:
        record = json.loads(line)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            return None
        rest = {name: value for name, value in record.items() if name != "digest"}
        sound = record.get("digest") == digest_of(rest) and canonical_bytes(record) == line
    except (ValueError, RecursionError):
        return None
    return record if sound else None


def parse_head(data: bytes) -> Head | None:
    """The head in the bytes of its file; None where they are not what mlspec writes."""
    try:
        value = json.loads(data)
        head = Head(value["count"], value["digest"], value["size"])
        sound = head.line() == data and all(type(number) is int for number in (head.count, head.size))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return head if sound else None


def _compare_head(heads: list[Head], data: bytes | None, broken: bool) -> tuple[str, str]:
    """What the head file says of the records that were read: a problem, and a note that is none."""
    last = heads[-1]
    if data is None:
        return ("the head file is missing, which says how many records there are" if last.count or broken else ""), ""
    head = parse_head(data)
    if head is None or head.count < 0:
        return "the head file is not as mlspec wrote it: it was edited", ""
    if head.count > last.count:
        # A chain that is broken before its end says that already.
        return (
            "" if broken else f"the log ends after record {last.count}, and its head counts {head.count}: its end was cut off"
        ), ""
    if head != heads[head.count]:
        return f"the head names another record {head.count} than the log has", ""
    if last.count == head.count + 1:
        return (
            "",
            f"record {last.count} is whole, and its writer was killed before the head named it: an override in it does not count "
            "until the next run, override or server that is recorded takes it over",
        )
    return (f"the log has {last.count - head.count} records more than its head counts" if last.count > head.count else ""), ""
