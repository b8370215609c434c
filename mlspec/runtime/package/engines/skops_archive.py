"""A skops archive in one canonical spelling: skops names members by memory addresses and dates them by the clock."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def canonical(data: bytes) -> bytes:
    """The same archive with ids numbered in order of appearance, members sorted, dates fixed, nothing compressed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop(_SCHEMA))
    names = _renumber(schema)
    schema_bytes = json.dumps(schema, sort_keys=True, separators=(",", ":")).encode()
    content = {_SCHEMA: schema_bytes, **{names.get(name, name): body for name, body in members.items()}}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        for name in sorted(content):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content[name])
    return buffer.getvalue()


def _renumber(schema: Any) -> dict[str, str]:
    """Replace every `__id__` and member name in place, in order of appearance; {old member: new member}."""
    ids: dict[int, int] = {}
    names: dict[str, str] = {}
    pending = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if isinstance(node.get("__id__"), int):
                node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
            if isinstance(node.get("file"), str):
                suffix = node["file"].rpartition(".")[2]
                node["file"] = names.setdefault(node["file"], f"{len(names) + 1}.{suffix}")
            pending += [node[key] for key in sorted(node, reverse=True)]
        elif isinstance(node, list):
            pending += reversed(node)
    return names
