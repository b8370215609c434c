"""`mlspec.toml` and waivers: golden findings for every fault, and what a policy and a waiver do to findings."""

from __future__ import annotations

import os
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlspec.cli import main
from mlspec.diagnostics import Code, Diagnostic, all_codes
from mlspec.diagnostics.levels import FIXED, LEVELS, WAIVABLE, WHY_FIXED, why_not_lowered, why_not_waived
from mlspec.diagnostics.pages import snippets
from mlspec.diagnostics.render import render, summary
from mlspec.driver import Compilation
from mlspec.policy import Policy, read_policy
from mlspec.policy.places import places_of
from mlspec.policy.rows import EFFECT_LEVELS, ROWS, TABLES, row_of
from mlspec.source import SourceFile
from tests.support.golden import compare

CASES = Path(__file__).parents[1] / "cases" / "policy"
FOLDERS = sorted(path for path in CASES.iterdir() if path.is_dir())
TODAY = "2026-12-01"
Capture = pytest.CaptureFixture[str]


def compiled(folder: Path) -> Compilation:
    day = folder / "today"
    return Compilation(folder / "demo.mlspec", today=day.read_text().strip() if day.exists() else TODAY)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_case_reads_as_its_golden_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    one = compiled(folder)
    text = render(one.diagnostics).replace(f"{folder}{os.sep}", "")
    compare(folder / "expected.txt", text + (summary(one.diagnostics) or "no findings") + "\n")
    assert one.ok == (one.spec is not None)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_finding_in_settings_has_a_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    found = [item for item in compiled(folder).diagnostics if item.span is None or item.span.source.name == "mlspec.toml"]
    assert bool(found) == folder.name.startswith("settings")
    assert all(item.span is not None and item.span.position >= (1, 1) for item in found)


def test_a_finding_that_is_off_or_raised_stops_or_lets_a_spec_through(tmp_path: Path) -> None:
    text = (CASES / "levels_of_codes" / "demo.mlspec").read_text()
    (tmp_path / "demo.mlspec").write_text(text)
    settings = tmp_path / "mlspec.toml"
    expected = {
        "": ("warning", True),
        '[policy.codes]\nMLS504 = "error"\n': ("error", False),
        '[policy.codes]\nMLS504 = "off"\n': ("", True),
    }
    for policy, (severity, ok) in expected.items():
        settings.write_text(policy)
        one = Compilation(tmp_path / "demo.mlspec")
        assert ([item.severity for item in one.diagnostics], one.spec is not None) == ([severity] if severity else [], ok)


def test_another_policy_can_be_held_to(tmp_path: Path) -> None:
    (tmp_path / "mlspec.toml").write_text('[policy.codes]\nMLS504 = "off"\n')
    (tmp_path / "demo.mlspec").write_text((CASES / "levels_of_codes" / "demo.mlspec").read_text())
    policy, found = read_policy(SourceFile("base", '[policy.codes]\nMLS504 = "error"\n'))
    assert not found
    assert not Compilation(tmp_path / "demo.mlspec", policy=policy).ok


