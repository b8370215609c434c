"""The digest of a file of code: the compiler writes it into a plan, the lock holds it, and the runtime runs nothing that differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

_MARK = b"\xef\xbb\xbf"
CALLERS = ("features", "checks", "quantities")
"""The parts of a config whose items declare the externs that they call."""


def code_digest(data: bytes) -> str:
    """SHA-256 of a file's text in hex: a byte order mark and the line ends of a checkout do not count."""
    return hashlib.sha256(code_text(data)).hexdigest()


def code_text(data: bytes) -> bytes:
    """The bytes that the digest is of, and that are run."""
    return data.removeprefix(_MARK).replace(b"\r\n", b"\n")


def code_files(config: Mapping[str, Any]) -> dict[str, str]:
    """The files of code that a stage with this config runs, by path from the project root, with their digests."""
    return {path: digest for _, extern in declarations(config) for path, digest in extern["files"].items()}


def declarations(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The externs that a stage with this config runs, by name: of its parts, and of itself where it is a step or trains a network."""
    items = [item for name in CALLERS for item in config.get(name) or () if isinstance(item, Mapping)]
    for item in (*items, config):
        yield from (item.get("externs") or {}).items()
