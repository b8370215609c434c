"""Every code has a page, and the specs on the pages show what they say they show."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from mlspec.diagnostics import Diagnostic, all_codes, code
from mlspec.diagnostics.index import INDEX, render
from mlspec.diagnostics.pages import page, snippets
from mlspec.source import SourceFile
from mlspec.syntax import parse

PAGES = Path(__file__).parents[2] / "mlspec" / "diagnostics" / "pages"
IDS = [row.id for row in all_codes()]
SHOWN = [id for id in IDS if snippets(id)]
TEXT = [id for id in SHOWN if id < "MLS100"]
# Codes below 700 that one small file cannot show: they need other files, other bytes, or blocks that this version does not run.
WITHOUT_SPEC = {
    "MLS007",
    "MLS110",
    "MLS111",
    "MLS113",
    "MLS115",
    "MLS205",
    "MLS303",
    "MLS304",
    "MLS306",
    "MLS308",
    "MLS309",
    "MLS313",
    "MLS316",
    "MLS405",
    "MLS409",
    "MLS410",
    "MLS508",
    "MLS509",
    "MLS510",
    "MLS601",
    "MLS602",
    "MLS603",
    "MLS606",
    "MLS607",
    "MLS608",
    "MLS612",
}


def test_there_is_a_page_for_each_code_and_no_other() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted(IDS)


@pytest.mark.parametrize("id", IDS)
def test_a_page_has_its_parts(id: str) -> None:
    text = page(id)
    assert text.startswith(f"# {id}: {code(id).slug.replace('-', ' ')}\n")
    headings = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    example = ["Example", "Wrong", "Right"] if snippets(id) else []
    assert headings == ["What it means", "Why", *example, "How to fix it"]
    assert text.isascii() or "…" in text
    assert all(len(section.strip()) > 15 for section in re.split(r"^##+ .+$", text, flags=re.MULTILINE)[1:] if section.strip())


def test_pages_without_a_spec_are_known() -> None:
    assert {id for id in IDS if id < "MLS700" and not snippets(id)} == WITHOUT_SPEC


@pytest.mark.parametrize("id", SHOWN)
def test_the_right_spec_parses(id: str) -> None:
    found = parse(SourceFile("demo.mlspec", snippets(id)["Right"]))[1]
    assert found == []


@pytest.mark.parametrize("id", TEXT)
def test_the_wrong_text_gives_exactly_its_code(id: str) -> None:
    found = parse(SourceFile("demo.mlspec", snippets(id)["Wrong"]))[1]
    assert {d.code.id for d in found} == {id}


def checked(text: str, folder: Path) -> list[Diagnostic]:
    """What the whole front end says of `text`."""
    if importlib.util.find_spec("mlspec.driver") is None:
        pytest.skip("mlspec.driver is not importable: THE PAGES OF THE CHECKER ARE NOT TESTED")
    from mlspec.driver import Compilation

    (folder / "mlspec.toml").touch()
    (folder / "demo.mlspec").write_text(text, encoding="utf-8")
    return list(Compilation(folder / "demo.mlspec").diagnostics)


@pytest.mark.parametrize("id", [id for id in SHOWN if id not in TEXT])
def test_the_wrong_spec_gives_its_code_and_no_other_error(id: str, tmp_path: Path) -> None:
    found = checked(snippets(id)["Wrong"], tmp_path)
    assert id in {d.code.id for d in found}
    assert {d.code.id for d in found if d.severity == "error"} <= {id}


@pytest.mark.parametrize("id", [id for id in SHOWN if id not in TEXT])
def test_the_right_spec_has_no_error_and_not_its_code(id: str, tmp_path: Path) -> None:
    """A short example may leave a name unused (MLS107), which is a warning."""
    found = checked(snippets(id)["Right"], tmp_path)
    assert [d.message for d in found if d.severity == "error" or d.code.id == id] == []


def test_the_index_is_written_from_the_table() -> None:
    assert INDEX.read_text(encoding="utf-8") == render(), "run python -m mlspec.diagnostics.index"
