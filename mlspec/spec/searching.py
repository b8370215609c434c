"""What must hold inside a search: objectives and their preference, the engine that they need, where it starts, and its constraints."""

from __future__ import annotations

from typing import Any

from mlspec import catalogue
from mlspec.spec.expressions.models import TASKS
from mlspec.spec.expressions.operators import short
from mlspec.spec.findings import listing
from mlspec.spec.model import Block, Definition
from mlspec.spec.scope import Scope
from mlspec.spec.tasks import Label, label_of
from mlspec.spec.values import Made, Value

LEARNED = "learned_numbers"
"""What `simplest()` counts, as plans and studies name it."""

_CALLS = frozenset(("+", "-", "*", "/", "neg", "abs", "min", "max", "<", "<=", ">", ">=", "==", "!=", "and", "or", "not"))


ENDS = ("lower", "upper")
"""The ends of an interval, which a constraint may read."""


def objectives_of(block: Block) -> tuple[Made, ...]:
    """The objectives of a search, in order."""
    item = block.get("objective")
    return (
        tuple(each for each in item if isinstance(each, Made))
        if isinstance(item, tuple)
        else (item,)
        if isinstance(item, Made)
        else ()
    )


def measured_name(objective: Made) -> str:
    """The metric of an objective, or what `simplest()` counts."""
    return LEARNED if objective.name == "simplest" else str(objective.get("metric"))


def check_search(block: Block, scope: Scope) -> None:
    """The rules of a search that need more than one of its fields."""
    objectives = objectives_of(block)
    if block.get("objective") == ():
        scope.findings.add("MLS209", block.span_of("objective"), what="`objective`", got="an empty list",
                           wanted="at least one objective", hint="write `objective = maximize(auc)`")  # fmt: skip
    _several(block, objectives, scope)
    _preference(block, objectives, scope)
    _warm(block, objectives, scope)
    _affordable(block, scope)
    _used(block, scope)
    _clocks(block, scope)
    for family in block.nested("family"):
        _starts(family, scope)
        _same_starts(family, scope)
        _own_stop(family, scope)
        _conditions(family, scope)
    _conditions(block, scope)


def check_objectives(block: Block, label: Label, scope: Scope) -> None:
    """Every objective is a metric of the label's task, looked for in the direction that is better."""
    from mlspec.spec.rules import metric_fits

    for made in objectives_of(block):
        if made.name == "simplest" or not metric_fits(made, label, scope):
            continue
        metric = catalogue.metric(made.get("metric"))
        way = {"maximize": "higher", "minimize": "lower"}[made.name]
        if metric is not None and metric.direction not in (way, "none"):
            other = "minimize" if made.name == "maximize" else "maximize"
            scope.findings.add(
                "MLS209", made.span, what="the objective", got=f"`{made.name}({metric.name})`", wanted=f"`{other}({metric.name})`",
                hint=f"{'less' if made.name == 'maximize' else 'more'} of `{metric.name}` is better",
            )  # fmt: skip


def _several(block: Block, objectives: tuple[Made, ...], scope: Scope) -> None:
    """Each once; several need a preference and an engine that looks at all of them."""
    names = [measured_name(each) for each in objectives]
    for place, made in enumerate(objectives):
        if names[place] in names[:place]:
            scope.findings.add("MLS102", made.span, kind="objective", name=names[place])
    if len(objectives) < 2:
        return
    if block.get("prefer") is None and not scope.findings.error_in(block.span):
        scope.findings.add(
            "MLS106", block.span_of("objective"), kind="search", block=block.name, name="prefer",
            wanted="which of the trials that no other beats is the best", fix=f"prefer = within({_room(objectives[0])}, of: {_shown(objectives[0])})",
        )  # fmt: skip
    if block.get("pruner") is not None:
        scope.findings.add(
            "MLS209", block.span_of("pruner"), what="`pruner`", got="beside several objectives", wanted="one objective", hint="remove it: "
            "a trial that is behind in the first objective may be the best in another",
        )  # fmt: skip
    engine = block.make("engine")
    way = None if engine is None else engine.get("algorithm") or engine.get("sampler")
    if engine is not None and (engine.name, way) in (("hyperopt", "tpe"), ("hyperopt", "anneal"), ("optuna", "cmaes")):
        scope.findings.add(
            "MLS209", block.span_of("engine"), what="the engine", got=f"`{engine.name}` by `{way}`, which looks at one objective",
            wanted="an engine that looks at several", hint="write `engine = optuna(sampler: nsga2)`, or `tpe`, `gp`, `random`, `qmc`",
        )  # fmt: skip


def _room(made: Made) -> str:
    """A usual tolerance: points of a ratio, a share of anything else."""
    metric = catalogue.metric(str(made.get("metric")))
    return "1pp" if metric is not None and metric.type == "ratio" else "5%"


def _shown(made: Made) -> str:
    return "simplest" if made.name == "simplest" else str(made.get("metric"))


