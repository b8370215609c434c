"""How two configs of one stage differ, and which line of the spec each difference comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.graph.canonical import canonical_text
from mlspec.graph.model import Stage

ABSENT: Any = object()
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Difference:
    """`where` is a dotted path of the spec, `tune.trials`; `old` and `new` are short texts."""

    where: str
    old: str
    new: str


def differences(spec: str, old: Stage, new: Stage, blocks: Mapping[str, str]) -> list[Difference]:
    """The places of the spec at which two configs differ, each once, in the order of the new config."""
    found: dict[str, Difference] = {}
    for path, before, after in _walk(dict(old.config), dict(new.config), ()):
        where = spec_path(spec, new, path, blocks)
        found.setdefault(where, Difference(where, _text(before), _text(after)))
    return list(found.values())


def _walk(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if repr(old) == repr(new):
        return  # most of a large config, at the speed of repr
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*new, *(name for name in old if name not in new)]:
            yield from _walk(old.get(name, ABSENT), new.get(name, ABSENT), (*path, str(name)))
    elif _named(old) and _named(new) and (old or new):
        before, after = {_name(item): item for item in old}, {_name(item): item for item in new}
        if list(before) != list(after) and sorted(before) == sorted(after):
            yield path, list(before), list(after)
        yield from _walk(before, after, path)
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        for before, after in zip(old, new, strict=True):
            yield from _walk(before, after, path)
    elif old is ABSENT or new is ABSENT or canonical_text(old) != canonical_text(new):
        yield path, old, new


def _named(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, Mapping) and _name(item) for item in value)


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("name") or item.get("id") or "")


def _text(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    text = value if isinstance(value, str) else canonical_text(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


_FROM = frozenset(("paths", "images", "format", "options", "table", "query"))
_ITEMS = frozenset(("checks", "gates", "parts"))


def spec_path(spec: str, stage: Stage, path: tuple[str, ...], blocks: Mapping[str, str]) -> str:
    """The dotted place in the spec that a place in a config comes from; `blocks` gives the block of each stage."""
    first, item = path[0], path[1] if len(path) > 1 else ""
    if first in ("seed", "owner", "doc", "spec", "experiment", "uri", "aliases"):
        return f"{spec}.{ {'uri': 'tracking', 'experiment': 'tracking', 'aliases': 'registry'}.get(first, first) }"
    if first == "features" and item:
        return f"{_block_of(stage, 'values', blocks)}.{item}"
    if first == "columns" and item:
        return f"{_block_of(stage, 'rows', blocks)}.{item}"
    if first in _ITEMS and item:
        return f"{stage.block}.{item}"
    if first == "quantities" and item:
        return f"{stage.block}.{item.partition('.')[0]}"
    if first == "families" and item:
        return ".".join([stage.block, item, *path[3:4]])
    if first in ("params", "blocks", "card") and item:
        return f"{stage.block}.{item}" if first == "params" else item
    if first in _FROM:
        return f"{stage.block}.from"
    return f"{stage.block}.{first}"


def _block_of(stage: Stage, name: str, blocks: Mapping[str, str]) -> str:
    """The block behind an input, or the stage's own block when it has no such input."""
    source = stage.inputs.get(name)
    return stage.block if source is None else blocks[source.rpartition("/")[0]]
