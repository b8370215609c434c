"""The `write` stage: a file with a given text and the digests of what came in. Tests and benchmarks build graphs of it."""

from __future__ import annotations

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.folder import content_of


def run(context: StageContext) -> None:
    """Write `file.json`: the text of the config and, for each input, the SHA-256 of its files."""
    read = {name: content_of(folder) for name, folder in sorted(context.inputs().items())}
    files.write_json(context.output("file") / "file.json", {"text": context.config.get("text", ""), "inputs": read})
