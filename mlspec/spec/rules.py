"""What must hold inside one block once its fields and definitions are bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlspec import catalogue
from mlspec.catalogue.estimators import WITHOUT_WEIGHTS
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.models import TASKS
from mlspec.spec.expressions.operators import named
from mlspec.spec.findings import listing, nearest
from mlspec.spec.inputs import check_nulls, check_readable
from mlspec.spec.kinds import TEMPORAL
from mlspec.spec.model import Block
from mlspec.spec.scope import Scope
from mlspec.spec.source_rules import checks_all_rows, checks_each_once, checks_own_rows, event_times, reads_text
from mlspec.spec.tasks import Label, features_of, label_of, lacks_positive
from mlspec.spec.values import Made, Reference

Rule = Callable[[Block, Scope, Context], None]


def block_rules(block: Block, scope: Scope, context: Context) -> None:
    """Applies the rules of the block's kind."""
    for rule in _RULES.get(block.kind, ()):
        rule(block, scope, context)


def _database(block: Block, scope: Scope, context: Context) -> None:
    """`sqlite` and `duckdb` read a table or a query, one of the two."""
    made = block.make("from")
    if made is None or made.name not in ("sqlite", "duckdb", "sql"):
        return
    given = [name for name in ("table", "query") if made.get(name) is not None]
    if len(given) != 1:
        got = "both `table` and `query`" if given else "neither `table` nor `query`"
        scope.findings.add(
            "MLS209", made.span, what=f"what `{made.name}(…)` reads", got=got, wanted="one of `table` and `query`"
        )


def _paths(block: Block, scope: Scope, context: Context) -> None:
    """Paths are relative to the spec, so that a project means the same on every machine."""
    for field in ("from", "input", "output"):
        made = block.make(field)
        value = None if made is None else made.args.get("path")
        remote = made is not None and made.name == "images" and "://" in str(made.get("path"))  # said there
        why = "" if value is None or remote else refused_path(str(value.item))
        if why and value is not None:
            scope.findings.add(
                "MLS114", value.span, name=value.item, why=why, hint="write it relative to the spec: `data/rows.csv`"
            )


def refused_path(path: str) -> str:
    """Why a path cannot be read on another machine, "" if it can."""
    if "://" in path:
        return "is an address, not a file"
    if path.startswith(("/", "~")) or path[1:2] == ":":
        return "is not relative"
    return "holds a character that is no part of a path" if "\\" in path or not path.isprintable() or not path else ""


def _renames(block: Block, scope: Scope, context: Context) -> None:
    """`@was(old)` names something that is gone (112)."""
    old: dict[str, str] = {}
    for item in (*block.columns.values(), *block.definitions.values(), *block.parts.values()):
        attribute = item.attrs.get("was")
        if attribute is None:
            continue
        name = str(attribute.get("name"))
        wanted = "the name that it had before, which nothing has now"
        if name == item.name:
            scope.findings.add("MLS112", attribute.span, name=name, why="it has that name now", wanted=wanted, hint="remove it")
        elif name in block.columns or name in block.definitions or name in block.parts:
            scope.findings.add("MLS112", attribute.span, name=name, why=f"`{name}` is still there", wanted=wanted)
        elif name in old:
            scope.findings.add(
                "MLS112", attribute.span, name=name, why=f"`{old[name]}` says so too", wanted="one new name for each old one"
            )
        old.setdefault(name, item.name)


