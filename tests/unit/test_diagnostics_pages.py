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
CASES = Path(__file__).parents[1] / "cases" / "errors"
# Codes below 700 that need other files or other bytes: a folder of cases shows them, and the page says it in words.
IN_FOLDERS = {"MLS007", "MLS110", "MLS111", "MLS113"}
# Needs 65 files: test_spec_imports.py makes them.
MADE = {"MLS115"}
# Found in the data, not in the text.
IN_DATA = {"MLS316"}
# Of blocks that this version does not run: their pages say what must be built first.
LATER = {
    "MLS304", "MLS313", "MLS510", "MLS601", "MLS602", "MLS603", "MLS606", "MLS607", "MLS608", "MLS612",
}  # fmt: skip
# Of `mlspec.toml`: test_policy.py has a folder for each.
IN_SETTINGS = {"MLS116", "MLS516", "MLS517"}
# Needs an option of `mlspec check`: test_spec_externs.py has it.
OF_EXTERNS = {"MLS118"}
WITHOUT_SPEC = IN_FOLDERS | MADE | IN_DATA | LATER | IN_SETTINGS | OF_EXTERNS


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


@pytest.mark.parametrize("id", sorted(IN_FOLDERS))
def test_what_needs_other_files_has_a_folder_of_cases(id: str) -> None:
    assert list((CASES / id).glob("bad*"))
    assert list((CASES / id).glob("good*"))


@pytest.mark.parametrize("id", sorted(IN_SETTINGS))
def test_what_needs_settings_has_a_case(id: str) -> None:
    goldens = (CASES.parent / "policy").glob("*/expected.txt")
    assert any(f"[{id}]" in path.read_text(encoding="utf-8") for path in goldens)


@pytest.mark.parametrize("name", ["bad.latin1", "bad.utf16", "good.mlspec"])
def test_bytes_that_are_no_text(name: str) -> None:
    import mlspec

    found = mlspec.check(CASES / "MLS007" / name)
    assert [d.code.id for d in found] == ([] if name == "good.mlspec" else ["MLS007"])
    assert all(d.found for d in found)


@pytest.mark.parametrize("id", sorted(LATER))
def test_what_needs_a_block_that_is_not_built_says_so(id: str) -> None:
    assert re.search(r"^Given when .+ built; until then .+ MLS901\.$", page(id), re.MULTILINE)


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


def _also(id: str) -> set[str]:
    """The code that the specs of a page give beside their own: of a block that is not built, where the page says so."""
    return {"MLS901"} if "MLS901 as well" in page(id) else set()


@pytest.mark.parametrize("id", [id for id in SHOWN if id not in TEXT])
def test_the_wrong_spec_gives_its_code_and_no_other_error(id: str, tmp_path: Path) -> None:
    found = checked(snippets(id)["Wrong"], tmp_path)
    assert id in {d.code.id for d in found}
    assert {d.code.id for d in found if d.severity == "error"} <= {id, *_also(id)}


@pytest.mark.parametrize("id", [id for id in SHOWN if id not in TEXT])
def test_the_right_spec_has_no_error_and_not_its_code(id: str, tmp_path: Path) -> None:
    """A short example may leave a name unused (MLS107), which is a warning."""
    found = checked(snippets(id)["Right"], tmp_path)
    assert [d.message for d in found if d.code.id == id or (d.severity == "error" and d.code.id not in _also(id))] == []


def test_the_index_is_written_from_the_table() -> None:
    assert INDEX.read_text(encoding="utf-8") == render(), "run python -m mlspec.diagnostics.index"
