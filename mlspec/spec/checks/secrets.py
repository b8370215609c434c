"""4xx, secrets: plain text that looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mlspec.source import Span
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Spec
from mlspec.spec.values import Made, Value

_SHAPES = re.compile(
    r"://[^/\s:@]+:[^/\s:@]+@"  # a password inside an address
    r"|\bAKIA[0-9A-Z]{16}\b"  # a cloud access key
    r"|\bgh[pousr]_[A-Za-z0-9]{36}"
    r"|\bhf_[A-Za-z]{30,}"
    r"|\bsk-[A-Za-z0-9_-]{20,}"
    r"|\bxox[baprs]-[A-Za-z0-9-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\."  # a signed token
    r"|hooks\.slack\.com/services/"
    r"|\b(?:password|passwd|pwd|secret|token|api_?key)\s*[=:]\s*[^\s;&]{4,}",
    re.IGNORECASE,
)
# Where the text names a place of a secret and is none itself.
_HANDLES = frozenset(("env", "vault", "k8s"))


def looks_secret(text: str) -> bool:
    """Whether a text has the shape of a password, key or token."""
    return _SHAPES.search(text) is not None


def literal_secrets(spec: Spec, findings: Findings) -> None:
    """404: a string that looks like a password, key or token stands in the spec itself."""
    for block in spec.taken:
        for inner in (block, *block.blocks):
            _check(inner, findings)


def _check(block: Block, findings: Findings) -> None:
    for field, value in block.fields.items():
        for name, text, span in _strings(field, value.item, value.span):
            if looks_secret(text):
                findings.add("MLS404", span or block.head, name=f"{block.path or block.kind}.{name}", fix=_handle_name(block))


def _handle_name(block: Block) -> str:
    return f"{block.name or block.kind}_secret"


def _strings(name: str, item: Any, span: Span | None) -> Iterator[tuple[str, str, Span | None]]:
    if isinstance(item, str):
        yield name, item, span
    elif isinstance(item, tuple | list):
        for part in item:
            yield from _strings(name, getattr(part, "item", part), getattr(part, "span", span) or span)
    elif isinstance(item, Made) and item.name not in _HANDLES:
        for key, value in item.args.items():
            if isinstance(value, Value):
                yield from _strings(f"{name}.{key}" if name != "value" else key, value.item, value.span or span)


CHECKS = (literal_secrets,)
