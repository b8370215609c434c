"""What people write wrong, and what they are told: each edit of one spec has its golden text, read by a person before it was kept."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import mlspec
from mlspec.diagnostics import Diagnostic
from mlspec.diagnostics.render import render
from tests.support.golden import compare

CASES = Path(__file__).parents[1] / "cases"
BASE = (CASES / "messages" / "base.mlspec").read_text(encoding="utf-8")
TABLES = {"messages": tomllib.loads((CASES / "messages" / "cases.toml").read_text(encoding="utf-8"))}
EVERY = [(folder, name) for folder, table in TABLES.items() for name in table]
# Words of the checker that no reader knows.
INTERNAL = ("INVALID", "Typed(", "Made(", "Reference(", " object at ", "an unknown", "a unknown", "derived")


def check(folder: str, name: str, where: Path) -> list[Diagnostic]:
    edit = TABLES[folder][name]
    assert BASE.count(edit["old"]) >= 1, f"`{name}` edits nothing"
    (where / "mlspec.toml").touch()
    path = where / "demo.mlspec"
    path.write_text(BASE.replace(edit["old"], edit["new"], 1), encoding="utf-8")
    return mlspec.check(path)


@pytest.mark.parametrize(("folder", "name"), EVERY, ids=lambda part: part)
def test_a_mistake_is_told_as_it_was_read(folder: str, name: str, tmp_path: Path) -> None:
    text = render(check(folder, name, tmp_path)).replace(f"{tmp_path}/", "")
    assert not [word for word in INTERNAL if word in text]
    compare(CASES / folder / f"{name}.txt", text)


@pytest.mark.parametrize("name", TABLES["messages"])
def test_one_mistake_is_one_located_message_with_a_way_out(name: str, tmp_path: Path) -> None:
    found = check("messages", name, tmp_path)
    places = {one.code.id for one in found}
    assert found and len(places) == 1, [one.message for one in found]
    for one in found:
        assert one.span is not None
        assert one.expected or one.help or one.notes
        assert "?" not in one.message.split("`")[0::2]


def test_an_edit_mends_what_it_is_for(tmp_path: Path) -> None:
    """With the edits of a message applied, nothing of its code is left at its place."""
    mended, left = 0, []
    for name in TABLES["messages"]:
        found = [one for one in check("messages", name, tmp_path) if one.edits]
        path = tmp_path / "demo.mlspec"
        text = path.read_text(encoding="utf-8")
        for edit in sorted((edit for one in found for edit in one.edits), key=lambda edit: -edit.span.start):
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        path.write_text(text, encoding="utf-8")
        after = {(one.code.id, one.span.start) for one in mlspec.check(path) if one.span is not None}
        left += [name for one in found if one.span is not None and (one.code.id, one.span.start) in after]
        mended += len(found)
        assert all(one.code.fixable for one in found), [one.code.id for one in found]
    assert left == []
    assert mended >= 75


def test_no_golden_is_left_over() -> None:
    for folder, table in TABLES.items():
        assert {path.stem for path in (CASES / folder).glob("*.txt")} == set(table)


def test_a_name_used_too_early_is_moved_above_its_use(tmp_path: Path) -> None:
    late = BASE.replace("channel console = log()\n\n", "").replace("env dev {", "channel console = log()\n\nenv dev {")
    path = tmp_path / "demo.mlspec"
    path.write_text(late, encoding="utf-8")
    found = mlspec.check(path)
    assert [(one.code.id, len(one.edits)) for one in found] == [("MLS103", 2), ("MLS103", 0)], "two uses, one move"
    for edit in sorted((edit for one in found for edit in one.edits), key=lambda edit: -edit.span.start):
        late = late[: edit.span.start] + edit.text + late[edit.span.end :]
    path.write_text(late, encoding="utf-8")
    assert mlspec.check(path) == []
    assert "channel console = log()\n\nmonitor watch {" in late