def _preference(block: Block, objectives: tuple[Made, ...], scope: Scope) -> None:
    prefer = block.make("prefer")
    if prefer is None or not objectives:
        return
    known = [_shown(each) for each in objectives]
    if len(objectives) == 1:
        scope.findings.add(
            "MLS209",
            prefer.span,
            what="`prefer`",
            got="a preference beside one objective",
            wanted="several objectives",
            hint="remove it",
        )
    elif prefer.name == "weighted" and (len(prefer.get("weights") or ()) != len(known) or not any(prefer.get("weights"))):
        scope.findings.add(
            "MLS209", prefer.span, what="`weighted(…)`", got=f"{len(prefer.get('weights') or ())} weights", hint="in the order of the objectives",
            wanted=f"{len(known)} weights, one for each objective and not all 0",
        )  # fmt: skip
    elif prefer.name == "within":
        for name in ("of", "next"):
            if prefer.get(name) is not None and prefer.get(name) not in known:
                scope.findings.unknown(
                    "MLS101", prefer.args[name].span or block.head, str(prefer.get(name)), known, kind="objective"
                )
        _tolerance(prefer, scope)


def _tolerance(prefer: Made, scope: Scope) -> None:
    """A ratio is compared by points alone: 1 % of an AUC may mean two things."""
    unit, metric = prefer.get("tolerance")[0], catalogue.metric(str(prefer.get("of")))
    ratio = metric is not None and metric.type == "ratio"
    value: Value = prefer.args["tolerance"]
    if ratio and unit == "share":
        text = short(value.span) if value.span is not None else ""
        scope.findings.add("MLS203", value.span, got=text, fix=text.replace("%", "pp"))
    elif not ratio and unit == "points":
        scope.findings.add(
            "MLS202",
            value.span,
            what=f"the tolerance of `{prefer.get('of')}`",
            got="points",
            wanted="a share of the best, `5%`, or a number",
        )


def _warm(block: Block, objectives: tuple[Made, ...], scope: Scope) -> None:
    """An earlier search is of the same rows and ranks by the same; the engine learns from what it is told."""
    reference = block.ref("warm_start")
    other = None if reference is None else scope.spec.blocks.get(reference.block)
    if other is None:
        return
    span, engine = block.span_of("warm_start"), block.make("engine")
    if engine is not None and (
        engine.name in ("random", "grid")
        or "random" in (engine.get("algorithm"), engine.get("sampler"))
        or engine.get("sampler") == "qmc"
    ):
        scope.findings.add("MLS209", span, what="`warm_start`", got=f"beside `{engine.name}`, which learns from no trial",
                           wanted="an engine that learns from trials", hint="write `engine = optuna(sampler: tpe)`")  # fmt: skip
    for field in ("part", "label"):
        ours, theirs = block.ref(field), other.ref(field)
        if ours is not None and theirs is not None and ours.path != theirs.path:
            scope.findings.add("MLS209", span, what=f"the {field} of `{other.name}`", got=f"`{theirs.path}`", wanted=f"`{ours.path}`",
                               hint="what was found on other rows or for another label says nothing here")  # fmt: skip
    if objectives and [(each.name, measured_name(each)) for each in objectives] != [
        (each.name, measured_name(each)) for each in objectives_of(other)
    ]:
        scope.findings.add("MLS209", span, what=f"the objective of `{other.name}`", got="another one",
                           wanted=f"that of `{block.name}`", hint="values of different metrics cannot be compared")  # fmt: skip


def _affordable(block: Block, scope: Scope) -> None:
    """A budget of fits has room for one trial at least."""
    budget, cv = block.make("budget"), block.make("cv")
    count, folds = (made and (made.get("use") or made.get("count") or made.get("folds")) for made in (budget, cv))
    if isinstance(count, int) and isinstance(folds, int) and count < folds:
        scope.findings.add("MLS209", block.span_of("budget"), what="`budget`", got=f"{count} fits, where one trial has {folds} folds",
                           wanted=f"at least {folds} fits", hint="a trial is begun only where all of its folds fit in")  # fmt: skip


def _used(block: Block, scope: Scope) -> None:
    """No more folds are fitted than there are; an interval needs two."""
    cv = block.make("cv")
    used = None if cv is None else cv.get("use")
    if cv is None or used is None:
        return
    if used > cv.get("count"):
        scope.findings.add("MLS209", cv.args["use"].span, what="`use:`", got=f"{used} of {cv.get('count')} folds",
                           wanted=f"at most {cv.get('count')}", hint="leave it out to fit all")  # fmt: skip
    if used == 1:
        for definition in block.definitions.values():
            if _has_end(definition.value.form):
                scope.findings.add(
                    "MLS209", definition.value.span, what=f"the interval in `{definition.name}`", got="one fold, which has no spread",
                    wanted="at least 2 folds", hint="raise `use:` in `cv`, or ask for the bound in `gates`",
                )  # fmt: skip


def _clocks(block: Block, scope: Scope) -> None:
    """A limit that has passed before the first trial ends the study after it, as if it had been asked for."""
    budget = block.make("budget")
    given = {"time_limit": block.get("time_limit"), "budget": None if budget is None else budget.get("limit")}
    for name, limit in given.items():
        if isinstance(limit, int | float) and limit <= 0:
            scope.findings.add("MLS209", block.span_of(name), what=f"`{name}`", got=f"{limit:g} seconds", wanted="more than 0",
                               hint="leave it out for no limit")  # fmt: skip


