"""Golden files: a text is compared with the file that holds it; `pytest --update-golden` writes the file, to be read in the diff."""

from __future__ import annotations

from pathlib import Path


class Mode:
    """Whether goldens are written: set once by tests/conftest.py from the flag."""

    update = False


def compare(path: Path, text: str) -> None:
    """Fails if the golden file at `path` does not hold exactly `text`."""
    if Mode.update:
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no golden file {path.name}: run `pytest --update-golden` and read what it writes"
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; if the new text is right, `pytest --update-golden`"
