"""Metrics of models: whether a metric fits the model's task, and its arguments."""

from __future__ import annotations

from collections.abc import Callable

from mlspec import catalogue
from mlspec.catalogue import Metric
from mlspec.spec.expressions.arguments import bind_arguments
from mlspec.spec.expressions.context import Ambient, Context, Operand, unknown
from mlspec.spec.expressions.externs import own_metric
from mlspec.spec.expressions.names import describe
from mlspec.spec.expressions.operators import outside, short
from mlspec.spec.findings import listing, nearest
from mlspec.spec.kinds import LIVE, METRIC, NONE, Type
from mlspec.spec.model import Block
from mlspec.spec.registered import judged_label
from mlspec.spec.tasks import Label, label_of, lacks_positive, model_label
from mlspec.spec.values import Reference, Typed
from mlspec.syntax.nodes import Call, Expr

Operate = Callable[[Expr, Context], Operand]

TASKS = {
    "binary": "two classes",
    "multiclass": "many classes",
    "regression": "regression",
    "ranking": "ranking",
    "generation": "a language model",
}


def metric_call(
    node: Call, given: dict[int, Operand], context: Context, metric: Metric | None, extern: Block | None, operate: Operate
) -> Typed:
    """A metric of a model, `auc(candidate)`, or an extern metric."""
    name = node.callee.text
    model = given.get(0)
    if context.role == "constraint" and not (isinstance(model, Ambient) and model.kind == "trial"):
        return _not_of_trial(node, context)
    if not (isinstance(model, Reference | Ambient) and model.kind in ("model", "search", "train", "compress", "trial")):
        return _no_model(node, model, context)
    if context.role not in ("gate", "constraint", "guard", "alert", "measure"):
        context.findings.add(
            "MLS206", node.span, what=f"`{short(node.span)}`", got="Metric", where=context.where, wanted="Fitted",
            hint="metrics are taken of a fitted model: use them in `gates` or `monitor`",
        )  # fmt: skip
        return unknown(node.span)
    if metric is None:
        assert extern is not None
        return own_metric(node, model, extern, _label(model, context), context)
    label = _label(model, context)
    if label is not None and label.task and not metric.fits(label.task) and metric.built:
        return _unfit(node, metric, label, context)
    parameters = (("model", "model", ...), *metric.parameters)
    bound = bind_arguments(f"metric `{name}`", parameters, node, context, given, operate)
    if bound is None or not _class_given(node, metric, label, bound.options, context):
        return unknown(node.span, (model,) if isinstance(model, Reference) else ())
    if not _some_looked_at(node, metric, bound.options, context) or not _question_fits(
        node, metric, label, bound.options, context
    ):
        return unknown(node.span, (model,) if isinstance(model, Reference) else ())
    live = context.role in ("guard", "alert") and "ranking" in metric.tasks
    if not metric.built or live:
        context.not_built(f"metric `{name}`{' of live queries' * live}", node.callee.span)
    if "class" in metric.parameters or "class" in [row[0] for row in metric.parameters]:
        _take_class(bound)
    return Typed(
        ["metric", name, bound.forms[0], bound.options], _result(_type(metric, bound.options)), _level(model), NONE,
        node.span, tuple(bound.refs), ((name, node.callee.span),),
    )  # fmt: skip


def _no_model(node: Call, model: Operand | None, context: Context) -> Typed:
    """Reports a metric of nothing, or of what is no model."""
    name = node.callee.text
    if not node.args:
        context.findings.add(
            "MLS106", node.span, kind="metric", block=name, name="model", wanted="the model that it measures", fix="candidate",
        )  # fmt: skip
        return unknown(node.span)
    span = node.args[0].span
    got = describe(model) if model is not None else "value"
    context.scope.wrong(short(span), span, got, f"a model, of which `{name}` is a metric")
    return unknown(node.span)


_CHANGES = ("noise", "missing", "unseen", "shift")


def _type(metric: Metric, options: dict[str, object]) -> str:
    """The type of a metric's value; `robustness(…, of: rmse)` has that of `rmse`."""
    other = catalogue.metric(str(options.get("of"))) if metric.name == "robustness" else None
    return str(metric.type if other is None else other.type)


def _some_looked_at(node: Call, metric: Metric, options: dict[str, object], context: Context) -> bool:
    """Whether `k`, how many of the first rows or classes are looked at, is one at least."""
    given = options.get("k")
    k = given[1] if isinstance(given, list) else given
    if not isinstance(k, int) or k >= 1:
        return True
    span = next((arg.value.span for arg in node.args if arg.name is not None and arg.name.text == "k"), node.span)
    context.findings.add("MLS209", span, what=f"`k` of `{metric.name}`", got=f"`{k}`", wanted="a whole number from 1")
    return False