def test_a_check_is_kept_for_its_settings_and_its_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A waiver ends at midnight, and a policy may change without the spec."""
    monkeypatch.chdir(tmp_path)
    spec = tmp_path / "demo.mlspec"
    spec.write_text((CASES / "waiver_of_a_warning" / "demo.mlspec").read_text().replace("2027-03-31", "2099-12-31"))
    settings = tmp_path / "mlspec.toml"
    settings.write_text('[policy]\napprovers = ["ml-risk"]\n')

    def said() -> str:
        from mlspec.cli.check_cache import replay

        arguments = ["check", "demo.mlspec"]
        monkeypatch.setattr("sys.argv", ["mlspec", *arguments])
        if replay(arguments[1:]) is None:
            main(arguments)
            return "new: " + capsys.readouterr().out.splitlines()[-1]
        return "kept: " + capsys.readouterr().out.splitlines()[-1]

    assert [said(), said()] == ["new: demo.mlspec: 1 waived", "kept: demo.mlspec: 1 waived"]
    settings.write_text('[policy]\napprovers = ["nobody"]\n')
    assert [said(), said()] == ["new: demo.mlspec: 1 error, 1 warning", "kept: demo.mlspec: 1 error, 1 warning"]
    tomorrow = (int(time.time()) // 86_400 + 1) * 86_400.0
    monkeypatch.setattr("mlspec.cli.check_cache.time.time", lambda: tomorrow)
    assert said().startswith("new: ")


def test_every_code_of_the_tables_exists_and_has_a_reason() -> None:
    rows = {row.id: row.severity for row in all_codes()}
    assert {id[3] for id in rows} <= set(WHY_FIXED)
    assert {*FIXED, *WAIVABLE} <= set(rows)
    assert all(rows[id] == "error" for id in WAIVABLE), "warnings may be waived anyhow"
    for id, severity in rows.items():
        assert bool(why_not_lowered(id, severity)) == (severity == "error" or id in FIXED)
        fixed = why_not_lowered(id, severity) or id.startswith("MLS7")
        assert fixed or not why_not_waived(id, severity), "what may be lowered for all may be waived at a place"


@pytest.mark.parametrize("row", all_codes(), ids=lambda row: row.id)
def test_no_setting_lowers_an_error(row: Code) -> None:
    for level in LEVELS:
        policy, found = read_policy(SourceFile("mlspec.toml", f'[policy.codes]\n{row.id} = "{level}"\n'))
        lowered = LEVELS.index(level) > LEVELS.index(row.severity)
        assert [item.code.id for item in found] == (["MLS517"] if lowered and why_not_lowered(row.id, row.severity) else [])
        assert policy.level(row.id) == (None if found else level)


def test_the_rows_name_their_tables_and_directions() -> None:
    from mlspec.diff import EFFECTS
    from mlspec.diff.table import DIRECTIONS

    assert {row[3] for row in ROWS} <= set(DIRECTIONS)
    assert {row[0].rpartition(".")[0] for row in ROWS} <= set(TABLES)
    assert tuple(EFFECT_LEVELS) == EFFECTS
    assert row_of("policy.codes.MLS504") is not None
    assert row_of("policy.codes") is None
    assert row_of("policy.other") is None


DOCUMENTS = (
    'a = 1\n[t]\nb = "x"  # = [no]\n"quoted.key" = \'y\'\n[t.u]\nc = [1, [2, 3], "]"]\n',
    "a.b.c = {d = 1, 'e f' = {g = [true]}}\nh = 2024-01-01 12:00:00\n",
    'm = """\nx = 1\n\\"""\n"""\nn = \'\'\'a\n]\'\'\'\n[o]\np = [\n  "q", # r\n  "s",\n]\n',
    '[[array]]\nx = 1\n[[array]]\nx = 2\n["dotted".table]\ny = -1.5e3\n',
)


@pytest.mark.parametrize("text", DOCUMENTS)
def test_every_key_of_a_document_has_its_place(text: str) -> None:
    places = places_of(text)

    def keys(table: object, prefix: tuple[str, ...]) -> list[tuple[str, ...]]:
        if isinstance(table, list) and all(isinstance(item, dict) for item in table):
            return [key for item in table for key in keys(item, prefix)]
        if not isinstance(table, dict):
            return []
        return [path for key, item in table.items() for path in [(*prefix, key), *keys(item, (*prefix, key))]]

    for path in keys(tomllib.loads(text), ()):
        start, end, value, stop = places[path]
        assert path[-1] in text[start:end].replace('"', "").replace("'", "")
        assert 0 <= start < end <= stop
        assert value < stop <= len(text)


@pytest.mark.parametrize("kind", ["link", "folder", "latin1", "pipe"])
def test_settings_that_are_no_text_of_the_project_stop_everything(kind: str, tmp_path: Path) -> None:
    (tmp_path / "demo.mlspec").write_text((CASES / "levels_of_codes" / "demo.mlspec").read_text())
    path = tmp_path / "mlspec.toml"
    if kind == "link":
        (tmp_path / "other.toml").write_text("")
        path.symlink_to("other.toml")
    elif kind == "folder":
        path.mkdir()
    elif kind == "latin1":
        path.write_bytes(b"# \xe9\n")
    else:
        os.mkfifo(path)
    one = Compilation(tmp_path / "demo.mlspec")
    assert one.spec is None
    assert [item.code.id for item in one.diagnostics if item.severity == "error"] == [
        "MLS007" if kind == "latin1" else "MLS114"
    ]


