"""The page of the DVC target: its table is made from the capability data, its commands do what it says they do."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mlspec.backend import NEEDS, capability
from mlspec.registry import load_backend
from tests.docs.markdown import examples
from tests.docs.test_examples import Follower
from tests.targets.dvc_world import ENVIRONMENT
from tests.targets.kfp_world import shop

PAGE = Path(__file__).parents[2] / "docs" / "targets" / "dvc.md"
TABLE = re.compile(r"(<!-- capabilities -->\n).*?(<!-- end -->)", re.DOTALL)


def table() -> str:
    """What the target says of each need, as rows."""
    backend = load_backend("dvc")
    found = [(need, words, capability(backend, need)) for need, words in NEEDS.items()]
    rows = [f"| `{need}`: {words} | {has.support} | {has.how} |" for need, words, has in found]
    return "\n".join(["| need | support | how |", "| --- | --- | --- |", *rows]) + "\n"


def test_the_table_is_that_of_the_capability_data(pytestconfig: pytest.Config) -> None:
    wanted = TABLE.sub(lambda found: f"{found[1]}{table()}{found[2]}", PAGE.read_text())
    if pytestconfig.getoption("--update-golden"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted


@pytest.mark.e2e
@pytest.mark.slow
def test_the_page_can_be_followed(tmp_path: Path) -> None:
    pytest.importorskip("dvc", reason="pip install 'mlspec-lang[dvc]'")
    shop(tmp_path)
    follower = Follower(tmp_path)
    follower.environment |= ENVIRONMENT
    steps = examples(PAGE)
    assert len(steps) >= 12
    for step in steps:
        # A page shows no `&&`, but a command that fails in the middle is a failure.
        follower.step(replace(step, text=f"set -e\n{step.text}") if step.language == "sh" else step)
