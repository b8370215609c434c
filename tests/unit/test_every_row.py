"""Every row of the tables, used once: it lowers to a plan, or a check says at its place what does not fit or is not built.

A row that is marked as not built gives MLS901; one that is marked as built never does by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlspec
from mlspec import catalogue
from mlspec.catalogue import fitted, history, interval, live, row
from mlspec.catalogue.metrics import METRICS
from mlspec.diagnostics import Diagnostic
from mlspec.graph.plan_format import plan_from_json, plan_to_json
from mlspec.lower.monitoring import monitor_config
from mlspec.lower.serving import score_config, serve_config
from mlspec.spec import schema
from mlspec.spec.columns import TYPES
from mlspec.spec.schema.body import ATTRIBUTES
from mlspec.spec.schema.constructors import CONSTRUCTORS

BASE = (Path(__file__).parents[1] / "cases" / "errors" / "MLS407" / "good.mlspec").read_text(encoding="utf-8")
BASE = BASE.replace("  sex := people.sex @audit", "  sex := people.sex @audit\n  # features", 1)
BASE = BASE.replace("  code: string @key", "  code: string @key\n  seen: date @event_time", 1)
BASE = BASE.replace("""positive: "yes")\n""", """positive: "yes")\n  # columns\n""", 1)
BASE += """
score nightly {
  model = tune.best
  gate = release
  input = csv("in.csv")
  output = csv("out.csv")
}

card about {
  intended_use = "To see who buys."
}

env dev {
  set tune.trials = 2
}
"""
HEADS = {
    "spec": "spec demo {", "source": "source people {", "split": "split parts {", "features": "features inputs {", "model": "model base {",
    "search": "search tune {", "family": "family linear {", "gates": "gates release {", "serve": "serve api {", "log": "log decisions {",
    "monitor": "monitor watch {", "score": "score nightly {", "card": "card about {",
}  # fmt: skip
# Blocks that the base does not have; of those the fields are written into a block of their own.
OTHERS = {"schedule": "schedule", "frame": "frame", "publish": "publish", "evaluate": "evaluate", "compress": "compress", "train": "train",
          "extern": "extern", "test": "test", "waive": "waive", "prompt": "prompt", "canary": "canary", "shadow": "shadow", "ab": "ab"}  # fmt: skip
WORDS = {
    "string": '"words"', "text": '"words"', "int": "3", "float": "0.5", "bool": "true", "duration": "1d", "bytes": "1GiB", "ratio": "50%",
    "points": "2pp", "rate": "5rps", "date": "2026-01-01", "timestamp": "2026-01-01T00:00:00Z", "const": "1", "column": "job",
    "estimator": "sklearn.LogisticRegression", "metric": "auc", "part": "parts.tune", "model": "base", "features": "inputs",
    "label": "people.bought", "secret": "salt", "rows": "[row(age: 20)]", "foreign_column": "people.seen", "path": "release.useful",
    "bound": "1..2", "sibling": "dual", "name": "older", "tolerance": "0.1",
}  # fmt: skip
NAMES = {"source": "people", "features": "inputs", "model": "base", "search": "tune", "gates": "release", "serve": "api", "channel": "console",
         "secret": "salt", "entity": "person", "explore": "eda", "split": "parts", "prompt": "ask", "monitor": "watch", "score": "nightly",
         "publish": "out", "frame": "people"}  # fmt: skip


def value(form: Any) -> str:
    """Some value of a form."""
    head, *rest = (form,) if isinstance(form, str) else form
    if head == "enum":
        return str(rest[0])
    if head == "list":
        return f"[{value(rest[0])}]"
    if head == "one":
        return value(rest[0])
    if head == "range":
        return f"{value(rest[0])}..{value(rest[0])}"
    if head == "call":
        names = schema.constructors(rest[0])
        return call(rest[0], names[0]) if names else "timm.net()"
    if head == "ref":
        return NAMES[rest[0]]
    if head == "tag":
        return f'{rest[0]}"""select 1"""'
    if head in ("int", "float", "ratio") and rest and rest[0] is not None:
        return {"ratio": "60%"}.get(head, str(max(rest[0], 1)))
    return WORDS[head]


def call(group: str, name: str, extra: str = "") -> str:
    """A call of a constructor with what it must have, and one more argument."""
    made = schema.constructor(group, name)
    assert made is not None
    given = [
        f"{p.name}: {value(p.form)}" if not p.many else value(p.form) for p in made.parameters if p.required or p.name == extra
    ]
    return f"{name}({', '.join(given)})"