def _own_stop(family: Block, scope: Scope) -> None:
    """Where a trial finds its rounds the library does not end fits by itself."""
    if not any(isinstance(value.item, Made) and value.item.name == "rounds" for value in family.fields.values()):
        return
    from mlspec.catalogue.rounds import OWN_STOP

    for name in OWN_STOP:
        if name in family.fields:
            scope.findings.add("MLS209", family.span_of(name), what=f"`{name}`", got="beside `rounds(…)`, which ends a trial itself",
                               wanted="one of the two", hint="remove it; `patience:` of `rounds` says when a trial ends")  # fmt: skip


def _starts(family: Block, scope: Scope) -> None:
    """The trial that a family starts with lies in its space."""
    for name, value in family.fields.items():
        made = value.item
        if (
            not isinstance(made, Made)
            or made.group != "space"
            or made.name == "rounds"
            or made.args["start"].origin == "default"
        ):
            continue
        start = made.get("start")
        if start == ():
            scope.findings.add("MLS209", made.args["start"].span, what=f"the start of `{name}`", got="an empty list",
                               wanted="at least one value of its space", hint="remove it: what has no start is drawn")  # fmt: skip
        for each in start if isinstance(start, tuple) else (start,):
            if not _in_space(each, made):
                scope.findings.add(
                    "MLS209", made.args["start"].span, what=f"the start of `{name}`", got=f"`{_text(each)}`", wanted=f"a value of the space `{short(made.span)}`"
                    if made.span is not None else "a value of the space",
                )  # fmt: skip


def _same_starts(family: Block, scope: Scope) -> None:
    """No two of the trials that a family starts with are one and the same, where nothing of them is drawn."""
    spaces = [
        value.item for value in family.fields.values() if isinstance(value.item, Made) and value.item.group == "space" and value.item.name != "rounds"
    ]  # fmt: skip
    lists = [made.args["start"] for made in spaces]
    if not lists or any(given.origin == "default" or given.item == () for given in lists):
        return
    starts = [given.item if isinstance(given.item, tuple) else (given.item,) for given in lists]
    seen: dict[tuple[tuple[str, Any], ...], int] = {}
    for turn in range(max(map(len, starts))):
        trial = tuple((type(values[turn % len(values)]).__name__, values[turn % len(values)]) for values in starts)
        if trial in seen:
            longest = max(zip(map(len, starts), lists, strict=True), key=lambda pair: pair[0])[1]
            scope.findings.add("MLS209", longest.span, what=f"start {turn + 1} of `{family.name}`", got=f"the same trial as start {seen[trial] + 1}",
                               wanted="trials that differ", hint="remove it, or change one of its values")  # fmt: skip
            return
        seen[trial] = turn


def _in_space(value: Any, made: Made) -> bool:
    if made.name == "choice":
        return any(value == known and type(value) is type(known) for known in made.get("values") or ())
    return made.name == "normal" or made.get("low") <= value <= made.get("high")


def _text(value: Any) -> str:
    return (
        "null"
        if value is None
        else str(value).lower()
        if isinstance(value, bool)
        else f'"{value}"'
        if isinstance(value, str)
        else f"{value}"
    )


def _conditions(block: Block, scope: Scope) -> None:
    """Conditions compare numbers: of metrics of predictions, or of parameters."""
    label = label_of(scope.spec, block.ref("label"))
    for definition in block.definitions.values():
        pending: list[Any] = [definition.value.form]
        while pending:
            form = pending.pop()
            if form[0] == "call":
                _called(str(form[1]), definition, block, scope)
                pending.extend(form[2])
                if form[1] in ENDS and _has_end(form[2][0]):
                    scope.findings.add("MLS201", definition.value.span, what=f"`{form[1]}(…)`", got="an end of an interval inside it",
                                       wanted="metrics, which have an interval", hint="an end has none: write one of the two")  # fmt: skip
            metric = catalogue.metric(str(form[1])) if form[0] == "metric" else None
            if (
                metric is not None
                and label is not None
                and not {"binary", "multiclass", "regression", "ranking"} & set(metric.tasks)
            ):
                scope.findings.add(
                    "MLS201", definition.value.span, what=f"`{metric.name}`", got="a metric of the package, which no trial has",
                    wanted=f"a metric of {TASKS[label.task]}: {listing(catalogue.metric_names(label.task))}", hint="ask for it in `gates`",
                )  # fmt: skip


def _has_end(form: Any) -> bool:
    return bool(form[0] == "call" and (form[1] in ENDS or any(_has_end(part) for part in form[2])))


def _called(name: str, definition: Definition, block: Block, scope: Scope) -> None:
    if name not in _CALLS and not (name in ENDS and block.kind == "search"):
        noun = "constraint" if block.kind == "search" else "limit"
        scope.findings.add("MLS901", definition.value.span, what=f"`{name}(…)` in a {noun}", wanted="numbers that are compared")


__all__ = ["LEARNED", "check_objectives", "check_search", "measured_name", "objectives_of"]
