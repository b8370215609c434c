"""`mlspec migrate`: the one edition there is, and a second one that is put into the table to prove that the mechanism works.

The second edition differs in what this compiler can read in both ways, so that old and new text are compiled by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec.cli import exits, main
from mlspec.diagnostics import Edit
from mlspec.driver import Compilation
from mlspec.graph.keys import graph_recipes
from mlspec.source import SourceFile
from mlspec.spec import editions
from mlspec.spec.editions import Rewrite, keep_default, nodes, rename_call, rename_field, rename_kind
from mlspec.syntax import layout, parse
from mlspec.syntax.nodes import File, Literal

ROOT = Path(__file__).parents[2]
SPEC = (ROOT / "tests/cases/diff/threshold_lowered/old.mlspec").read_text()
NEXT = "2026.2"
LAST = "2027.1"
Capture = pytest.CaptureFixture[str]


def in_days(tree: File) -> Iterator[Edit]:
    """`1w` was allowed; the next edition has days only."""
    for node in nodes(tree):
        if isinstance(node, Literal) and node.kind == "duration" and node.raw.endswith("w"):
            yield Edit(node.span, f"{int(node.raw[:-1]) * 7}d")


WEEKS = Rewrite("weeks are written in days", in_days)
DEFAULT = keep_default("gates", "confidence", "95%")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / "a.mlspec").write_text(SPEC.replace("gap = 30d", "gap = 5w # five").replace("  confidence = 95%\n", ""))
    return tmp_path


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Rewrite, ...]]:
    """Two more editions."""
    monkeypatch.setattr(layout, "EDITIONS", (*layout.EDITIONS, NEXT, LAST))
    rows = {NEXT: (WEEKS, DEFAULT), LAST: ()}
    monkeypatch.setattr(editions, "REWRITES", rows)
    return rows


def run(*arguments: str, code: int = 0) -> None:
    assert main(["migrate", *arguments]) == code


# ---- the edition there is


def test_every_edition_but_the_first_has_its_row() -> None:
    assert set(editions.REWRITES) == set(layout.EDITIONS[1:])


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.mlspec")), ids=lambda path: path.stem)
def test_what_is_of_the_edition_stays(path: Path, capsys: Capture) -> None:
    before = path.read_bytes()
    run(str(path), "--to", "2026.1", "--check")
    assert "nothing to do" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_text_without_an_edition_gets_one(project: Path, capsys: Capture) -> None:
    (project / "a.mlspec").write_text("# ours\n" + SPEC.partition("\n\n")[2])
    run("--check", "a.mlspec", code=1)
    assert "is of no edition" in capsys.readouterr().err
    run("a.mlspec")
    assert capsys.readouterr().err == "a.mlspec: no edition → 2026.1\n"
    assert (project / "a.mlspec").read_text().startswith("mlspec 2026.1\n\n# ours\nspec churn {")
    assert Compilation(project / "a.mlspec").ok


def test_one_that_is_no_spec_of_the_edition_is_left_alone(project: Path, capsys: Capture) -> None:
    text = "spec churn {\n  ownr = 1\n}\n"
    (project / "a.mlspec").write_text(text)
    run(code=1)
    said = capsys.readouterr().err
    assert "MLS105" in said
    assert "nothing was written" in said
    assert (project / "a.mlspec").read_text() == text


@pytest.mark.parametrize("edition", ["2025.4", "v2026.1", "next"])
def test_an_edition_that_nobody_knows_is_located(edition: str, project: Path, capsys: Capture) -> None:
    (project / "a.mlspec").write_text(SPEC.replace("2026.1", edition, 1))
    run("a.mlspec", code=1)
    said = capsys.readouterr().err
    assert "error[MLS004]" in said
    assert "a.mlspec:1:8" in said
    assert "mlspec knows the edition 2026.1" in said


def test_what_stands_behind_an_edition_is_located(project: Path, capsys: Capture) -> None:
    (project / "a.mlspec").write_text(SPEC.replace("2026.1", "2026.1-draft", 1))
    run("a.mlspec", code=1)
    assert "a.mlspec:1:14" in capsys.readouterr().err


def test_an_edition_to_write_that_nobody_knows(project: Path, capsys: Capture) -> None:
    run("a.mlspec", "--to", "2031.1", code=exits.USAGE)
    assert "expected: one of 2026.1" in capsys.readouterr().err


# ---- a second and a third


@pytest.mark.usefixtures("table")
def test_a_text_goes_through_every_edition_and_means_the_same(project: Path, capsys: Capture) -> None:
    before = Compilation(project / "a.mlspec")
    assert before.spec is not None
    keys = graph_recipes(before.graph)
    run("a.mlspec", "--to", LAST)
    assert capsys.readouterr().err == f"a.mlspec: 2026.1 → {LAST}\n"
    text = (project / "a.mlspec").read_text()
    assert text.startswith(f"mlspec {LAST}\n")
    assert "  gap = 35d # five\n" in text
    assert "  fast := p95(latency(candidate, load: 50rps, cpu: 1)) <= 20ms\n  confidence = 95%\n}\n" in text
    assert graph_recipes(Compilation(project / "a.mlspec").graph) == keys
    run("a.mlspec", "--check")
    run("a.mlspec", "--to", "2026.1", code=exits.USAGE)
    assert "a text goes forward only" in capsys.readouterr().err


@pytest.mark.usefixtures("table")
def test_check_and_diff_write_nothing(project: Path, capsys: Capture) -> None:
    before = (project / "a.mlspec").read_bytes()
    run("--check", "--to", NEXT, code=1)
    assert "a.mlspec is of edition 2026.1" in capsys.readouterr().err
    run("--diff", "--to", NEXT)
    said = capsys.readouterr().out
    assert "-mlspec 2026.1\n+mlspec 2026.2\n" in said
    assert "+  gap = 35d # five\n" in said
    assert (project / "a.mlspec").read_bytes() == before


def test_what_would_change_the_meaning_is_refused(
    table: dict[str, tuple[Rewrite, ...]], project: Path, capsys: Capture
) -> None:
    before = (project / "a.mlspec").read_bytes()
    for wrong, said in (
        (keep_default("gates", "confidence", "90%"), "95% → 90%"),
        (keep_default("spec", "seed", "9"), "seed"),
        (rename_field("search", "trials", "tries"), "MLS105"),
        (rename_kind("gates", "gate"), "MLS"),
        (rename_call("onehot", "ordinal"), "onehot(people.city) → ordinal(people.city)"),
    ):
        table[NEXT] = (wrong,)
        run("--to", NEXT, code=exits.INTERNAL)
        told = capsys.readouterr().err
        assert "would not mean the same; nothing was written" in told
        assert said in told
    assert (project / "a.mlspec").read_bytes() == before


@pytest.mark.usefixtures("table")
def test_files_that_import_each_other_go_together_or_not_at_all(project: Path, capsys: Capture) -> None:
    (project / "shared.mlspec").write_text(
        'mlspec 2026.1\n\nspec shared {\n  owner = "team-a"\n}\n\nparam horizon: duration = 5w\n'
    )
    spec = SPEC.replace("mlspec 2026.1\n", 'mlspec 2026.1\n\nuse "./shared.mlspec" as shared\n').replace(
        "gap = 30d", "gap = shared.horizon"
    )
    (project / "a.mlspec").write_text(spec)
    (project / "broken.mlspec").write_text(SPEC.replace("0.88", "0.88x"))
    run("--to", NEXT, code=1)
    assert (project / "a.mlspec").read_text() == spec
    (project / "broken.mlspec").unlink()
    run("--to", NEXT)
    assert "35d" in (project / "shared.mlspec").read_text()
    assert (project / "a.mlspec").read_text() == spec.replace("2026.1", NEXT)
    capsys.readouterr()


@pytest.mark.usefixtures("table")
def test_line_ends_and_marks_stay(project: Path) -> None:
    (project / "a.mlspec").write_bytes(b"\xef\xbb\xbf" + SPEC.replace("\n", "\r\n").encode())
    run("a.mlspec", "--to", LAST)
    data = (project / "a.mlspec").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfmlspec 2027.1\r\n")
    assert data.count(b"\r\n") == data.count(b"\n") > 50


@pytest.mark.parametrize(
    ("rewrite", "before", "after"),
    [
        (rename_field("source", "from", "of"), "source a {\n  from = x\n}\n", "source a {\n  of = x\n}\n"),
        (rename_field("log", "keep", "for"), "serve s {\n  log l {\n    keep = 3d\n  }\n}\n", "serve s {\n  log l {\n    for = 3d\n  }\n}\n"),
        (rename_kind("family", "kind"), "search s {\n  family a {\n  }\n}\n", "search s {\n  kind a {\n  }\n}\n"),
        (rename_call("auc", "roc"), "gates g {\n  a := auc(b) - (auc(c)) >= 1 and x in [auc(d)]\n}\n",
         "gates g {\n  a := roc(b) - (roc(c)) >= 1 and x in [roc(d)]\n}\n"),
        (keep_default("log", "keep", "3d"), "serve s {\n  log l {\n    a := 1\n  }\n}\n", "serve s {\n  log l {\n    a := 1\n    keep = 3d\n  }\n}\n"),
        (keep_default("log", "keep", "3d"), "log l {\n  keep = 4d\n}\n", "log l {\n  keep = 4d\n}\n"),
    ],
)  # fmt: skip
def test_what_rewrites_are_made_of(rewrite: Rewrite, before: str, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlspec.cli.fix import apply

    monkeypatch.setattr(editions, "REWRITES", {NEXT: (rewrite,)})
    source = SourceFile("a", f"mlspec 2026.1\n\n{before}")
    tree = parse(source)[0]
    assert tree is not None
    assert apply(source.text, editions.edits_to(NEXT, tree)) == f"mlspec {NEXT}\n\n{after}"
