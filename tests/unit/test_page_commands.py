"""`graph --format html` and `diff --format html`: what the pages hold; and what these commands and `doc` load."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from mlspec.cli import main
from mlspec.diff.lines import Row, side_by_side, words_apart
from mlspec.driver import Compilation
from mlspec.page import anchor
from tests.house.test_laziness import HEAVY, loaded
from tests.support.golden import compare as golden
from tests.support.page_text import Reader, text_of
from tests.targets.hostile import strings
from tests.unit.test_doc import check_whole

ROOT = Path(__file__).parents[2]
SPOKEN = ROOT / "tests/cases/doc/spoken/spec.mlspec"
DIFFS = ROOT / "tests/cases/diff"
Capture = pytest.CaptureFixture[str]


def page(capsys: Capture, *arguments: str) -> str:
    main([*arguments, "--format", "html"])
    return capsys.readouterr().out


def test_the_graph_has_every_stage_with_what_a_run_would_do(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "mlspec.toml").touch()
    spec = Path(shutil.copy(SPOKEN, tmp_path))
    (tmp_path / "people.csv").write_text("code\n")
    found = page(capsys, "graph", str(spec))
    check_whole({"graph.html": found})
    read = Reader(found)
    stages = [stage.id for stage in Compilation(spec).graph]
    assert {anchor(stage) for stage in stages} <= set(read.ids)
    assert found.count('class="node run"') == len(stages)
    assert found.count("first run") >= len(stages)


def test_the_graph_of_missing_files_says_so(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "mlspec.toml").touch()
    found = page(capsys, "graph", str(shutil.copy(SPOKEN, tmp_path)))
    assert "people.csv" in text_of(found)
    assert 'class="node run"' not in found
    check_whole({"graph.html": found})


def test_the_errors_of_a_spec_are_no_page(tmp_path: Path, capsys: Capture) -> None:
    spec = tmp_path / "a.mlspec"
    spec.write_text("mlspec 2026.1\n\nspec a {\n}\n")
    assert main(["graph", str(spec), "--format", "html"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "MLS106" in said.err


@pytest.mark.parametrize(
    "name", ["gates_weakened", "feature_reads_the_label", "folders", "cannot_be_compared", "import_changed"]
)
def test_a_diff_reads_as_its_golden_text(name: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DIFFS / name)
    sides = ["old", "new"] if Path("old").is_dir() else ["old.mlspec", "new.mlspec"]
    found = page(capsys, "diff", *sides)
    check_whole({"diff.html": found})
    golden(DIFFS / name / "expected.page", text_of(found))


@pytest.mark.parametrize(
    "folder", sorted(path for path in DIFFS.iterdir() if (path / "old.mlspec").is_file()), ids=lambda path: path.name
)
def test_every_change_stands_in_the_page_once_and_leads_to_its_lines(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    found = page(capsys, "diff", "old.mlspec", "new.mlspec")
    check_whole({"diff.html": found})
    main(["diff", "old.mlspec", "new.mlspec", "--format", "json"])
    changes = [change for file in json.loads(capsys.readouterr().out)["files"] for change in file["changes"]]
    ids = [each for each in Reader(found).ids if re.fullmatch(r"c\d+-\d+", each)]
    assert len(ids) == len(changes)
    assert [int(each.partition("-")[2]) for each in ids] == list(range(len(changes))), "the gravest stand first"


@pytest.mark.parametrize("text", [text for text in strings(60, 5) if text.isprintable() and not set(text) & set('"\\')][:20])
def test_no_text_of_a_spec_becomes_markup(text: str, tmp_path: Path, capsys: Capture) -> None:
    structures = []
    for word in (text, "plain"):
        for side, owner in (("old", word), ("new", f"{word} two")):
            spec = f'mlspec 2026.1\n\n# {word}\nspec a {{\n  owner = "{owner}"\n}}\n'
            (tmp_path / f"{side}.mlspec").write_text(spec)
        found = page(capsys, "diff", str(tmp_path / "old.mlspec"), str(tmp_path / "new.mlspec"))
        check_whole({"diff.html": found})
        assert "<img" not in found
        structures.append(set(Reader(found).tags))
    assert structures[0] == structures[1]


@pytest.mark.parametrize(("old", "new", "rows"), [
    ("a\nb\n", "a\nb\n", [Row("same", 1, "a", 1, "a"), Row("same", 2, "b", 2, "b")]),
    ("a\nb\nc\n", "a\nc\n", [Row("same", 1, "a", 1, "a"), Row("gone", 2, "b", 0, ""), Row("same", 3, "c", 2, "c")]),
    ("a\n", "b\nc\n", [Row("changed", 1, "a", 1, "b"), Row("new", 0, "", 2, "c")]),
    ("", "", []),
])  # fmt: skip
def test_lines_stand_beside_each_other(old: str, new: str, rows: list[Row]) -> None:
    assert side_by_side(old, new) == rows


def test_a_long_stretch_is_told_without_matching() -> None:
    old, new = "\n".join(f"a{n}" for n in range(9_000)), "\n".join(f"b{n}" for n in range(9_500))
    rows = side_by_side(old, new)
    assert [row.old for row in rows if row.old] == list(range(1, 9_001))
    assert [row.new for row in rows if row.new] == list(range(1, 9_501))


def test_words_that_differ() -> None:
    old, new = words_apart("useful := lower(auc) >= 0.88", "useful := lower(auc) >= 0.84")
    assert [piece for differs, piece in old if differs] == ["0.88"]
    assert [piece for differs, piece in new if differs] == ["0.84"]
    assert "".join(piece for _, piece in old) == "useful := lower(auc) >= 0.88"


@pytest.mark.parametrize("arguments", [["doc", str(SPOKEN), "-o", "out", "--run", "none"], ["graph", str(SPOKEN), "--format", "html"],
                                       ["diff", str(SPOKEN), str(SPOKEN.parents[1] / "bare/spec.mlspec"), "--format", "html"]])  # fmt: skip
def test_pages_without_a_run_load_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    code, modules = loaded(arguments, tmp_path)
    assert code in (0, 1)
    assert not modules & (HEAVY | {"markupsafe", "mlspec.runtime", "subprocess", "socket", "http", "urllib.request"})
