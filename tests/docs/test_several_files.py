"""The page about several files is followed step by step."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.docs.markdown import examples
from tests.docs.test_examples import ROOT, Follower


def test_the_page_about_several_files_can_be_followed(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    shutil.copy(ROOT / "specs/data/penguins.csv", tmp_path / "shared")
    follower = Follower(tmp_path)
    for example in examples(ROOT / "docs/several-files.md"):
        follower.step(example)
    assert (tmp_path / "mlspec.lock").exists()
