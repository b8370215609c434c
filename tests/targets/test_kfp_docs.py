"""docs/targets/kfp.md: its examples run, its table is the target's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlspec.backend import NEEDS, capability
from mlspec.registry import load_backend
from tests.docs.markdown import examples
from tests.docs.test_examples import Follower
from tests.support.golden import Mode
from tests.targets.kfp_world import shop

PAGE = Path(__file__).parents[2] / "docs/targets/kfp.md"
BEGIN, END = "<!-- capabilities: a test holds this table against the target -->\n", "<!-- end -->\n"


def table() -> str:
    """The capabilities as the page shows them."""
    backend = load_backend("kfp")
    rows = [(words, capability(backend, need)) for need, words in NEEDS.items()]
    lines = [f"| {words} | {found.support} | {found.how} |" for words, found in rows]
    return "\n".join(["| need | support | how |", "| --- | --- | --- |", *lines]) + "\n"


def test_the_table_is_the_targets() -> None:
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    shown, _, tail = rest.partition(END)
    if Mode.update:
        PAGE.write_text(head + BEGIN + table() + END + tail)
        return
    assert shown == table(), "`pytest --update-golden` writes it"


def test_every_option_is_on_the_page() -> None:
    text = PAGE.read_text()
    left = [
        option.name
        for option in load_backend("kfp").options
        if f"`{option.name}" not in text and f"option {option.name}" not in text
    ]
    assert left == []


@pytest.mark.slow
@pytest.mark.e2e
def test_the_page_can_be_followed(tmp_path: Path) -> None:
    shop(tmp_path)
    follower = Follower(tmp_path)
    follower.environment["PATH"] = f"{Path(sys.executable).parent}:{follower.environment['PATH']}"
    for example in examples(PAGE):
        follower.step(example)
