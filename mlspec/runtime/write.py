"""The `write` stage: a file with a given text and the digests of what came in. Tests and benchmarks build graphs of it."""

from __future__ import annotations

from pathlib import Path

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.folder import MANIFEST


def run(context: StageContext) -> None:
    """Write `file.json`: the text of the config and, for each input, the SHA-256 of its files."""
    read = {name: _content(folder) for name, folder in sorted(context.inputs().items())}
    files.write_json(context.output("file") / "file.json", {"text": context.config.get("text", ""), "inputs": read})


def _content(folder: Path) -> dict[str, str]:
    # Outside the store an artifact carries its manifest, which is no part of its content.
    return {name: digest for name, digest in files.sha256_files(folder).items() if name != MANIFEST}