def _parts(block: Block, scope: Scope, context: Context) -> None:
    """Parts are all shares that sum to 100 %, or all intervals of one time column."""
    findings = scope.findings
    if not block.parts:
        if block.name not in scope.broken and not findings.errors:
            findings.add(
                "MLS106", block.head, kind="split", block=block.name, name="parts", wanted="named parts", fix="train := 70%"
            )
        return
    if any(part.share is None and part.interval is None for part in block.parts.values()):
        return  # that part is reported
    shares = [part for part in block.parts.values() if part.share is not None]
    intervals = [part for part in block.parts.values() if part.interval is not None]
    if shares and intervals:
        findings.add(
            "MLS201", intervals[0].span, what=f"part `{intervals[0].name}`", got="an interval", wanted="a share, as the other parts",
        )  # fmt: skip
    elif intervals and block.get("on") is None:
        findings.add(
            "MLS106", block.head, kind="split", block=block.name, name="on", wanted="the date or timestamp that its parts are intervals of",
            fix="on = …",
        )  # fmt: skip
    elif shares and not scope.findings.error_in(block.span) and abs(sum(part.share or 0 for part in shares) - 1) > 1e-9:
        total = sum(part.share or 0 for part in shares) * 100
        findings.add(
            "MLS209", block.head, what=f"the sum of the parts of `{block.name}`", got=f"{total:.10g}%", wanted="100%",
            hint="every row lies in one part: change a share, or add a part for the rest",
        )  # fmt: skip
    _part_columns(block, scope)


def _part_columns(block: Block, scope: Scope) -> None:
    for field, types, wanted in (
        ("on", TEMPORAL, "a date or timestamp"),
        ("stratify", _GROUPED, "a category, bool or whole number"),
    ):
        reference = block.ref(field)
        column = None if reference is None else scope.spec.column(reference.block, reference.member or "")
        if column is not None and column.type.name not in types:
            scope.findings.add("MLS201", block.span_of(field), what=f"`{column.name}`", got=named(column.type), wanted=wanted)


_GROUPED = frozenset(("category", "bool", "int", "string"))


def _fitted(block: Block, scope: Scope, context: Context) -> None:
    """Label, estimator, features and metrics of a model or search fit each other."""
    label = label_of(scope.spec, block.ref("label"))
    if label is None:
        return
    span = block.span_of("label")
    if not label.task:
        scope.findings.add(
            "MLS201", span, what=f"`{label.name}`", got=named(label.type), wanted="a Boolean, a category or a number"
        )
        return
    if label.type.optional:
        scope.findings.add(
            "MLS201", span, what=f"the label `{label.name}`", got=named(label.type), wanted="a column that is never null",
            hint="rows without label cannot be learned from: filter them in the source",
        )  # fmt: skip
    for each in (block, *block.nested("family")):
        _estimator(each, label, scope)
        _probability(each, label, block.given("calibrate"), scope)
        check_nulls(each, block, scope)
    check_readable(block, scope)
    if block.kind == "search":
        from mlspec.spec.searching import check_objectives

        check_objectives(block, label, scope)
    _threshold(block, label, scope)
    _mitigation(block, label, scope)


def _mitigation(block: Block, label: Label, scope: Scope) -> None:
    """Groups are treated alike by weights of rows with classes: every estimator must take them."""
    if block.make("mitigate") is None:
        return
    span = block.span_of("mitigate")
    if label.is_number:
        scope.findings.add(
            "MLS209",
            span,
            what="`mitigate`",
            got="set for a label that is a number",
            wanted="a label of classes",
            hint="remove it",
        )
        return
    for each in (block, *block.nested("family")):
        key = each.get("estimator") or ""
        if key in WITHOUT_WEIGHTS:
            scope.findings.add("MLS209", span, what="`mitigate`", got=f"set for `{key}`, which takes no weights of rows",
                               wanted="estimators that take weights", hint="choose another family, as `sklearn.LogisticRegression`")  # fmt: skip


def _estimator(block: Block, label: Label, scope: Scope) -> None:
    row = catalogue.estimator(block.get("estimator") or "")
    # What predicts the relevance of each row ranks by it.
    if row is None or label.task in row.tasks or (label.task == "ranking" and "regression" in row.tasks):
        return
    near = _counterpart(row.key, label.task)
    scope.findings.add(
        "MLS212", block.span_of("estimator"), estimator=row.key, name=label.name, wanted=TASKS[label.task],
        got=" or ".join(TASKS[task] for task in row.tasks), nearest=near,
    )  # fmt: skip


