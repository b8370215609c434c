"""`mlspec diff`: golden reports of every example, what is always so of a diff, and the tables that its effects come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlspec.cli import main
from mlspec.cli.diff import _version
from mlspec.diff import EFFECTS, Comparison, compare, conditions, table
from mlspec.diff.fields import directed
from mlspec.driver import Compilation
from mlspec.spec import schema
from mlspec.spec.schema.body import ATTRIBUTES, RESOURCES, ROLES
from mlspec.spec.schema.constructors import CONSTRUCTORS
from mlspec.spec.values import Bounds
from tests.support.golden import compare as golden

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "diff"
FOLDERS = sorted(path for path in CASES.iterdir() if path.is_dir())
SPECS = [*sorted((ROOT / "specs").glob("*.mlspec")), *sorted((ROOT / "tests/cases/ok").rglob("*.mlspec"))]
READABLE = [path for path in sorted(CASES.glob("*/*.mlspec")) if path.parent.name != "cannot_be_compared"]
Capture = pytest.CaptureFixture[str]


def sides(folder: Path) -> list[str]:
    return ["old", "new"] if (folder / "old").is_dir() else ["old.mlspec", "new.mlspec"]


def diff(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[int, str]:
    """The exit code and the output of a diff inside a case's folder."""
    monkeypatch.chdir(folder)
    code = main(["diff", *sides(folder), "--no-color", *options])
    return int(code or 0), capsys.readouterr().out


def of(old: Path, new: Path) -> Comparison:
    one, other = Compilation(old), Compilation(new)
    return compare(_version(one, other.prefix), _version(other, other.prefix))


