"""What an estimator refuses only when it is fitted is refused by `check`: each row of the table is fitted, and checked."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlspec
from mlspec import catalogue
from mlspec.catalogue.conflicts import CONFLICTS

BASE = (Path(__file__).parents[1] / "cases" / "errors" / "MLS501" / "good.mlspec").read_text(encoding="utf-8")
CASES = [(name, row) for row in CONFLICTS for name in row[0]]
LABELS = {"binary": "people.bought", "multiclass": "people.job", "regression": "people.visits"}


def constructed(key: str, **params: Any) -> Any:
    row = catalogue.estimator(key)
    assert row is not None
    return getattr(import_module(row.module), row.name)(**params)


def labels(task: str) -> Any:
    draw = np.random.default_rng(0).random(90)
    return {"binary": (draw > 0.5).astype(int), "multiclass": np.arange(90) % 3, "regression": draw * 3 + 1}[task]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "row"), CASES, ids=lambda item: item if isinstance(item, str) else item[1])
def test_the_library_refuses_it(name: str, row: Any) -> None:
    estimator = catalogue.estimator(name)
    assert estimator is not None
    _, parameter, values, tasks, other, allowed, _ = row
    for task in tasks or estimator.tasks:
        for value in values:
            default = estimator.parameters.get(other, {}).get("default")
            against = {other: not default} if other and default in allowed else {}
            with pytest.raises((ValueError, TypeError, NotImplementedError)):
                constructed(name, **{parameter: value}, **against).fit(
                    np.random.default_rng(1).random((90, 4)) + 0.1, labels(task)
                )
    first = next(iter(values))
    for value in allowed:
        ratio = {"l1_ratios": [0.5]} if name.endswith("CV") else {"l1_ratio": 0.5}
        extra = ratio if "elasticnet" in values else {}
        constructed(name, **{parameter: first, other: value}, **extra).fit(
            np.random.default_rng(1).random((90, 4)), labels(estimator.tasks[0])
        )


def check(tmp_path: Path, body: str, label: str) -> list[str]:
    """The MLS209 of a model with this body on a label of this kind."""
    (tmp_path / "mlspec.toml").touch()
    path = tmp_path / "demo.mlspec"
    model = f"\nmodel tried {{\n{body}  features = inputs\n  label = {label}\n  part = parts.train\n}}\n"
    path.write_text(BASE + model, encoding="utf-8")
    return [f"{found.found} | {found.expected}" for found in mlspec.check(path) if found.code.id == "MLS209"]


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, (int, float)) else f'"{value}"'


@pytest.mark.parametrize(("name", "row"), CASES, ids=lambda item: item if isinstance(item, str) else item[1])
def test_check_refuses_it(tmp_path: Path, name: str, row: Any) -> None:
    _, parameter, values, tasks, other, allowed, wanted = row
    estimator = catalogue.estimator(name)
    assert estimator is not None
    label = LABELS[(tasks or estimator.tasks)[0]]
    # A forest draws rows by itself unless it is told not to: then the default of the other parameter is no conflict.
    default = estimator.parameters.get(other, {}).get("default")
    against = f"  {other} = {written(not default)}\n" if other and default in allowed else ""
    for value in values:
        body = f"  estimator = {name}\n  {parameter} = {written(value)}\n"
        (said,) = check(tmp_path, body + against, label)
        assert said.startswith(f"`{written(value)}` for ") and said.endswith(wanted)
        for beside in allowed:
            assert check(tmp_path, f"{body}  {other} = {written(beside)}\n", label) == []


def test_a_search_is_refused_where_no_draw_can_avoid_it(tmp_path: Path) -> None:
    """`l1` goes with a solver that the search may draw, `exponential` with no label of three classes."""
    (tmp_path / "mlspec.toml").touch()
    path = tmp_path / "demo.mlspec"
    for lines, wanted in (
        ('penalty = choice("l1", "l2")\n    solver = choice("lbfgs", "saga")', 0),
        ('penalty = choice("l1", "l2")\n    solver = choice("lbfgs", "sag")', 1),
        ('penalty = choice("l1", "l2")', 1),
    ):
        family = f"family linear {{\n    estimator = sklearn.LogisticRegression\n    {lines}\n"
        text = BASE.replace("family linear {\n    estimator = sklearn.LogisticRegression\n", family, 1)
        assert text != BASE
        path.write_text(text, encoding="utf-8")
        assert [found.code.id for found in mlspec.check(path) if found.code.id == "MLS209"] == ["MLS209"] * wanted, lines


@pytest.mark.parametrize(
    "lines",
    [
        'penalty = "l2"\n  l1_ratio = 0.5',
        "l1_ratio = 0.0",
        'l1_ratio = 0.5\n  solver = "saga"',
        'l1_ratio = 1.0\n  solver = "liblinear"',
    ],
)
def test_a_ratio_that_the_library_takes_is_no_finding(tmp_path: Path, lines: str) -> None:
    """Where `penalty` is given, the estimator does not read the ratio."""
    assert check(tmp_path, f"  estimator = sklearn.LogisticRegression\n  {lines}\n", LABELS["binary"]) == []