@pytest.mark.parametrize("at", ["release", "release.fair", "release.min_group"])
def test_a_waiver_covers_what_stands_at_its_place(at: str, tmp_path: Path) -> None:
    """A finding at a gate is inside the gates block, and inside no other of its members."""
    (tmp_path / "mlspec.toml").write_text('[policy]\napprovers = ["ml-risk"]\n')
    text = snippets("MLS505")["Wrong"] + (
        f'\nwaive later {{\n  finding = "MLS505"\n  at = {at}\n  reason = "the field test has few customers"\n  owner = "ml-risk"\n'
        "  expires = 2027-03-31\n}\n"
    )
    (tmp_path / "demo.mlspec").write_text(text)
    found = {item.code.id: item.severity for item in Compilation(tmp_path / "demo.mlspec", today=TODAY).diagnostics}
    gate = "release.fair" if "fair :=" in text else "release"
    if at in ("release", gate):
        assert found["MLS505"] == "waived"
        assert "MLS515" not in found
    else:
        assert found["MLS505"] == "warning"
        assert found["MLS515"] == "warning"


def test_a_waiver_of_a_spec_without_a_spec_block_is_signed_by_nobody(tmp_path: Path) -> None:
    text = (CASES / "waiver_of_a_warning" / "demo.mlspec").read_text()
    (tmp_path / "demo.mlspec").write_text(text.replace('spec demo {\n  owner = "team-a"\n}\n\n', ""))
    (tmp_path / "mlspec.toml").touch()
    found = [item.code.id for item in Compilation(tmp_path / "demo.mlspec", today=TODAY).diagnostics]
    assert {"MLS106", "MLS513"} <= {*found}