def of_texts(tmp_path: Path, old: str, new: str) -> Comparison:
    for name, text in (("old", old), ("new", new)):
        (tmp_path / f"{name}.mlspec").write_text(text)
    return of(tmp_path / "old.mlspec", tmp_path / "new.mlspec")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_case_reads_as_its_golden_text(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = diff(folder, capsys, monkeypatch)
    golden(folder / "expected.txt", f"{text}exit {code}\n")


@pytest.mark.parametrize("format", ["json", "markdown", "sarif", "github", "gitlab"])
@pytest.mark.parametrize("name", ["gates_weakened", "feature_reads_the_label", "folders", "cannot_be_compared"])
def test_the_other_formats(name: str, format: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = diff(CASES / name, capsys, monkeypatch, "--format", format)
    ending = {"markdown": "md", "github": "github"}.get(format, format)
    golden(CASES / name / f"expected.{ending}", text)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_does_not_differ_from_itself(path: Path) -> None:
    found = of(path, path)
    assert found.changes == ()
    assert not found.stages
    assert not found.errors


@pytest.mark.parametrize("path", [*SPECS, *READABLE], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_formatting_changes_nothing(path: Path, tmp_path: Path) -> None:
    from mlspec.syntax.format import format_file

    one = Compilation(path)
    assert one.tree is not None
    assert one.source is not None
    text = format_file(one.tree, one.source, schema.order)
    for imported in path.parent.glob("*/*.mlspec"):
        (tmp_path / imported.parent.name).mkdir(exist_ok=True)
        (tmp_path / imported.parent.name / imported.name).write_text(imported.read_text())
    (tmp_path / path.name).write_text(text)
    assert of(path, tmp_path / path.name).changes == ()


@pytest.mark.parametrize("name", schema.kinds())
def test_every_kind_and_every_field_has_a_row(name: str) -> None:
    row = schema.kind(name)
    assert row is not None
    assert set(table.KINDS[name]) <= set(EFFECTS)
    for field in row.fields.values():
        assert field.direction in table.DIRECTIONS, f"{name}.{field.name}"


def test_every_role_attribute_and_argument_has_a_row() -> None:
    assert set(table.ROLES) == {row[0] for row in ROLES}
    assert set(table.KINDS) == set(schema.kinds())
    assert {row[3] for row in ATTRIBUTES} <= set(table.DIRECTIONS)
    own = [parameter[4] for lines in CONSTRUCTORS.values() for line in lines for parameter in line[1] if len(parameter) > 4]
    assert own
    assert set(own) <= set(table.DIRECTIONS)
    assert {row[0] for row in RESOURCES} == set(table.RESOURCES)


def test_what_is_marked_exists() -> None:
    for kind, field in (*table.SECURITY_FIELDS, *table.INCOMPARABLE_FIELDS):
        row = schema.kind(kind)
        assert row is not None, kind
        calls = {
            parameter.name
            for each in row.fields.values()
            for form in [each.form]
            if form[0] == "call"
            for name in schema.constructors(form[1])
            for made in [schema.constructor(form[1], name)]
            if made is not None
            for parameter in made.parameters
        }
        assert field in row.fields or field in calls, (kind, field)
    assert {row[0] for row in ATTRIBUTES} >= table.SECURITY_ATTRIBUTES
    assert set(schema.kinds()) >= table.SECURITY_KINDS
    assert set(table.ROLES) >= table.SECURITY_ROLES


def test_an_unknown_direction_is_a_loosening() -> None:
    assert directed("sideways", 1, 2, "int", 1, 2)[0] == "loosening"
    assert directed("up_loosens", 1, None, "int", 1, None)[0] == "loosening"
    assert directed("later_loosens", "rollback", "guess", ("enum", "rollback", "hold"), "", "")[0] == "loosening"


ENUM = ("enum", "rollback", "hold", "alert")
ORDERED = [
    ("up_loosens", 30.0, 40.0, "duration"), ("down_loosens", 0.95, 0.8, "ratio"), ("up_loosens", (0.05, 1.0), (0.1, 1.0), "list"),
    ("up_loosens", Bounds(1, 5), Bounds(0, 9), "range"), ("drop_loosens", ("a", "b"), ("a",), "list"), ("drop_loosens", "a", None, ""),
    ("add_loosens", None, "a", ""), ("add_loosens", ("a",), ("a", "b"), "list"), ("later_loosens", "rollback", "alert", ENUM),
    ("drop_loosens", True, False, "bool"),
]  # fmt: skip


@pytest.mark.parametrize(("direction", "old", "new", "form"), ORDERED)
def test_loosening_one_way_is_tightening_the_other(direction: str, old: Any, new: Any, form: Any) -> None:
    assert directed(direction, old, new, form, old, new)[0] == "loosening"
    assert directed(direction, new, old, form, new, old)[0] == "tightening"
    assert directed(direction, old, old, form, old, old)[1] == 0


def lit(value: Any, type: str = "float") -> list[Any]:
    return ["lit", value, type]


def call(name: str, *args: Any, **named: Any) -> list[Any]:
    return ["call", name, list(args), named]


AUC, BASE = ["metric", "auc", "tune", {}], ["metric", "auc", "base", {}]
SLOW, FAST = ["metric", "latency", "tune", {"load": 50.0, "cpu": 1}], ["metric", "latency", "tune", {"load": 10.0, "cpu": 1}]
BY = {"by": ["feature", "sex"]}
# old, new: the new condition holds for more
LOOSER = [
    (call(">=", AUC, lit(0.88)), call(">=", AUC, lit(0.84))),
    (call("<=", AUC, lit(0.1)), call("<=", AUC, lit(0.2))),
    (call(">", AUC, lit(0.8)), call(">=", AUC, lit(0.8))),
    (call("<=", lit(0.8), AUC), call("<=", lit(0.7), AUC)),
    (call(">=", AUC, lit(80, "ratio")), call(">=", AUC, lit(70.0))),
    (call("in", AUC, ["range", lit(1), lit(5)]), call("in", AUC, ["range", lit(0), lit(5)])),
    (call("in", AUC, ["range", lit(1), lit(5)]), call(">=", AUC, lit(1))),
    (call("in", AUC, ["list", [lit(1)]]), call("in", AUC, ["list", [lit(1), lit(2)]])),
    (call(">=", call("lower", AUC), lit(0.8)), call(">=", AUC, lit(0.8))),
    (call(">=", AUC, lit(0.8)), call(">=", call("upper", AUC), lit(0.8))),
    (call("<=", call("upper", AUC), lit(0.8)), call("<=", AUC, lit(0.8))),
    (call(">=", call("lower", AUC), lit(0.8)), call(">=", AUC, lit(0.7))),
    (call(">=", call("worst", AUC, **BY), lit(0.8)), call(">=", AUC, lit(0.8))),
    (call("<=", call("p95", SLOW), lit(0.02, "duration")), call("<=", call("p50", SLOW), lit(0.02, "duration"))),
    (call("<=", call("p95", SLOW), lit(0.02, "duration")), call("<=", call("p95", FAST), lit(0.02, "duration"))),
    (call("<=", call("p95", SLOW), lit(0.02, "duration")), call("<=", call("p50", FAST), lit(0.03, "duration"))),
    (call("<=", call("abs", AUC), lit(0.1)), call("<=", AUC, lit(0.1))),
    (call(">=", call("-", call("lower", AUC), BASE), lit(0.1)), call(">=", call("-", AUC, BASE), lit(0.1))),
    (call("and", call(">=", AUC, lit(0.8)), call(">=", BASE, lit(0.1))), call(">=", AUC, lit(0.8))),
    (call(">=", AUC, lit(0.8)), call("or", call(">=", AUC, lit(0.8)), call(">=", BASE, lit(0.1)))),
    (call("not", call(">=", AUC, lit(0.1))), call("not", call(">=", AUC, lit(0.2)))),
    (call("and", call(">=", AUC, lit(0.8)), BASE), call("and", call(">=", AUC, lit(0.7)), BASE)),
]
UNKNOWN = [
    (call(">=", AUC, lit(0.8)), call("<=", AUC, lit(0.8))),
    (call("<=", AUC, lit(0.12, "points")), call("<=", AUC, lit(0.12, "ratio"))),
    (call(">=", AUC, lit(0.8)), call(">=", BASE, lit(0.8))),
    (call("in", AUC, ["range", lit(1), lit(5)]), call("in", AUC, ["range", lit(2), lit(6)])),
    (call(">=", call("lower", AUC), lit(0.8)), call(">=", AUC, lit(0.9))),
    (call("<=", call("gap", AUC, **BY), lit(0.1)), call("<=", call("gap", AUC, by=["feature", "age"]), lit(0.1))),
    (call("<=", call("gap", AUC, **BY), lit(0.1)), call("<=", AUC, lit(0.1))),
]


@pytest.mark.parametrize(("old", "new"), LOOSER)
def test_a_looser_condition_is_a_tighter_one_the_other_way(old: Any, new: Any) -> None:
    assert conditions.compare_conditions(old, new) == 1
    assert conditions.compare_conditions(new, old) == -1
    assert conditions.compare_conditions(old, old) == 0


@pytest.mark.parametrize(("old", "new"), UNKNOWN)
def test_what_cannot_be_told_is_not_guessed(old: Any, new: Any) -> None:
    assert conditions.compare_conditions(old, new) is None
    assert conditions.compare_conditions(new, old) is None


def test_the_exit_code_goes_by_the_gravest_effect(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert diff(CASES / "threshold_lowered", capsys, monkeypatch)[0] == 1
    assert diff(CASES / "threshold_lowered", capsys, monkeypatch, "--fail-on", "breaking")[0] == 0
    assert diff(CASES / "threshold_lowered", capsys, monkeypatch, "--fail-on", "never")[0] == 0
    assert diff(CASES / "threshold_raised", capsys, monkeypatch)[0] == 0
    assert diff(CASES / "threshold_raised", capsys, monkeypatch, "--fail-on", "tightening")[0] == 1
    assert diff(CASES / "cannot_be_compared", capsys, monkeypatch)[0] == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [(">= 0.88", ">= 88%"), ("gap = 30d", "gap = 720h"), ("confidence = 95%", "confidence = 0.95"), ("<= 20ms", "<= 0.02s")],
)
def test_a_number_in_another_spelling_is_no_change(old: str, new: str, tmp_path: Path) -> None:
    text = (CASES / "threshold_lowered" / "old.mlspec").read_text()
    assert of_texts(tmp_path, text, text.replace(old, new)).changes == ()


def test_another_candidate_is_told_once(tmp_path: Path) -> None:
    text = (CASES / "threshold_lowered" / "old.mlspec").read_text()
    found = of_texts(tmp_path, text, text.replace("candidate = tune.best", "candidate = base"))
    where = {change.where for change in found.changes}
    assert "gates.release.candidate" in where
    assert "gates.release.beats_base" in where, "it now compares the model with itself"
    assert "gates.release.useful" not in where


def test_a_fingerprint_survives_moved_lines_and_no_other_change(tmp_path: Path) -> None:
    old = (CASES / "threshold_lowered" / "old.mlspec").read_text()
    new = old.replace(">= 0.88", ">= 0.84")
    first = of_texts(tmp_path, old, new).changes[0].fingerprint
    moved = new.replace("spec churn {", "\n\n# moved\n\nspec churn {")
    assert of_texts(tmp_path, old, moved).changes[0].fingerprint == first
    assert of_texts(tmp_path, old, new.replace("0.84", "0.83")).changes[0].fingerprint != first


def test_a_long_value_shows_where_it_differs(tmp_path: Path) -> None:
    old = (CASES / "threshold_lowered" / "old.mlspec").read_text()
    words = ", ".join(f'"city_{number}"' for number in range(60))
    one = old.replace("city: category\n", f"city: category({words})\n")
    (change,) = (
        found
        for found in of_texts(tmp_path, one, one.replace("city_58", "village")).changes
        if found.where == "source.people.city"
    )
    assert "city_58" in change.old
    assert "village" in change.new
    (other,) = (
        found
        for found in of_texts(tmp_path, one, one.replace("city_58", "village").replace("city_59", "town")).changes
        if found.where == "source.people.city"
    )
    assert change.fingerprint != other.fingerprint


def test_a_block_with_an_error_is_not_called_gone(tmp_path: Path) -> None:
    old = (CASES / "threshold_lowered" / "old.mlspec").read_text()
    found = of_texts(tmp_path, old, old.replace("visits: int @range(0..500)", "visits: imt @range(0..500)"))
    change = next(change for change in found.changes if change.where == "source.people.visits")
    assert (change.effect, change.rule) == ("loosening", "not-compared")
    assert change.code.startswith("MLS")


def test_an_attribute_with_a_wrong_argument_is_a_loosening(tmp_path: Path) -> None:
    old = (CASES / "threshold_lowered" / "old.mlspec").read_text()
    found = of_texts(tmp_path, old, old.replace("@for(2h)", "@for(often)"))
    change = next(change for change in found.changes if change.where.endswith("@for"))
    assert change.effect == "loosening"
    assert change.code


def test_json_is_what_its_schema_says(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    import jsonschema

    from mlspec.cli.schema import published

    for folder in FOLDERS:
        document = json.loads(diff(folder, capsys, monkeypatch, "--format", "json")[1])
        jsonschema.validate(document, published("diff"))
    document["files"][0]["changes"] = [{"effect": "nicer"}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, published("diff"))


def test_the_page_has_the_tables_and_the_cases_as_they_are() -> None:
    from mlspec.diff.reference import TABLES, render
    from tests.docs.markdown import examples

    path = ROOT / "docs" / "diff.md"
    page = path.read_text(encoding="utf-8")
    assert render(page) == page, "run `python -m mlspec.diff.reference docs/diff.md`"
    assert all(f"<!-- table {name} -->" in page for name in TABLES)
    shown = [(word.partition("=")[2], one.text) for one in examples(path) for word in one.words if word.startswith("case=")]
    assert len(shown) > 5
    for name, text in shown:
        assert (CASES / name / "expected.txt").read_text(encoding="utf-8").startswith(text), name