def _question_fits(node: Call, metric: Metric, label: Label | None, options: dict[str, object], context: Context) -> bool:
    """Whether a question about changed rows says what is changed, and is one that this label answers."""
    if metric.name == "robustness" and not set(_CHANGES) & set(options):
        context.findings.add(
            "MLS106", node.span, kind="metric", block=metric.name, name="noise", fix="noise: 0.1",
            wanted="what the inputs suffer: `noise:` or `shift:` in standard deviations, `missing:` or `unseen:` as a share",
        )  # fmt: skip
        return False
    task = "" if label is None else label.task
    other = catalogue.metric(str(options.get("of")))
    if metric.name == "robustness" and task in ("regression", "ranking") and other is None:
        context.findings.add(
            "MLS106", node.span, kind="metric", block=metric.name, name="of", fix="of: mae",
            wanted="the metric on the changed rows, since a number decides nothing that could stay",
        )  # fmt: skip
        return False
    if other is not None and task and not other.fits(task) and label is not None:
        _unfit(node, other, label, context)
        return False
    if metric.name == "monotone" and task == "multiclass":
        context.findings.add(
            "MLS201", node.callee.span, what="`monotone`", got="a question about one score",
            wanted="a label of two classes or a number: of many classes no single score goes up",
        )  # fmt: skip
        return False
    return True


def _level(model: Reference | Ambient) -> int:
    return LIVE if isinstance(model, Ambient) and model.kind != "trial" else METRIC


def _not_of_trial(node: Call, context: Context) -> Typed:
    """Reports a metric of a constraint that is of something else than the trial (104, 106)."""
    if node.args:
        span = node.args[0].span
        near = "trial" if short(span) in ("candidate", context.block.name if context.block is not None else "") else ""
        context.scope.wrong(short(span), span, "model", f"`trial`, whose cross-validated `{node.callee.text}` counts", near)
    else:
        context.findings.add("MLS106", node.span, kind="metric", block=node.callee.text, name="model", wanted="what it measures",
                             fix="trial")  # fmt: skip
    return unknown(node.span)


def _take_class(bound: object) -> None:
    """`class:` travels as the plain value of the label."""
    forms = bound.forms  # type: ignore[attr-defined]
    if len(forms) > 1:
        bound.options["class"] = forms.pop()[1]  # type: ignore[attr-defined]


def _result(text: str) -> Type:
    head, _, rest = text.partition(":")
    return Type(head, item=Type(rest)) if rest else Type(head)


def _label(model: Operand, context: Context) -> Label | None:
    """The label of a model; of live traffic, that of the model which is served."""
    spec = context.scope.spec
    block = context.block
    if isinstance(model, Reference):
        found = model_label(spec, model.block)
        judged = found is None and block is not None and block.kind in ("gates", "evaluate")
        return label_of(spec, judged_label(spec, block)) if judged and block is not None else found
    if block is not None and block.kind == "search":
        return label_of(spec, block.ref("label"))
    served = block.ref("of") if block is not None and block.kind == "monitor" else None
    serve = spec.blocks.get(served.block) if served is not None else block
    answered = serve.ref("model") if serve is not None else None
    return None if answered is None else model_label(spec, answered.block)


def _unfit(node: Call, metric: Metric, label: Label, context: Context) -> Typed:
    if metric.fits("binary") and lacks_positive(label, f"`{metric.name}`", context.scope):
        return unknown(node.span)
    known = catalogue.metric_names(label.task)
    near = nearest(metric.name, known)
    context.findings.add(
        "MLS201", node.callee.span, what=f"`{metric.name}`", got="a metric of " + " or ".join(TASKS[task] for task in metric.tasks),
        wanted=f"a metric of {TASKS[label.task]}: " + listing(known), hint=f"did you mean `{near}`?" if near else "",
    )  # fmt: skip
    return unknown(node.span)


def _class_given(node: Call, metric: Metric, label: Label | None, options: dict[str, object], context: Context) -> bool:
    """Whether `class:` is given where the label has many classes, and is one of them."""
    if not any(row[0] == "class" for row in metric.parameters) or label is None:
        return True
    given = next((arg for arg in node.args if arg.name is not None and arg.name.text == "class"), None)
    if given is None:
        if lacks_positive(label, f"`{metric.name}`", context.scope):
            return False
        if label.task == "multiclass":
            context.findings.add(
                "MLS106", node.span, kind="metric", block=metric.name, name="class", wanted="the class that counts as positive",
                fix='class: "…"',
            )  # fmt: skip
            return False
        return True
    from mlspec.spec.expressions.typing import constant

    value = constant(given.value, context)
    if value is not None and label.type.values and value.form[1] not in label.type.values:
        outside(value, label.type, context)
        return False
    return value is not None