def with_field(kind: str, field: str, text: str) -> str:
    """The base with a field of a block of this kind set."""
    if kind not in HEADS:
        return f"{BASE}\n{OTHERS[kind]} extra {{\n  {field} = {text}\n}}\n"
    head, _, rest = BASE.partition(HEADS[kind])
    body, _, tail = rest.partition("\n}\n" if kind not in ("log", "family") else "\n  }\n")
    lines = [line for line in body.split("\n") if not line.strip().startswith(f"{field} = ")]
    close = "\n}\n" if kind not in ("log", "family") else "\n  }\n"
    return f"{head}{HEADS[kind]}\n  {field} = {text}" + "\n".join(lines) + close + tail


def check(text: str, where: Path) -> list[Diagnostic]:
    """What a check says; of a spec without errors every config is made, and its plan read back."""
    (where / "mlspec.toml").touch()
    path = where / "demo.mlspec"
    path.write_text(text, encoding="utf-8")
    found = mlspec.check(path)
    errors = [one for one in found if one.severity == "error"]
    assert all(one.span is not None and (one.expected or one.help) for one in errors)
    if errors:
        return errors
    made = mlspec.load(path)
    assert made.spec is not None
    assert plan_to_json(plan_from_json(plan_to_json(made.graph))) == plan_to_json(made.graph)
    for block in made.spec.of_kind("serve"):
        serve_config(made.spec, block, made.spec_digest)
    for block in made.spec.of_kind("score"):
        score_config(made.spec, block, made.spec_digest)
    for block in made.spec.of_kind("monitor"):
        monitor_config(made.spec, block)
    return []


def ends(errors: list[Diagnostic], built: bool) -> None:
    """A row that is not built is told as such; one that is built is told so by none."""
    told = [one.message for one in errors if one.code.id == "MLS901"]
    if not built:
        assert told, [one.message for one in errors]


def test_the_base_is_clean(tmp_path: Path) -> None:
    assert check(BASE, tmp_path) == []


FIELDS = [
    (kind, field.name)
    for kind in schema.kinds()
    for made in [schema.kind(kind)]
    if made is not None and (kind in HEADS or kind in OTHERS) and kind not in ("canary", "shadow", "ab")
    for field in made.fields.values()
    if field.name != "value"
]


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=lambda part: str(part))
def test_fields(kind: str, name: str, tmp_path: Path) -> None:
    made = schema.kind(kind)
    assert made is not None
    field = made.fields[name]
    ends(check(with_field(kind, name, value(field.form)), tmp_path), made.built and field.built)


# Where a group's constructor stands: the kind and field that take it.
PLACES = {
    form[1]: (kind, field.name)
    for kind in schema.kinds()
    for made in [schema.kind(kind)]
    if made is not None
    for field in made.fields.values()
    for form in ([field.form] if field.form[0] == "call" else list(field.form[1:]) if field.form[0] == "one" else [])
    if form[0] == "call" and (kind in HEADS or kind in OTHERS) and field.name != "value"
}  # fmt: skip
SHORT = {"secret_from": "secret extra = {}", "channel_to": "channel extra = {}", "explore_by": "explore extra = {}",
         "model_from": "model extra = {}"}  # fmt: skip
CALLS = [
    (group, line[0], extra)
    for group, lines in CONSTRUCTORS.items()
    for line in lines
    if group in PLACES or group in SHORT or group == "space"
    for extra in ("", *(parameter[0] for parameter in line[1] if parameter[2] is not ...))
]


@pytest.mark.parametrize(("group", "name", "extra"), CALLS, ids=lambda part: str(part))
def test_constructors(group: str, name: str, extra: str, tmp_path: Path) -> None:
    made = schema.constructor(group, name)
    assert made is not None
    written = call(group, name, extra)
    if group in SHORT:
        text = f"{BASE}\n{SHORT[group].format(written)}\n"
    elif group == "space":
        text = BASE.replace("C = loguniform(0.01, 10)", f"C = {written}")
    else:
        text = with_field(*PLACES[group], written)
    ends(check(text, tmp_path), made.built)


ARGUMENTS = {
    "number": "people.age", "string": "people.job", "bool": "people.age > 30", "temporal": "people.seen", "value": "people.age",
    "duration": "people.seen - 2024-01-01", "range": "1..2", "cuts": "[30, 60]", "secret": "salt", "patterns": "[email]", "filler": "median",
    "metric": "auc(candidate)", "metric_or_each": "auc(candidate)", "samples": "latency(candidate, load: 5rps)", "by": "inputs.sex",
    "where": "people.age > 3", "rows": "people", "watched": "inputs", "model": "live", "other_column": "people.code", "judge": "base",
    "class": '"yes"', "const:int": "3", "const:float": "0.5", "const:ratio": "50%", "const:string": '"a"', "const:bool": "true",
    "const:duration": "30d", "const:rate": "5rps", "input": "people.age", "image": "people.job",
}  # fmt: skip
BARE = {"number": "age", "value": "age", "bool": "age > 30", "other_column": "people.code"}


