"""Parts of a spec that a page shows hold in a whole one: `mlspec in:digits` is put into `specs/digits.mlspec`, which is then checked.

A block takes the place of the one of its kind and name, or is added: features before what reads them, all else at the end. Behind `in:digits/net` stand lines of the block `net`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlspec.cli import main
from tests.docs.markdown import Example, examples

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^(?P<head>[a-z]+ \w+) \{\n.*?^\}\n", re.MULTILINE | re.DOTALL)
FIRST_READER = re.compile(r"^(model|train|search) ", re.MULTILINE)
FIELD = re.compile(r"^ *(\w+) :?= .*$")
PARTS = {
    str(example): example
    for page in sorted((ROOT / "docs").glob("*.md"))
    for example in examples(page)
    if example.language == "mlspec"
}


def place(example: Example) -> str | None:
    """Where a fragment goes, as its fence says it: `digits`, or `digits/net`."""
    return next((word.removeprefix("in:") for word in example.words if word.startswith("in:")), None)


def whole(example: Example) -> str:
    """The spec of the fragment, with the fragment in it."""
    name, _, block = (place(example) or "").partition("/")
    text = (ROOT / "specs" / f"{name}.mlspec").read_text()
    return with_lines(text, block, example.text) if block else with_blocks(text, example.text)


def with_blocks(spec: str, fragment: str) -> str:
    """The spec with each block of the fragment in place of its own, or behind them."""
    for block in BLOCK.finditer(fragment):
        known = re.compile(rf"^{block['head']} \{{\n.*?^\}}\n", re.MULTILINE | re.DOTALL)
        if known.search(spec):
            spec = known.sub(lambda _, text=block[0]: text, spec)
        else:
            at = FIRST_READER.search(spec) if block["head"].startswith("features ") else None
            cut = at.start() if at else len(spec)
            spec = f"{spec[:cut]}\n{block[0]}\n{spec[cut:]}"
    return spec


def with_lines(spec: str, name: str, lines: str) -> str:
    """The spec with the lines in the block of that name; a field that it has already is replaced."""
    block = next(found for found in BLOCK.finditer(spec) if found["head"].endswith(f" {name}"))
    given = {found[1] for line in lines.splitlines() if (found := FIELD.match(line)) and not line.startswith(" ")}
    head, *kept = block[0].splitlines()[:-1]
    kept = [line for line in kept if not ((found := FIELD.match(line)) and found[1] in given)]
    return spec.replace(block[0], "\n".join([head, *kept, lines.rstrip(), "}\n"]))


@pytest.mark.parametrize("name", [name for name, example in PARTS.items() if place(example)])
def test_a_part_of_a_spec_holds_in_a_whole_one(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    (tmp_path / "data").symlink_to(ROOT / "specs/data")
    (tmp_path / "page.mlspec").write_text(whole(PARTS[name]))
    assert main(["check", str(tmp_path / "page.mlspec")]) == 0, capsys.readouterr().out


def test_what_does_not_hold_is_found() -> None:
    text = (ROOT / "specs/digits.mlspec").read_text()
    assert "epochs = 3\n" in with_lines(text, "net", "epochs = 3\n") and "epochs = 16" not in with_lines(
        text, "net", "epochs = 3\n"
    )
    swapped = with_blocks(
        text, "split by_chance {\n  frame = scans\n  train := 100%\n}\n\nmodel more {\n  estimator = sklearn.Ridge\n}\n"
    )
    assert (
        swapped.count("split by_chance") == 1
        and "holdout := 25%" not in swapped
        and swapped.rstrip("\n").endswith("sklearn.Ridge\n}")
    )
