"""docs/pull-requests.md: its commands are run in the repository that it tells of, its YAML is that of the files."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.docs.markdown import examples
from tests.docs.test_examples import Follower
from tests.support.repository import branched

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/pull-requests.md"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """main, and a branch on which somebody lowered a threshold."""
    branched(tmp_path)
    return tmp_path


def test_the_commands_say_what_the_page_says(repository: Path) -> None:
    follower = Follower(repository)
    steps = [example for example in examples(PAGE) if example.language in ("sh", "text")]
    assert len(steps) > 6
    for example in steps:
        follower.step(example)


def test_the_yaml_is_that_of_the_files() -> None:
    copied = [example for example in examples(PAGE) if example.language == "yaml" and example.words[0].startswith("file=")]
    assert len(copied) == 2
    for example in copied:
        assert example.text in (ROOT / example.words[0].removeprefix("file=")).read_text(), example


def test_the_yaml_names_what_there_is() -> None:
    found = {
        example.words[0]: YAML(typ="safe").load(example.text)
        for example in examples(PAGE)
        if example.language == "yaml" and "=" not in example.words[0]
    }
    hooks = {hook["id"] for hook in YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")}
    assert {hook["id"] for hook in found["hooks"]["repos"][0]["hooks"]} == hooks
    assert (ROOT / found["gitlab"]["include"][0]["file"]).is_file()


def test_the_settings_of_the_action_are_on_the_page() -> None:
    inputs = YAML(typ="safe").load(ROOT / "review/github/check/action.yml")["inputs"]
    text = PAGE.read_text()
    assert all(f"| `{name}` |" in text for name in inputs)
