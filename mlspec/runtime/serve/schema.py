"""The request schema of a package: pydantic types made from its columns, and refusals that echo nothing of the request."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from mlspec.runtime.image.decode import MAX_PIXELS
from mlspec.runtime.image.text import claimed_by_text
from mlspec.runtime.serve.columns import expected, value_type

SHOWN = 20
_NOT_FINITE = "a number that is not finite, or too large"
# What pydantic calls a failure, in our words. Everything else is a wrong type.
_FOUND = {
    "missing": "no such field",
    "extra_forbidden": "a field that is none of these",
    "literal_error": "another value",
    "greater_than_equal": "a value out of range",
    "less_than_equal": "a value out of range",
    "finite_number": _NOT_FINITE,
    "value_error": "a value that does not fit",
}
_TYPES = frozenset({"a bool", "a number", "a string", "an object", "a list"})


class RequestRefused(Exception):
    """A well-formed body that is no request of this package; `errors` are safe to send back."""

    def __init__(self, code: str, errors: Sequence[Mapping[str, str]], more: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.errors = list(errors)
        self.more = more


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a bool"
    if isinstance(value, int | float):
        return _NOT_FINITE if isinstance(value, float) and not math.isfinite(value) else "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, dict) else "a list"


class RequestSchema:
    """Reads the decoded body of a request into typed records."""

    def __init__(self, columns: Sequence[Mapping[str, Any]], max_records: int) -> None:
        self.columns = {column["name"]: column for column in columns}
        self.max_records = max_records
        self.images = [name for name, column in self.columns.items() if column["type"] == "image"]
        self._optional = [name for name, column in self.columns.items() if column.get("optional")]
        self._adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(self._record_type())

    def _record_type(self) -> Any:
        kinds: dict[str, Any] = {}
        for name, column in self.columns.items():
            kind = value_type(column)
            kinds[name] = NotRequired[kind | None] if column.get("optional") else kind
        record = TypedDict("Record", kinds)  # type: ignore[misc]
        return with_config(ConfigDict(extra="forbid", title="Record"))(record)

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of one record."""
        return self._adapter.json_schema()

    def read(self, body: Any) -> tuple[list[dict[str, Any]], bool]:
        """The records of a decoded body, and whether it was a batch."""
        if not isinstance(body, dict):
            raise RequestRefused("MLS805", [_row("MLS805", "", 'an object: one record, or {"records": […]}', _json_type(body))])
        if set(body) == {"records"} and isinstance(body["records"], list):
            return self._read_batch(body["records"]), True
        return [self._read_one(body, "")], False

    def _read_batch(self, rows: list[Any]) -> list[dict[str, Any]]:
        if not 1 <= len(rows) <= self.max_records:
            found = f"{len(rows)} records"
            raise RequestRefused("MLS805", [_row("MLS805", "records", f"1 to {self.max_records} records", found)])
        self._refuse_pixels(rows)
        records: list[dict[str, Any]] = []
        errors: list[Mapping[str, str]] = []
        more = 0
        for at, row in enumerate(rows):
            try:
                records.append(self._read_one(row, f"records[{at}]"))
            except RequestRefused as refused:
                room = SHOWN - len(errors)
                errors.extend(refused.errors[:room])
                more += refused.more + len(refused.errors[room:])
        if errors:
            raise RequestRefused(_worst_code(errors), errors, more)
        return records

    def _refuse_pixels(self, rows: list[Any]) -> None:
        """No more pixels in all pictures of a batch than one may have: a thousand bytes are enough for a large white one."""
        pixels = 0
        for row in rows if self.images else ():
            pixels += (
                sum(claimed_by_text(row.get(name), self.columns[name]) for name in self.images) if isinstance(row, dict) else 0
            )
            if pixels > MAX_PIXELS:
                wanted = f"at most {MAX_PIXELS:,} pixels in all images of a request"
                raise RequestRefused("MLS805", [_row("MLS805", "records", wanted, "more")])

    def _read_one(self, row: Any, where: str) -> dict[str, Any]:
        if not isinstance(row, dict):
            raise RequestRefused("MLS805", [_row("MLS805", where, "an object with one field per column", _json_type(row))])
        try:
            record = self._adapter.validate_python(row)
        except ValidationError as error:
            rows = [self._explain(item, where) for item in error.errors(include_url=False, include_context=False)]
            raise RequestRefused(_worst_code(rows), rows[:SHOWN], len(rows[SHOWN:])) from None
        for name in self._optional:
            record.setdefault(name, None)
        return record

    def _explain(self, item: Mapping[str, Any], where: str) -> dict[str, str]:
        """One failure in words. The name of a field that no column has came from the client, so it is not repeated."""
        name = str(item["loc"][0]) if item["loc"] else ""
        kind = item["type"]
        prefix = f"{where}." if where else ""
        if kind == "extra_forbidden" or name not in self.columns:
            return _row("MLS805", where, "only: " + ", ".join(self.columns), _FOUND["extra_forbidden"])
        given = _json_type(item.get("input"))
        found = _FOUND.get(kind) or given
        if kind != "missing" and (given == _NOT_FINITE or (kind == "literal_error" and given != "a string")):
            found = given
        return _row(_code(found), prefix + name, expected(self.columns[name]), found)


def _row(code: str, where: str, wanted: str, found: str) -> dict[str, str]:
    return {"code": code, "where": where, "expected": wanted, "found": found}


def _code(found: str) -> str:
    """The code of one failure: outside a category 211, null 804, another JSON type 802, else 805."""
    if found == "another value":
        return "MLS211"
    if found == "null":
        return "MLS804"
    return "MLS802" if found in _TYPES else "MLS805"


def _worst_code(rows: Sequence[Mapping[str, str]]) -> str:
    codes = {row["code"] for row in rows}
    return codes.pop() if len(codes) == 1 else "MLS805"
