"""`check --fix`: what it writes, what it leaves, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import mlspec
from mlspec.cli import exits, main
from mlspec.cli.fix import apply, chosen
from mlspec.diagnostics import Diagnostic
from mlspec.source import SourceFile
from mlspec.syntax import parse
from tests.unit.test_spec_messages import BASE, TABLES, check

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("NO_COLOR", "FORCE_COLOR", "MLSPEC_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "mlspec.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "demo.mlspec"


def run(*arguments: str, code: int = 0) -> None:
    assert main(["check", *arguments]) == code


def wrong(*edits: tuple[str, str]) -> str:
    text = BASE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return text


MANY = (("mlspec 2026.1\n\n", ""), ('owner = "team', "owner: 'team"), ('tabular"', "tabular'"), ("<= 12pp", "<= 12%"))


def test_edits_are_made_shown_and_checked_again(demo: Path, capsys: Capture) -> None:
    demo.write_text(wrong(*MANY))
    run("--fix", "demo.mlspec")
    said = capsys.readouterr().out
    assert demo.read_text() == BASE
    assert "+mlspec 2026.1\n" in said and "-  fair_errors" in said
    assert said.endswith("demo.mlspec: 4 edits made\ndemo.mlspec: no findings\n")
    run("--fix", "demo.mlspec")
    assert capsys.readouterr().out == "demo.mlspec: no findings\n", "nothing is left to fix"


def test_a_guess_is_left_to_a_person(demo: Path, capsys: Capture) -> None:
    demo.write_text(wrong(("part = by_chance.train", "part = by_chance.trian"), ("<= 12pp", "<= 12%")))
    run("--fix", "demo.mlspec", code=1)
    said = capsys.readouterr().out
    assert "by_chance.trian" in demo.read_text() and "<= 12pp" in demo.read_text()
    assert "MLS101" in said and said.endswith("1 suggested edit not made: `--fix-all` makes them\n")
    run("--fix-all", "demo.mlspec")
    assert demo.read_text() == BASE


def test_line_ends_and_mode_stay(demo: Path) -> None:
    demo.write_bytes(b"\xef\xbb\xbf" + wrong(*MANY).replace("\n", "\r\n").encode())
    demo.chmod(0o640)
    run("-q", "--fix", "demo.mlspec")
    assert demo.read_bytes() == b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode()
    assert demo.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in demo.parent.iterdir() if path.suffix == ".tmp"] == []


def test_a_link_stays_a_link(demo: Path) -> None:
    real = demo.with_name("real.mlspec")
    real.write_text(wrong(*MANY))
    demo.symlink_to(real.name)
    run("-q", "--fix", "demo.mlspec")
    assert demo.is_symlink() and real.read_text() == BASE


def test_what_cannot_be_fixed_says_so_and_stays(demo: Path, capsys: Capture) -> None:
    run("--fix", "-", code=exits.USAGE)
    assert "standard input cannot be fixed" in capsys.readouterr().err
    demo.write_text(wrong(*MANY))
    demo.chmod(0o444)
    run("--fix", "demo.mlspec", code=exits.INPUT_OUTPUT)
    assert "`demo.mlspec` is read-only: nothing was fixed" in capsys.readouterr().err
    assert demo.read_text() == wrong(*MANY)
    run("--fix", "none.mlspec", code=1)
    assert "MLS114" in capsys.readouterr().out


def test_a_machine_reads_findings_alone(demo: Path, capsys: Capture) -> None:
    demo.write_text(wrong(*MANY, ("part = by_chance.train", "part = by_chance.trian")))
    run("--fix", "--format", "json", "demo.mlspec", code=1)
    said = capsys.readouterr()
    (left,) = json.loads(said.out)["diagnostics"]
    assert [edit["guess"] for edit in left["edits"]] == [True]
    assert said.err == "demo.mlspec: 4 edits made\n"


def test_an_import_is_fixed_where_it_is_named(demo: Path) -> None:
    shared = demo.with_name("shared.mlspec")
    shared.write_text('mlspec 2026.1\n\nspec shared {\n  owner: "a"\n}\n\nchannel team = log()\n')
    demo.write_text(BASE.replace("mlspec 2026.1\n", 'mlspec 2026.1\n\nuse "./shared.mlspec" as shared\n', 1))
    run("-q", "--fix", "demo.mlspec", code=1)
    assert 'owner: "a"' in shared.read_text()
    run("-q", "--fix", "shared.mlspec")
    assert 'owner = "a"' in shared.read_text()


@pytest.mark.parametrize("name", TABLES["messages"])
def test_edits_with_one_reading_break_nothing(name: str, tmp_path: Path) -> None:
    """The text after them still parses where it did, and has no more errors than before."""
    found = check("messages", name, tmp_path)
    path = tmp_path / "demo.mlspec"
    source = next((one.span.source for one in found if one.span is not None), None)
    assert source is not None
    edits = chosen(found, source, guesses=False)
    text = apply(source.text, edits)
    path.write_text(text)
    after = mlspec.check(path)
    if edits:
        assert len(parse(SourceFile("demo", text))[1]) <= len(parse(source)[1])
        assert [one for one in told(found) if one not in told(after)], "an edit removes what it is for"


def told(found: list[Diagnostic]) -> list[tuple[str, str, str]]:
    return [(one.code.id, one.message, one.span.text if one.span is not None else "") for one in found]