def arguments(parameters: Any, words: dict[str, str]) -> str:
    """Every parameter that must be given, and those after it by name."""
    found = []
    for name, form, default in parameters:
        word = form.partition(":")[2].split("|")[0] if form.startswith("enum:") else ""
        text = word or words.get(form) or ARGUMENTS[form]
        if default is ...:
            found.append(text if not form.startswith("const:") else f"{name}: {text}")
        elif default != () and form not in ("where", "judge"):
            found.append(f"{name}: {text}")
    return ", ".join(found)


def named_argument(form: str) -> str:
    """What is given for a parameter by name: a text of its form, of words the first."""
    return form.partition(":")[2].split("|")[0] if form.startswith("enum:") else ARGUMENTS[form]


def used(line: tuple[Any, ...]) -> str:
    """The base with a function called where its level belongs."""
    name, level, parameters = line[:3]
    if level in ("row", "history", "fitted"):
        return BASE.replace("  # features", f"  extra := {name}({arguments(parameters, {})}) @audit")
    if level == "check":
        return BASE.replace("  # columns", f"  extra := {name}({arguments(parameters, BARE)}) == 1")
    if level == "interval":
        limit = {"gap": "5pp", "p50": "1s", "p95": "1s", "p99": "1s", "mean": "1s"}.get(name, "0.5")
        return BASE.replace("  useful :=", f"  extra := {name}({arguments(parameters, {})}) >= {limit}\n  useful :=")
    return BASE.replace(
        "  drift :=", f"  extra := {name}({arguments(parameters, {'watched': 'score'})}) <= 0.5 @notify(console)\n  drift :="
    )


FUNCTIONS = [*row.ROWS, *row.CHECKS, *history.ROWS, *fitted.ROWS, *interval.ROWS, *live.ROWS]


@pytest.mark.parametrize("line", FUNCTIONS, ids=lambda line: f"{line[1]}-{line[0]}")
def test_functions(line: Any, tmp_path: Path) -> None:
    check(used(line), tmp_path)


@pytest.mark.parametrize("line", METRICS, ids=lambda line: str(line[0]))
def test_metrics(line: Any, tmp_path: Path) -> None:
    name, parameters = line[0], [each for each in line[5] if each[0] != "missing"]
    given = "".join(f", {each[0]}: {named_argument(each[1])}" for each in parameters)
    inside = f"{name}(candidate{given})"
    whole = f"p95({inside})" if str(line[2]).startswith("samples") else inside
    for limit in ("0.5", "1s", "1GiB"):
        check(BASE.replace("  useful :=", f"  extra := {whole} >= {limit}\n  useful :="), tmp_path)
    check(
        BASE.replace(
            "  drift :=", f"  extra := {whole.replace('candidate', 'live')} >= 0.5 @delay(30d) @notify(console)\n  drift :="
        ),
        tmp_path,
    )
    check(with_field("search", "objective", f"maximize({name})"), tmp_path)


@pytest.mark.parametrize("name", TYPES)
def test_types_of_columns(name: str, tmp_path: Path) -> None:
    text = {"decimal": "decimal(10, 2)", "id": "id(person)", "list": "list(int)"}.get(name, name)
    base = BASE.replace("source people {", "entity person: string\n\nsource people {") if name == "id" else BASE
    ends(check(base.replace("  # columns", f"  extra: {text}"), tmp_path), name not in ("list", "image", "json", "redaction"))


@pytest.mark.parametrize("line", ATTRIBUTES, ids=lambda line: str(line[0]))
@pytest.mark.parametrize("kind", ["int", "string?", "timestamp"])
def test_attributes(line: Any, kind: str, tmp_path: Path) -> None:
    given = [value(parameter[1]) for parameter in line[2] if parameter[2] is ...]
    text = f"@{line[0]}({', '.join(given)})" if given else f"@{line[0]}"
    check(BASE.replace("  # columns", f"  extra: {kind} {text}"), tmp_path)
    check(BASE.replace("  # features", f"  extra := people.visits {text}"), tmp_path)
    check(BASE.replace("@notify(console)", f"@notify(console) {text}", 1), tmp_path)


@pytest.mark.parametrize("key", catalogue.estimator_names())
def test_estimators(key: str, tmp_path: Path) -> None:
    check(BASE.replace("estimator = sklearn.DummyClassifier", f"estimator = {key}"), tmp_path)
