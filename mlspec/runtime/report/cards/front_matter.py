"""The block of metadata at the head of a Markdown file, in the part of YAML that every reader reads alike."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def front_matter(metadata: Mapping[str, Any]) -> str:
    """`---`, the fields that have a value, one a line, `---`; all texts quoted as JSON, which is YAML too."""
    return "\n".join(["---", *_fields(metadata, ""), "---", ""])


def _fields(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, item in value.items():
        if item is None or item == [] or item == {}:
            continue
        yield from _entry(f"{indent}{name}:", item, indent)


def _entry(head: str, item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, Mapping):
        yield head
        yield from _fields(item, indent + "  ")
    elif isinstance(item, Sequence) and not isinstance(item, str):
        yield head
        for one in item:
            yield from _item(one, indent)
    else:
        yield f"{head} {json.dumps(item)}"


def _item(item: Any, indent: str) -> Iterator[str]:
    if not isinstance(item, Mapping):
        yield f"{indent}- {json.dumps(item)}"
        return
    for number, line in enumerate(_fields(item, indent + "  ")):
        yield f"{indent}- {line.lstrip()}" if number == 0 else line
