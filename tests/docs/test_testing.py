"""The page on tests of specs is followed step by step, and says what the commands say."""

from __future__ import annotations

from pathlib import Path

from tests.docs.markdown import examples
from tests.docs.test_examples import Follower

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    steps = examples(PAGE)
    for example in steps:
        follower.step(example)
    assert sum(example.language == "text" for example in steps) >= 5
