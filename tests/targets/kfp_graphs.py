"""Graphs that ask for everything that the KFP target can express, and graphs of any size."""

from __future__ import annotations

from typing import Any

from mlspec.graph import Graph, Resources, Schedule, Stage
from mlspec.registry import load_backend

DIGEST = "a" * 64
IMAGE = f"registry.example/team/shop@sha256:{DIGEST}"


def options(**given: str) -> dict[str, Any]:
    """The target's options as the command line reads them."""
    return load_backend("kfp").read_options(given)


def everything(spec: str = "shop_news", words: str = "plain words", variable: str = "SHOP_SALT") -> Graph:
    """Every resource, a secret, a page, curves, gates and schedules; `words` stand wherever a plan takes any text."""
    source = Stage(
        "visits-extract", "extract", "visits", {"source": "visits", "format": "csv", "paths": [words], "options": {words: words}},
        outputs={"rows": "table"}, resources=Resources(retry=2, time_limit=90.5),
    )  # fmt: skip
    split = Stage(
        "parts-split", "split", "parts", {"name": words, "seed": 1}, {"rows": "visits-extract/rows"}, {"parts": "table"}
    )
    secrets = {"salt": {"kind": "env", "variable": variable}}
    features = Stage(
        "inputs-features", "features", "inputs", {"features": [{"name": words, "value": ["lit", words, "string"]}], "secrets": secrets},
        {"rows": "visits-extract/rows"}, {"values": "table"},
    )  # fmt: skip
    learning = {"rows": "visits-extract/rows", "values": "inputs-features/values", "parts": "parts-split/parts"}
    search = Stage(
        "tune-search", "search", "tune", {"name": "tune", "label": {"column": words}}, learning, {"package": "model", "study": "json"},
        resources=Resources(cpu=4, memory=3 * 2**30, gpu="nvidia-a100-80gb", gpus=2, shared_memory=2**30),
    )  # fmt: skip
    evaluate = Stage(
        "release-evaluate", "evaluate", "release", {"models": ["tune"], "plots": ["roc", "confusion"], "part": words},
        {**learning, "package.tune": "tune-search/package"}, {"predictions": "table", "metrics": "metrics"},
    )  # fmt: skip
    verdict = Stage(
        "release-verdict", "verdict", "release", {"gates": [{"name": words, "doc": words}]},
        {"metrics": "release-evaluate/metrics", "package.tune": "tune-search/package"}, {"verdict": "json"},
    )  # fmt: skip
    measure = Stage(
        "release-measure", "measure", "release", {"label": words}, {**learning, "package.tune": "tune-search/package"},
        {"measurements": "measurements"}, resources=Resources(exclusive=True),
    )  # fmt: skip
    enforce = Stage("release-enforce", "enforce", "release", {}, {"verdict": "release-verdict/verdict"}, {"release": "json"})
    found = {
        "metrics.release": "release-evaluate/metrics",
        "verdict.release": "release-verdict/verdict",
        "package.tune": "tune-search/package",
    }
    report = Stage("run-report", "report", "spec", {"owner": words, "doc": words}, found, {"report": "html"})
    card = Stage("run-card", "card", "spec", {"intended": words}, found, {"card": "markdown"})
    register = Stage(
        "run-register", "register", "spec", {"name": words}, {"package": "tune-search/package", "verdict": "release-verdict/verdict"},
        {"registration": "json"}, after=("release-enforce",),
    )  # fmt: skip
    stages = [source, split, features, search, evaluate, verdict, measure, enforce, report, card, register]
    nightly = Schedule("nightly_news", "release", tuple(stage.id for stage in stages), cron="30 2 * * 1-5", zone="UTC")
    hourly = Schedule("hourly", "visits", ("visits-extract",), every=3600.0, retry=1)
    return Graph.of(stages, spec=spec, schedules=[nightly, hourly])


def wide(count: int) -> Graph:
    """One stage that all the others read, and one that reads them all."""
    first = Stage("first", "write", "first", {"text": "x"}, {}, {"file": "json"})
    middle = [
        Stage(f"s{number}", "write", f"s{number}", {"text": "x"}, {"a": "first/file"}, {"file": "json"})
        for number in range(count - 2)
    ]
    last = Stage("last", "write", "last", {"text": "x"}, {f"i{n}": f"s{n}/file" for n in range(count - 2)}, {"file": "json"})
    return Graph.of([first, *middle, last])


def deep(count: int) -> Graph:
    """A chain."""
    stages = [Stage("s0", "write", "s0", {"text": "x"}, {}, {"file": "json"})]
    stages += [
        Stage(f"s{n}", "write", f"s{n}", {"text": "x"}, {"a": f"s{n - 1}/file"}, {"file": "json"}) for n in range(1, count)
    ]
    return Graph.of(stages)
