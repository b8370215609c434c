"""The page about externs is followed step by step, code and digests included."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.docs.markdown import examples
from tests.docs.test_examples import ROOT, Follower


def test_the_page_about_externs_can_be_followed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "specs/data/penguins.csv", tmp_path)
    follower = Follower(tmp_path)
    for example in examples(ROOT / "docs/extern.md"):
        if "MLS825" not in example.text:  # that one shows an error of other code
            follower.step(example)
    assert "features/birds.py" in (tmp_path / "mlspec.lock").read_text()