def _probability(block: Block, label: Label, calibrated: bool, scope: Scope) -> None:
    """A classifier gives probabilities, or a calibration makes some of its distances (212)."""
    row = catalogue.estimator(block.get("estimator") or "")
    if row is None or calibrated or label.task not in row.tasks or label.is_number or row.probability is True:
        return
    name = next(iter(row.probability)) if isinstance(row.probability, dict) else ""
    item = block.get(name) if name and block.given(name) else None
    tried = item.get("values") if isinstance(item, Made) else () if item is None else (item,)
    if all(row.gives_probability({name: value}) for value in tried) if tried else row.gives_probability({}):
        return
    near = (
        next((f"{name} = {_shown(value)}" for value in row.probability[name]), "") if isinstance(row.probability, dict) else ""
    )
    way = "or `calibrate = sigmoid()`" if label.task == "binary" else "which `sklearn.LogisticRegression` gives"
    scope.findings.add(
        "MLS212", block.span_of("estimator"), estimator=row.key, name=label.name,
        wanted=f"{TASKS[label.task]} with a probability of each, {way}", got=f"{TASKS[label.task]} with decisions alone",
        nearest=near or "sklearn.LogisticRegression",
    )  # fmt: skip


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _counterpart(key: str, task: str) -> str:
    """The estimator of the same family for another task, `RandomForestRegressor` for `RandomForestClassifier`."""
    for old, new in (("Classifier", "Regressor"), ("Regressor", "Classifier"), ("SVC", "SVR"), ("SVR", "SVC")):
        if key.endswith(old):
            other = catalogue.estimator(key.removesuffix(old) + new)
            return other.key if other is not None and task in other.tasks else ""
    return {
        "sklearn.LogisticRegression": "sklearn.LinearRegression",
        "sklearn.LinearRegression": "sklearn.LogisticRegression",
    }.get(key, "")


def metric_fits(made: Made, label: Label, scope: Scope) -> bool:
    """Whether the metric of a call is one of the label's task; reported where it is not."""
    metric = catalogue.metric(made.get("metric"))
    if metric is None or label.task in metric.tasks:
        return True
    if "binary" in metric.tasks and lacks_positive(label, f"`{metric.name}`", scope):
        return False
    known = catalogue.metric_names(label.task)
    near = nearest(metric.name, known)
    value = made.args["metric"]
    scope.findings.add(
        "MLS201", value.span or made.span, what=f"`{metric.name}`", got="a metric of " + " or ".join(TASKS.get(task, "the package") for task in metric.tasks),
        wanted=f"a metric of {TASKS[label.task]}: " + listing(known), hint=f"did you mean `{near}`?" if near else "",
    )  # fmt: skip
    return False


def _threshold(block: Block, label: Label, scope: Scope) -> None:
    """A threshold and a calibration belong to two classes."""
    made = block.make("threshold")
    if made is not None and made.name == "maximize" and metric_fits(made, label, scope):
        _metric_of_decisions(made, scope)
    for field in ("threshold", "calibrate"):
        if block.given(field) and label.task != "binary" and not lacks_positive(label, f"`{field}`", scope):
            scope.findings.add(
                "MLS209", block.span_of(field), what=f"`{field}`", got=f"set for a label of {TASKS[label.task]}", wanted="a label of two classes",
                hint="remove it",
            )  # fmt: skip


# The metrics of decisions that a threshold is chosen by.
THRESHOLD_METRICS = ("accuracy", "balanced_accuracy", "f1", "precision", "recall")


def _metric_of_decisions(made: Made, scope: Scope) -> None:
    name = made.get("metric")
    if name not in THRESHOLD_METRICS and catalogue.metric(name) is not None:
        scope.findings.add(
            "MLS209", made.span, what="the metric of the threshold", got=f"`{name}`", wanted=listing(THRESHOLD_METRICS),
            hint="a threshold changes decisions and no scores: choose one of these, or `cost_ratio`",
        )  # fmt: skip