HOSTILE = {
    "dotted": "a" + ".a" * 30_000 + " = 1\n",
    "header": "[" + "a." * 30_000 + "a]\n",
    "arrays": "a = " + "[" * 30_000 + "]" * 30_000 + "\n",
    "some arrays": "a = " + "[" * 150 + "]" * 150 + "\n",
    "tables": "a = " + "{a = " * 8_000 + "1" + "}" * 8_000 + "\n",
    "number": "a = " + "9" * 60_000 + "\n",
    "keys": "".join(f"k{number} = 1\n" for number in range(6_000)),
    "codes": "[policy.codes]\n" + "".join(f"MLS{number} = 1\n" for number in range(4_000)),
    "string": 'a = """' + "x\\n" * 20_000 + '"""\n',
    "hidden": "# " + "\u202e" * 30_000 + "\n",
    "large": "# " + "x" * 100_000 + "\n",
    "surrogate": 'a = "\ud800"\n',
    "nothing": "",
    "nul": "\x00",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_breaks_the_settings_or_holds_them_up(name: str) -> None:
    began = time.process_time()
    _, found = read_policy(SourceFile("mlspec.toml", HOSTILE[name]))
    assert bool(found) == (name != "nothing")
    assert len(found) <= 100
    assert all(item.span is not None and 0 <= item.span.start <= item.span.end <= len(HOSTILE[name]) + 1 for item in found)
    assert bool(render(found)) == bool(found)
    assert time.process_time() - began < 2


PIECES = st.sampled_from(
    ["[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", " ", "#", '"', "'", '"""', "\'\'\'", "\\", "policy", "codes", "effects", "MLS504",
     "tighten_only", "approvers", "true", '"error"', "1", "-", "2026-01-01", "é", "\t", "\r"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_or_refused_at_its_place(text: str) -> None:
    policy, found = read_policy(SourceFile("mlspec.toml", text))
    assert all(item.span is not None and item.span.start <= len(text) for item in found)
    assert render(found) or not found
    for path in policy.values:
        span = policy.spans[path]
        assert path.rpartition(".")[2] in span.text


def test_what_a_target_cannot_do_has_its_level_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """MLS702 of a schedule that the local machine's cron keeps: raised it stops, off it is not told."""
    monkeypatch.chdir(tmp_path)
    text = (CASES / "levels_of_codes" / "demo.mlspec").read_text()
    (tmp_path / "demo.mlspec").write_text(
        text + '\nschedule nightly {\n  at = cron("0 2 * * *", zone: "UTC")\n  run = linear\n}\n'
    )
    for level, code, told in (("warning", 0, "warning[MLS702]"), ("error", 1, "error[MLS702]"), ("off", 0, "")):
        (tmp_path / "mlspec.toml").write_text(f'[policy.codes]\nMLS702 = "{level}"\n')
        assert main(["check", "demo.mlspec", "--target", "local", "--no-color"]) == code
        text = capsys.readouterr().out
        assert ("MLS702" in text) == bool(told)
        assert told in text


def test_thousands_of_waivers_hold_nobody_up(tmp_path: Path) -> None:
    """Many of one place, many of no place, and many findings: one pass over the text."""
    from mlspec.policy.judge import judge
    from mlspec.source import Span

    body = 'at = {at}\n  reason = "there is a reason for this"\n  owner = "{owner}"\n  expires = 2027-03-31\n}}\n'
    text = 'mlspec 2026.1\n\nspec demo {\n  owner = "a"\n  approvers = ["ml-risk"]\n}\n\nparam p: int = 1\n'
    for number in range(1500):
        at, owner = ("p", "ml-risk") if number % 2 else (f"q{number}", f"mx-risk{number}")
        text += f'\nwaive w{number} {{\n  finding = "{"MLS107" if number % 3 else "MLS1O7"}"\n  ' + body.format(
            at=at, owner=owner
        )
    (tmp_path / "demo.mlspec").write_text(text)
    (tmp_path / "mlspec.toml").touch()
    one = Compilation(tmp_path / "demo.mlspec", today=TODAY)
    spec = one.rough
    assert spec is not None
    span = spec.blocks["p"].span
    row = next(row for row in all_codes() if row.id == "MLS107")
    found = [
        Diagnostic(row, Span(span.source, span.start, span.end), {"name": f"n{number}", "kind": "param"})
        for number in range(20_000)
    ]
    began = time.process_time()
    judged = judge(spec, found, Policy(), TODAY)
    assert time.process_time() - began < 2.5
    assert sum(item.severity == "waived" for item in judged) == 20_000


def test_the_first_of_two_waivers_counts_and_the_other_is_stale(tmp_path: Path) -> None:
    text = (CASES / "waiver_of_a_warning" / "demo.mlspec").read_text()
    block = text[text.index("\nwaive") :]
    (tmp_path / "demo.mlspec").write_text(text + block.replace("fairness_later", "again"))
    (tmp_path / "mlspec.toml").write_text((CASES / "waiver_of_a_warning" / "mlspec.toml").read_text())
    found = Compilation(tmp_path / "demo.mlspec", today=TODAY).diagnostics
    assert [item.waived.name for item in found if item.waived is not None] == ["fairness_later"]
    assert [item.data["name"] for item in found if item.code.id == "MLS515"] == ["again"]


@pytest.mark.parametrize(
    "field", ['channel team = webhook("https://hooks.example/T0KEN")', 'channel team = slack("https://chat.example/T0KEN")']
)
def test_a_text_where_a_secret_must_stand_is_waived_by_nobody(
    field: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text is dropped there: nothing would be left to run, and no comparison would see that it changed."""
    waiver = """
waive no_secret {
  finding = "MLS404"
  at = team
  reason = "an example of the documentation, which opens nothing"
  owner = "ml-risk"
  expires = 2999-12-31
}
"""
    path = tmp_path / "demo.mlspec"
    base = (Path(__file__).parents[1] / "cases/review/loosened/old/demo.mlspec").read_text()
    (tmp_path / "mlspec.toml").write_text('[policy]\napprovers = ["ml-risk"]\n')
    path.write_text(f"{base}\n{field}\n{waiver}")
    found = Compilation(path)
    assert [item.code.id for item in found.diagnostics if item.severity == "error"] == ["MLS404", "MLS512"]
    assert not found.ok
    for command in ("plan", "graph", "check"):
        assert main([command, str(path)]) == 1
        said = capsys.readouterr()
        assert "MLS404 where a secret must stand cannot be waived" in said.out + said.err, command
