"""Types, levels, taint and forms of expressions, and the findings of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from mlspec.spec.kinds import LEVELS, TAINTS
from mlspec.spec.values import Typed
from tests.support.specs import check_text, render

TEXT = """mlspec 2026.1

spec demo {{
  owner = "team"
}}

param horizon: duration = 90d
param cut: float = 0.5

source t {{
  from = csv("t.csv")
  i: int
  f: float @range(1..9)
  q: float?
  r: ratio
  money: decimal(10, 2)
  s: string @pii(direct)
  note: text @pii(free_text)
  age: int @range(18..90) @pii(quasi)
  c: category("a", "b")
  open: category?
  d: date
  at: timestamp
  b: bool
{check}
}}

features x {{
  frame = t
{feature}
}}
"""


def feature(expression: str) -> tuple[Typed | None, str]:
    """The typed value of a feature, and the findings that are not "unused"."""
    spec, found = check_text(TEXT.format(check="", feature=f"  v := {expression}"))
    found = [finding for finding in found if finding.code.id != "MLS107"]
    value = spec.blocks["x"].definitions["v"].value if spec is not None else None
    return value, render(found)


@pytest.mark.parametrize(
    ("expression", "type_", "level", "taint"),
    [
        ("t.i + 1", "int", "Row", "none"),
        ("t.i + 1.5", "float", "Row", "none"),
        ("t.i / t.f", "float", "Row", "none"),
        ("t.i / t.i ?? 0.0", "float", "Row", "none"),
        ("t.q", "float?", "Row", "none"),
        ("t.q ?? 0.0", "float", "Row", "none"),
        ("t.r - 5%", "points", "Row", "none"),
        ("t.r * 2", "float", "Row", "none"),
        ("t.money * 2", "float", "Row", "none"),
        ("-t.i", "int", "Row", "none"),
        ("t.at - t.d", "duration", "Row", "none"),
        ("days(t.at - t.d)", "float", "Row", "none"),
        ("t.d + 7d", "date", "Row", "none"),
        ("t.d + 36h", "timestamp", "Row", "none"),
        ("t.at - horizon", "timestamp", "Row", "none"),
        ("year(t.at)", "int", "Row", "none"),
        ("t.i > 3 and not t.b", "bool", "Row", "none"),
        ("t.q > 3", "bool?", "Row", "none"),
        ('t.c == "a"', "bool", "Row", "none"),
        ("t.i in 1..5", "bool", "Row", "none"),
        ('t.open in ["u", "v"]', "bool?", "Row", "none"),
        ("if t.b then t.i else 2.5", "float", "Row", "none"),
        ("log(t.f)", "float", "Row", "none"),
        ("log(t.i)", "float?", "Row", "none"),
        ("sqrt(t.i)", "float?", "Row", "none"),
        ("log1p(t.age)", "float", "Row", "quasi"),
        ("clip(t.f, 0..2)", "float", "Row", "none"),
        ("max(t.i, t.f, 3)", "float", "Row", "none"),
        ("length(t.s)", "int", "Row", "direct"),
        ("bucket(t.age, [25, 40, 60])", "category", "Row", "quasi"),
        ("hmac(t.note)", "string", "Row", "none"),
        ("hmac(t.s)", "string", "Row", "quasi"),
        ("redact(t.note, [email, phone])", "text", "Row", "none"),
        ("cyclic(hour(t.at), 24)", "vector", "Row", "none"),
        ("scale(t.i)", "float", "Fitted", "none"),
        ("scale(t.i, method: robust)", "float", "Fitted", "none"),
        ("onehot(t.open)", "vector", "Fitted", "none"),
        ("target_rate(t.open, smoothing: 5)", "float", "Fitted", "none"),
        ("fill(t.q, with: 3.5)", "float", "Fitted", "none"),
        ("scale(fill(t.q))", "float", "Fitted", "none"),
        ("lower(t.s) == \"x\"", "bool", "Row", "direct"),
    ],
)  # fmt: skip
def test_types_levels_and_taint(expression: str, type_: str, level: str, taint: str) -> None:
    value, found = feature(expression)
    assert found == ""
    assert value is not None
    name = str(value.type) if value.type.name != "category" else "category"
    assert (name, LEVELS[value.level], TAINTS[value.taint]) == (type_, level, taint)


@pytest.mark.parametrize(
    ("expression", "form"),
    [
        ("t.i * (2 + 3)", ["call", "*", [["col", "i", "int"], ["lit", 5, "int"]], {}]),
        ("t.d + 36h - 12h", ["call", "-", [["call", "+", [["col", "d", "date"], ["lit", 129600.0, "duration"]], {}],
                                           ["lit", 43200.0, "duration"]], {}]),
        ("t.d > 2026-03-31", ["call", ">", [["col", "d", "date"], ["lit", "2026-03-31", "date"]], {}]),
        ("t.at > 2026-03-31T06:00:00Z", ["call", ">", [["col", "at", "timestamp"], ["lit", "2026-03-31T06:00:00Z", "timestamp"]], {}]),
        ("t.i in 1..5", ["call", "in", [["col", "i", "int"], ["range", ["lit", 1, "int"], ["lit", 5, "int"]]], {}]),
        ("if true then t.i else 0", ["col", "i", "int"]),
        ("bucket(t.i, [1, 2])", ["call", "bucket", [["col", "i", "int"], ["list", [["lit", 1, "int"], ["lit", 2, "int"]]]], {}]),
        ("fill(t.q, with: 0)", ["call", "fill", [["col", "q", "float?"]], {"with": {"value": 0}, "flag": False}]),
        ("t.f > cut", ["call", ">", [["col", "f", "float"], ["lit", 0.5, "float"]], {}]),
        ("round(t.f, 2)", ["call", "round", [["col", "f", "float"]], {"digits": 2}]),
    ],
)  # fmt: skip
def test_forms(expression: str, form: list[Any]) -> None:
    value, found = feature(expression)
    assert found == ""
    assert value is not None
    assert value.form == form


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("t.s + 1", "MLS201"),
        ("t.d + t.d", "MLS201"),
        ("t.b > t.b", "MLS201"),
        ("not t.i", "MLS201"),
        ("t.c == 3", "MLS201"),
        ("log(t.s)", "MLS201"),
        ("t.at > 3", "MLS201"),
        ("t.d > 3d", "MLS201"),
        ("t.i + 3d", "MLS202"),
        ("t.at - t.d > 3", "MLS202"),
        ("t.r - 5% > 1%", "MLS203"),
        ("t.i / t.i", "MLS205"),
        ("t.i / 0", "MLS205"),
        ("log(scale(t.i))", "MLS206"),
        ("t.i in 5..1", "MLS207"),
        ("bucket(t.i, [2, 1])", "MLS207"),
        ('t.c == "z"', "MLS211"),
        ("bucket(t.i, t.i)", "MLS201"),
        ("round(t.f, t.i)", "MLS206"),
        ("scale()", "MLS106"),
        ("scale(t.i, t.f, 3)", "MLS105"),
        ("scale(t.i, method: rubust)", "MLS101"),
        ("t.i ?? 0", "MLS201"),
        ("[t.i, t.s]", "MLS201"),
        ("t", "MLS104"),
        ("sum(t.i, over: 30d)", "MLS901"),
    ],
)
def test_wrong_expressions(expression: str, code: str) -> None:
    _, found = feature(expression)
    assert code in found, found


def test_names_stand_for_expressions_up_to_a_limit() -> None:
    doubling = "\n".join(f"  v{i} := v{i - 1} + v{i - 1}" for i in range(1, 40))
    spec, found = check_text(TEXT.format(check="", feature="  v0 := t.i + 1\n" + doubling))
    assert spec is None
    codes = {finding.code.id for finding in found}
    assert codes == {"MLS006"}
    first = min(finding.span.position for finding in found if finding.span is not None)
    assert first[0] > 30


def test_checks_of_a_source_see_its_columns_bare() -> None:
    lines = "  enough := rows() >= 10\n  rare := null_rate(q) <= 5% and share(i > 0) > 0.5\n  fresh := horizon >= 2026-01-01 - max(d)"
    spec, found = check_text(TEXT.format(check=lines, feature="  v := t.i"))
    assert spec is not None, render(found)
    fresh = spec.blocks["t"].definitions["fresh"].value
    assert LEVELS[fresh.level] == "Row"
    assert fresh.form[2][1][2][1] == ["call", "max", [["col", "d", "date"]], {}]


def test_features_may_name_earlier_features() -> None:
    spec, found = check_text(TEXT.format(check="", feature="  v := t.i + 1\n  w := scale(v)"))
    assert spec is not None, render(found)
    value = spec.blocks["x"].definitions["w"].value
    assert value.form == [
        "call",
        "scale",
        [["call", "+", [["col", "i", "int"], ["lit", 1, "int"]], {}]],
        {"method": "standard"},
    ]
    assert ("x", "v") in value.features
    assert ("t", "i") in value.columns


@pytest.mark.parametrize(("given", "shown"), [("30d", 2592000.0), ("90d + 1h", 7779600.0)])
def test_params_from_the_command_line(given: str, shown: float) -> None:
    text = TEXT.format(check="", feature="  v := days(horizon) + t.i")
    spec, found = check_text(text, params={"horizon": given})
    assert spec is not None, render(found)
    assert spec.blocks["horizon"].get("default").form == ["lit", shown, "duration"]
    assert spec.blocks["horizon"].fields["default"].origin == "-p horizon"
    assert [change.path for change in spec.overrides] == ["horizon"]


@pytest.mark.parametrize(
    ("params", "code"), [({"horizon": "3"}, "MLS202"), ({"horizn": "3d"}, "MLS101"), ({"cut": "x y"}, "MLS201")]
)
def test_wrong_params_from_the_command_line(params: dict[str, str], code: str) -> None:
    spec, found = check_text(TEXT.format(check="", feature="  v := days(horizon) + t.i * cut"), params=params)
    assert spec is None
    assert code in {finding.code.id for finding in found}


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("auc() >= 0.5", "MLS106"),
        ("auc(t) >= 0.5", "MLS104"),
        ("cyclic(t.i, period: 24) >= 0.5", "MLS201"),
        ("worst(rows()) >= 1", "MLS206"),
    ],
)
def test_wrong_calls_anywhere(gate: str, code: str) -> None:
    _, found = feature(gate)
    assert code in found, found


def test_required_arguments_may_be_named() -> None:
    value, found = feature("cyclic(t.i, period: 24)")
    assert found == ""
    assert value is not None
    assert value.form == ["call", "cyclic", [["col", "i", "int"]], {"period": 24}]