def _reads(block: Block, scope: Scope, context: Context) -> None:
    """A model reads at least one feature; `@audit` ones are none of its inputs."""
    item = block.get("features")
    if isinstance(item, Reference) and not features_of(scope.spec, block) and not scope.findings.errors:
        scope.findings.add(
            "MLS106", block.span_of("features"), kind="features", block=item.block, name="feature",
            wanted="at least one feature that is not `@audit`", fix="name := scale(source.column)",
        )  # fmt: skip


def _families(block: Block, scope: Scope, context: Context) -> None:
    if not block.nested("family"):
        scope.findings.add(
            "MLS106", block.head, kind="search", block=block.name, name="family", wanted="at least one family of estimators",
            fix="family linear { estimator = sklearn.LogisticRegression }",
        )  # fmt: skip


def _judged(block: Block, scope: Scope, context: Context) -> None:
    """Gates have rows to judge on, and at least one gate."""
    if block.get("part") is None and block.get("on") is None and not scope.findings.errors:
        scope.findings.add(
            "MLS106",
            block.head,
            kind="gates",
            block=block.name,
            name="part",
            wanted="a part of a split, `split.part`",
            fix="part = …",
        )


def _fold_columns(block: Block, scope: Scope, context: Context) -> None:
    """Folds go forward along a time, and are stratified by values that repeat."""
    made = block.make("cv")
    for name, types, wanted in (
        ("on", TEMPORAL, "a date or timestamp"),
        ("stratify", _GROUPED, "a category, bool or whole number"),
    ):
        value = None if made is None else made.args.get(name)
        reference = None if value is None else value.item
        column = scope.spec.column(reference.block, reference.member or "") if isinstance(reference, Reference) else None
        if value is not None and column is not None and column.type.name not in types:
            scope.findings.add("MLS201", value.span, what=f"`{column.name}`", got=named(column.type), wanted=wanted)


def _timed_folds(block: Block, scope: Scope, context: Context) -> None:
    """`forward_chain` needs a time column: its own, or that of the split."""
    made = block.make("cv")
    if made is None or made.name != "forward_chain" or made.get("on") is not None:
        return
    part = block.ref("part")
    split = None if part is None else scope.spec.blocks.get(part.block)
    if split is not None and split.get("on") is None:
        scope.findings.add(
            "MLS106", made.span, kind="the call", block="forward_chain(…)", name="on", wanted="a date or timestamp", fix="on: …"
        )


def _times(block: Block, scope: Scope, context: Context) -> None:
    """The times of a schedule, and how often a source is read again."""
    if block.kind == "schedule" or block.get("refresh") is not None:
        from mlspec.spec import times

        (times.check_times if block.kind == "schedule" else times.check_lengths)(block, scope)


def _coded(block: Block, scope: Scope, context: Context) -> None:
    from mlspec.spec.externs import check_code

    check_code(block, scope, context)


def _pictures(block: Block, scope: Scope, context: Context) -> None:
    from mlspec.spec.images import check_images

    check_images(block, scope)


def _trained(block: Block, scope: Scope, context: Context) -> None:
    from mlspec.spec.training import check_training

    check_training(block, scope)


def _searched(block: Block, scope: Scope, context: Context) -> None:
    from mlspec.spec.searching import check_search

    check_search(block, scope)


def _tested(block: Block, scope: Scope, context: Context) -> None:
    from mlspec.spec.tested_rules import check_test

    check_test(block, scope)


_RULES: dict[str, tuple[Rule, ...]] = {
    "test": (_tested,),
    "source": (
        _database,
        reads_text,
        _paths,
        checks_all_rows,
        checks_each_once,
        checks_own_rows,
        event_times,
        _renames,
        _times,
        _pictures,
    ),
    "schedule": (_times,),
    "extern": (_coded,),
    "split": (_parts, _renames),
    "features": (_renames, _pictures),
    "monitor": (_renames, _pictures),
    "log": (_renames, _pictures),
    "score": (_paths,),
    "model": (_reads, _fitted),
    "search": (_reads, _families, _fitted, _timed_folds, _fold_columns, _searched),
    "train": (_reads, _fitted, _trained),
    "gates": (_judged, _renames),
}
