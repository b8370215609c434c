"""A stored `mlspec diff --format json` that nobody vouches for: what is not exactly such a document is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from mlspec.diagnostics.levels import LEVELS
from mlspec.diff.change import ACTIONS, EFFECTS

MAX_BYTES = 2 * 2**20
MAX_TEXT = 4_000
_STATUSES = ("same", "changed", "added", "removed", "failed")
_CODE = re.compile(r"MLS[0-9]{3}")
_RULE = re.compile(r"[a-z-]{1,40}")


class ReportError(Exception):
    """The report is not one that `mlspec diff --format json` writes; the text says where."""


def read_report(data: bytes) -> dict[str, Any]:
    """The document, with nothing in it but what it must have."""
    if len(data) > MAX_BYTES:
        _refuse("the report", f"at most {MAX_BYTES // 2**20} MiB")
    try:
        given = json.loads(data.decode("utf-8"), parse_constant=lambda text: _refuse(text, "a number"))
    except (ValueError, RecursionError):
        _refuse("the report", "JSON in UTF-8")
    document = _fields(given, "the report", {"format": _number, "effects": _anything, "files": _list_of(_file)})
    if document["format"] != 1:
        _refuse("format", "1: another version of mlspec wrote it")
    return document


Reader = Callable[[Any, str], Any]


def _refuse(where: str, wanted: str) -> NoReturn:
    raise ReportError(f"{where} is not {wanted}")


def _fields(given: Any, where: str, readers: dict[str, Reader]) -> dict[str, Any]:
    if not isinstance(given, dict) or set(given) != set(readers):
        _refuse(where, f"an object of {', '.join(readers)}")
    return {name: read(given[name], f"{where}: {name}") for name, read in readers.items()}


def _file(given: Any, where: str) -> dict[str, Any]:
    return _fields(given, where, {
        "path": _text, "status": _one_of(_STATUSES), "comparable_numbers": _flag, "stages": _or_none(_stages),
        "errors": _list_of(_error), "changes": _list_of(_change),
    })  # fmt: skip


def _error(given: Any, where: str) -> dict[str, Any]:
    return _fields(given, where, {"code": _matching(_CODE), "message": _text, "place": _or_none(_place)})


def _change(given: Any, where: str) -> dict[str, Any]:
    return _fields(given, where, {
        "effect": _one_of(EFFECTS), "rule": _matching(_RULE), "where": _text, "old": _text, "new": _text, "why": _text,
        "security": _flag, "comparable_numbers": _flag, "code": _or_none(_matching(_CODE)), "fingerprint": _text,
        "old_place": _or_none(_place), "new_place": _or_none(_place), "stages": _stages,
        "level": _one_of(LEVELS), "waived": _or_none(_waived),
    })  # fmt: skip


def _waived(given: Any, where: str) -> dict[str, Any]:
    return _fields(
        given, where, {"waiver": _text, "owner": _text, "reason": _text, "expires": _text, "place": _or_none(_place)}
    )


def _place(given: Any, where: str) -> dict[str, Any]:
    return _fields(given, where, {"file": _text, "line": _number, "column": _number})


def _stages(given: Any, where: str) -> dict[str, list[str]]:
    if not isinstance(given, dict) or not set(given) <= set(ACTIONS):
        _refuse(where, f"an object of {', '.join(ACTIONS)}")
    return {name: _list_of(_text)(given[name], f"{where}: {name}") for name in ACTIONS if name in given}


def _anything(given: Any, where: str) -> None:
    """Counts: the page makes its own."""


def _text(given: Any, where: str) -> str:
    if not isinstance(given, str) or len(given) > MAX_TEXT:
        _refuse(where, f"a text of at most {MAX_TEXT:,} characters")
    return given.encode("utf-8", "replace").decode("utf-8")


def _number(given: Any, where: str) -> int:
    if type(given) is not int or not 0 <= given < 10**9:
        _refuse(where, "a whole number")
    return int(given)


def _flag(given: Any, where: str) -> bool:
    if not isinstance(given, bool):
        _refuse(where, "true or false")
    return given


def _one_of(words: tuple[str, ...]) -> Reader:
    def read(given: Any, where: str) -> str:
        if given not in words or not isinstance(given, str):
            _refuse(where, f"one of {', '.join(words)}")
        return given

    return read


def _matching(pattern: re.Pattern[str]) -> Reader:
    def read(given: Any, where: str) -> str:
        if not isinstance(given, str) or pattern.fullmatch(given) is None:
            _refuse(where, f"`{pattern.pattern}`")
        return given

    return read


def _or_none(reader: Reader) -> Reader:
    return lambda given, where: None if given is None else reader(given, where)


def _list_of(reader: Reader) -> Reader:
    def read(given: Any, where: str) -> list[Any]:
        if not isinstance(given, list):
            _refuse(where, "a list")
        return [reader(item, f"{where} {index}") for index, item in enumerate(given)]

    return read
