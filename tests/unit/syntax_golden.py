"""Compares text with a golden file; with UPDATE_GOLDEN set it writes the file instead, to be read in the diff."""

from __future__ import annotations

import os
from pathlib import Path


def compare(path: Path, text: str) -> None:
    """Fails if the golden file at `path` does not hold exactly `text`."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no golden file {path.name}: run the test with UPDATE_GOLDEN=1 and read what it writes"
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: if the new text is right, run with UPDATE_GOLDEN=1"
