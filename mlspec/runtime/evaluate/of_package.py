"""Numbers of the package itself: its size, and questions of behaviour as metrics of their outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.runtime.evaluate.behaviour import QUESTIONS, compared_metric
from mlspec.runtime.folder import content_of

SIZE = "size"


def size_of(folder: Path) -> int:
    """The bytes of all files of a package."""
    return sum((folder / name).stat().st_size for name in content_of(folder))


def plain(node: Any, sizes: Mapping[str, int]) -> Any:
    """The expression with sizes as constants and questions of behaviour as metrics of their outcomes."""
    if node[0] == "metric" and node[1] == SIZE and node[2] in sizes:
        return ["lit", sizes[node[2]], "bytes"]
    if node[0] == "metric" and node[1] in QUESTIONS:
        return compared_metric(node)
    if node[0] == "call":
        return ["call", node[1], [plain(part, sizes) for part in node[2]], node[3]]
    return node
