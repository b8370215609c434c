"""The graph that a run keeps: taken for an unchanged spec, and for nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlspec.cli import graph_cache
from mlspec.cli.dispatch import parser_of
from mlspec.cli.graph_cache import Runnable, runnable
from mlspec.graph import write_plan

ROOT = Path(__file__).parents[2]
DEMO = (ROOT / "tests" / "cases" / "errors" / "MLS501" / "good.mlspec").read_text()
WARNS = (ROOT / "tests" / "cases" / "errors" / "MLS504" / "bad.mlspec").read_text()


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one clean spec."""
    monkeypatch.delenv("MLSPEC_NO_CACHE", raising=False)
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / "demo.mlspec").write_text(DEMO)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(*arguments: str) -> Runnable | None:
    """What `mlspec run` works with."""
    from mlspec.cli import run

    return runnable(parser_of("run", run).parse_args(["demo.mlspec", *arguments]))


def compiles(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> bool:
    """Whether the spec is compiled when it is asked for."""
    seen = []
    checked = graph_cache.checked

    def watched(*given: object, **named: object) -> object:
        seen.append(given)
        return checked(*given, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(graph_cache, "checked", watched)
        asked(*arguments)
    return bool(seen)


def test_a_kept_graph_is_the_compiled_one() -> None:
    compiled, kept = asked(), asked()
    assert compiled is not None and kept is not None
    assert write_plan(kept.graph) == write_plan(compiled.graph)
    assert (kept.root, kept.releasable, kept.serves) == (compiled.root, compiled.releasable, compiled.serves)
    assert list(kept.graph.stages) == list(compiled.graph.stages)


def test_an_unchanged_spec_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiles(monkeypatch)
    assert not compiles(monkeypatch)


def test_a_kept_spec_still_finds_lines() -> None:
    asked()
    kept = asked()
    assert kept is not None and kept.spec is not None
    assert kept.spec.span_of(next(iter(kept.spec.blocks))) is not None


def test_an_edit_compiles_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked()
    (project / "demo.mlspec").write_text(DEMO.replace('owner = "', 'owner = "other-'))
    assert compiles(monkeypatch)
    assert not compiles(monkeypatch)


def test_another_file_of_the_same_text_is_another_spec(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked()
    (project / "sub").mkdir()
    (project / "sub" / "demo.mlspec").write_text(DEMO)
    monkeypatch.chdir(project / "sub")
    assert compiles(monkeypatch)


def test_a_spec_with_warnings_says_them_each_time(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "demo.mlspec").write_text(WARNS)
    for _ in range(2):
        assert compiles(monkeypatch)
        assert "warning[MLS504]" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "[]", '{"files": {}}', '{"files": {}, "plan": {}, "facts": {}}', '{"files": {}, "plan": 1, "facts": 1}']
)
def test_an_entry_that_does_not_fit_is_none(project: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    asked()
    (entry,) = (project / ".mlspec" / "cache").glob("*.json")
    kept = json.loads(entry.read_text())
    entry.write_text(text)
    assert compiles(monkeypatch)
    assert json.loads(entry.read_text()) == kept


def test_nothing_is_kept_when_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_NO_CACHE", "1")
    assert compiles(monkeypatch)
    assert compiles(monkeypatch)
    assert not (project / ".mlspec").exists()
