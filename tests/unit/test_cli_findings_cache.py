"""A check of many specs reads again only what holds another text, and says the same as one without a cache."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlspec.cli import check, main

GOOD = (Path(__file__).parents[1] / "cases/errors/MLS501/good.mlspec").read_text()
PART = "mlspec 2026.1\n\nparam share: ratio = 80%\n"
USES = 'mlspec 2026.1\n\nuse "./shared.mlspec" as shared\n\nspec other {\n  owner = "team"\n}\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four specs: one clean but for a warning, one wrong, one that does not parse, and one that reads another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLSPEC_NO_CACHE", raising=False)
    Path("mlspec.toml").touch()
    Path("good.mlspec").write_text(GOOD)
    Path("wrong.mlspec").write_text(GOOD.replace("owner =", "ownr ="))
    Path("torn.mlspec").write_text(GOOD + "\nsplit {{{\n")
    Path("shared.mlspec").write_text(PART)
    Path("uses.mlspec").write_text(USES)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code of a check and what it printed."""
    code = main(["check", *arguments])
    return code, capsys.readouterr().out


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The specs that were really checked, in order."""
    seen: list[str] = []
    real = check.check_one
    monkeypatch.setattr(
        check, "check_one", lambda options, path, **others: (seen.append(path), real(options, path, **others))[1]
    )
    return seen


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "gitlab", "junit"])
def test_a_second_check_says_the_same(
    project: Path, form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = said(capsys, ".", "--format", form), said(capsys, ".", "--format", form)
    monkeypatch.setenv("MLSPEC_NO_CACHE", "1")
    assert first == second == said(capsys, ".", "--format", form)
    assert first[0] == 1


def test_what_did_not_change_is_not_checked_again(project: Path, looked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, ".")
    assert len(looked) == 5
    looked.clear()
    Path("wrong.mlspec").write_text(GOOD)
    said(capsys, ".")
    assert looked == ["wrong.mlspec"]


def test_a_spec_is_checked_again_when_what_it_reads_changes(
    project: Path, looked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, ".")
    looked.clear()
    Path("shared.mlspec").write_text(PART + "\n# more\n")
    said(capsys, ".")
    assert looked == ["shared.mlspec", "uses.mlspec"]


def test_a_file_that_was_missing_is_seen_when_it_is_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("shared.mlspec").unlink()
    _, before = said(capsys, ".")
    Path("shared.mlspec").write_text(PART)
    _, after = said(capsys, ".")
    assert "MLS114" in before
    assert "MLS114" not in after


def test_settings_of_the_project_count(project: Path, looked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, ".")
    looked.clear()
    Path("mlspec.toml").write_text('[policy.levels]\nMLS105 = "error"\n')
    said(capsys, ".")
    assert len(looked) == 5


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "[]",
        '{"specs": []}',
        '{"specs": {"good.mlspec": {}}}',
        '{"specs": {"good.mlspec": {"files": {}, "found": [{}], "sources": {}}}}',
    ],
)
def test_an_entry_of_another_make_is_written_anew(project: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = said(capsys, ".")
    [entry] = Path(".mlspec/cache").glob("*.json")
    entry.write_text(damage)
    assert said(capsys, ".") == first
    assert len(json.loads(entry.read_text())["specs"]) == 5


@pytest.mark.parametrize("flag", [["--untrusted"], ["--today", "2026-11-23"], ["--target", "local"]])
def test_what_asks_for_more_is_not_kept(project: Path, flag: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    main(["check", ".", *flag])
    assert not list(Path().glob(".mlspec/cache/*.json"))


EXTERN = """
extern feature twice(x: float) -> float {
  code = "twice.py:twice"
}
"""


def test_how_many_externs_are_permitted_counts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("twice.py").write_text("def twice(x):\n    return 2 * x\n")
    Path("good.mlspec").write_text(GOOD + EXTERN)
    _, before = said(capsys, ".")
    _, after = said(capsys, ".", "--max-externs", "0")
    assert "MLS118" not in before
    assert "MLS118" in after


def test_code_that_a_spec_names_counts(project: Path, looked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("twice.py").write_text("def twice(x):\n    return 2 * x\n")
    Path("good.mlspec").write_text(GOOD + EXTERN)
    said(capsys, ".")
    looked.clear()
    Path("twice.py").write_text("def twice(x):\n    return 3 * x\n")
    said(capsys, ".")
    assert looked == ["good.mlspec"]
