"""What a config says of the externs that an expression calls: signature, effects, limits, and the digests of their code."""

from __future__ import annotations

from typing import Any

from mlspec.graph.expression import is_expression, walk
from mlspec.lower.sheet import Sheet
from mlspec.spec.externs import code_files
from mlspec.spec.kinds import NONE
from mlspec.spec.model import Block
from mlspec.spec.values import Typed


def externs_of(sheet: Sheet, value: Typed) -> dict[str, Any]:
    """`{"externs": {name: declaration}}` of what an expression calls, nothing where it calls none."""
    names = dict.fromkeys(name for name, _ in value.calls if _is_extern(sheet, name))
    private = any(_tainted(sheet, source, column) for source, column in value.columns)
    found = {name: declaration(sheet, sheet.block(name), private) for name in sorted(names)}
    return {"externs": found} if found else {}


def called(form: Any) -> bool:
    """Whether a form calls an extern of rows."""
    return is_expression(form) and any(node[0] == "extern" for node in walk(form))


def declaration(sheet: Sheet, block: Block, private: bool) -> dict[str, Any]:
    """One extern; `private` where what it is given may hold personal data, so that nothing it says is shown."""
    result = block.get("result")
    _, _, function = str(block.get("code")).partition(":")
    files = {sheet.path(path): sheet.code.get(path, "") for path in code_files(block)}
    found = {
        "role": block.get("role"),
        "code": next(iter(files)),
        "function": function,
        "files": files,
        "parameters": [[name, str(kind) if kind.name == "list" else kind.code] for name, kind in block.get("parameters")],
        "result": result.code,
        "values": list(result.values) if result.values else None,
        "network": block.get("network") not in (None, "none"),
        "deterministic": bool(block.get("deterministic")),
        "private": private,
        "limits": {"memory": block.get("memory"), "time_limit": float(block.get("time_limit")), "gpu": bool(block.get("gpu"))},
    }
    return found | ({"better": block.get("better")} if block.get("role") == "metric" else {})


def _is_extern(sheet: Sheet, name: str) -> bool:
    block = sheet.spec.blocks.get(name)
    return block is not None and block.kind == "extern"


def _tainted(sheet: Sheet, source: str, name: str) -> bool:
    column = sheet.spec.column(source, name)
    return column is not None and column.taint > NONE
