"""A reference and request logs made from known distributions, for the tests of the monitor."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from mlspec.runtime.monitor.profile import profile_of
from mlspec.runtime.monitor.window import Reference

PACKAGE = "a" * 64
NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
FEATURES = {"age": "int", "work": "category?", "gain": "float"}
NAMES = list(FEATURES)
LABEL = {
    "column": "late",
    "task": "binary",
    "classes": ["no", "yes"],
    "positive": "yes",
    "favourable": "no",
    "type": "category",
}
FIELDS = [
    {"name": "score", "expression": ["call", "round", [["ambient", "score", "float"]], {"digits": 3}]},
    {"name": "inputs", "expression": ["features", NAMES]},
    {"name": "application", "expression": ["col", "application", "string"]},
]


def draw(rng: np.random.Generator, shift: float = 0.0, nulls: float = 0.05) -> dict[str, Any]:
    """One record's features and score; `shift` moves the age by as many standard deviations."""
    age = int(40 + 12 * (rng.normal() + shift))
    return {
        "inputs": {
            "age": age,
            "work": None if rng.random() < nulls else str(rng.choice(["private", "state", "self"], p=[0.7, 0.2, 0.1])),
            "gain": 0.0 if rng.random() < 0.9 else float(rng.lognormal(8, 1)),
        },
        "score": round(float(1 / (1 + np.exp(-(age - 45) / 10))), 3),
    }


def reference(rows: int = 5_000, seed: int = 1) -> Reference:
    rng = np.random.default_rng(seed)
    drawn = [draw(rng) for _ in range(rows)]
    profiles = {
        name: profile_of(name, kind, [row["inputs"][name] for row in drawn], 10).to_json() for name, kind in FEATURES.items()
    }
    scores = [row["score"] for row in drawn]
    decisions = {"no": sum(score < 0.5 for score in scores), "yes": sum(score >= 0.5 for score in scores)}
    return Reference.from_json(
        {
            "package": PACKAGE, "part": "holdout", "rows": rows, "min_cell": 10, "features": profiles, "label": LABEL, "threshold": 0.5,
            "score": {"score": profile_of("score", "float", scores, 10).to_json()}, "decisions": decisions, "metrics": {},
        }
    )  # fmt: skip


def write_log(
    root: Path, count: int, *, end: datetime = NOW, hours: float = 20, seed: int = 2, package: str = PACKAGE, **drawn: float
) -> Path:
    """A log of `count` records spread over the hours before `end`."""
    folder = root / ".mlspec" / "logs" / "api"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fields.json").write_text(json.dumps({"format": 1, "log": "decisions", "fields": FIELDS}))
    rng = np.random.default_rng(seed)
    for number in range(count):
        at = end - timedelta(hours=hours * (count - number - 0.5) / count)
        fields = {**draw(rng, **drawn), "application": f"a{seed}-{number}"}
        line = {
            "at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "request_id": f"{number:032x}",
            "model": package,
            "arm": None,
            "fields": fields,
        }
        with (folder / f"{at:%Y-%m-%d}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
    return folder


def check(name: str, expression: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "expression": expression, "for": 0.0, "delay": 0.0, "notify": ["console"], "doc": "", **more}


def at_most(left: Any, bound: float) -> Any:
    return ["call", "<=", [left, ["lit", bound, "float"]], {}]


def call(name: str, *args: Any, **named: Any) -> Any:
    return ["call", name, list(args), named]


WORST_PSI = call("worst", call("psi", ["features", NAMES]))
WORST_NULL = call("worst", call("null_rate", ["features", NAMES]))


def config(*checks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "watch", "of": "api", "reference": {"run": None, "stage": "watch-reference"}, "every": 3600.0, "window": 86400.0,
        "min_cell": 10, "checks": list(checks), "channels": {"console": {"kind": "log"}}, "task": "binary", "positive": "yes",
        "favourable": "no", "label": None, **more,
    }  # fmt: skip
