"""901: what the language has and this version does not run, where a field or a block alone does not say so."""

from __future__ import annotations

from typing import Any

from mlspec.diagnostics import Note
from mlspec.spec.checks.compared import compared_models
from mlspec.spec.checks.reading import LEARNERS, calls_to, features_of, judged_models, span_of_call, walk
from mlspec.spec.findings import Findings
from mlspec.spec.judged import JudgedFeatures, feature_blocks
from mlspec.spec.model import Definition, Spec
from mlspec.spec.registered import is_registered
from mlspec.spec.schema import constructor


def made_smaller_elsewhere(spec: Spec, findings: Findings) -> None:
    """A model of the registry brings no rows and no parameters to prune, quantise or distil it by."""
    for block in spec.of_kind("compress"):
        if is_registered(spec.learned(block)):
            findings.add("MLS901", block.span_of("model"), what=f"a `compress` of the registry model `{spec.learned(block).name}`",
                         wanted="a model that this spec makes")  # fmt: skip


def groups_of_one_name(spec: Spec, findings: Findings) -> None:
    """Rows are grouped by a feature's name: two blocks of features may give one name only to one expression."""
    for judge in spec.of_kind("gates", "evaluate"):
        models = judged_models(spec, judge) if judge.kind == "gates" else [model.name for model in compared_models(spec, judge)]
        for first, second in JudgedFeatures(spec, judge, models).clashes:
            places = [Note("here", first.span), Note("and here another", second.span)]
            findings.add("MLS901", judge.head, places, what=f"grouping by two features that are both named `{second.name}`",
                         wanted="one expression for both, or a name for each", hint=f"call one of them otherwise, or compute both as `{_text(first)}`")  # fmt: skip


def _text(feature: Definition) -> str:
    return " ".join(feature.value.span.text.split())


def several_splits(spec: Spec, findings: Findings) -> None:
    """Calibration and an early stop read a part of the same split as the model."""
    for block in spec.of_kind(*LEARNERS):
        for field, what in (("calibrate", "calibration"), ("stop_early", "an early stop")):
            own, made = block.ref("part"), block.make(field)
            part = None if made is None else made.get("part")
            if own is not None and part is not None and part.block != own.block:
                findings.add("MLS901", block.span_of(field), what=f"{what} on a part of another split",
                             wanted=f"a part of `{own.block}`")  # fmt: skip


def keyed_inputs(spec: Spec, findings: Findings) -> None:
    """A package that reads a keyed feature would need the secret wherever it answers."""
    for model in spec.of_kind(*LEARNERS):
        for block, feature in features_of(spec, model):
            if any(call[3].get("key") for call in calls_to(feature.value, "hmac") if len(call) > 3):
                place = Note("keyed here", span_of_call(feature.value, "hmac"))
                findings.add("MLS901", model.span_of("features"), [place], what=f"the keyed feature `{block.name}.{feature.name}` as an input of a model",
                             wanted="features that need no secret where the model answers",
                             hint=f"tag `{feature.name}` with `@audit`, or leave it out of the features of `{model.name}`")  # fmt: skip


def features_of_several_blocks(spec: Spec, findings: Findings) -> None:
    """A model reads one block of features."""
    for model in spec.of_kind(*LEARNERS):
        blocks = feature_blocks(model)
        if len(blocks) > 1:
            findings.add("MLS901", model.span_of("features"), what=f"a model over features of several blocks (`{'`, `'.join(blocks[:2])}`)",
                         wanted="features of one block")  # fmt: skip


# A source of a kind that is not built itself says so: its columns are not reported again.
_COLUMN_TYPES = frozenset(("list", "json", "redaction"))


def columns_that_nothing_reads(spec: Spec, findings: Findings) -> None:
    """Types of columns that no reader of rows makes yet."""
    for source in spec.of_kind("source"):
        made = source.make("from")
        row = None if made is None else constructor("source_from", made.name)
        reads = made is not None and (made.group == "step" or (row is not None and row.built))
        for column in source.columns.values() if reads else ():
            if column.type.name in _COLUMN_TYPES or (column.type.name == "image" and (made is None or made.name != "images")):
                findings.add("MLS901", column.span, what=f"a column of type `{column.type.name}`",
                             wanted="bool int float decimal string text category date timestamp duration bytes")  # fmt: skip


def baselines_by_chance(spec: Spec, findings: Findings) -> None:
    """A baseline whose answer is drawn, or named by its class, has no form in a package."""
    for block in spec.of_kind("model"):
        if block.get("estimator") == "sklearn.DummyClassifier" and block.get("strategy") in ("stratified", "constant"):
            findings.add("MLS901", block.span_of("strategy"), what=f"a baseline with the strategy `{block.get('strategy')}`",
                         wanted='`"prior"`, `"most_frequent"` or `"uniform"`')  # fmt: skip


def several_processes(spec: Spec, findings: Findings) -> None:
    """A server is one process."""
    for serve in spec.of_kind("serve"):
        engine = serve.make("engine")
        if engine is not None and (engine.get("workers") or 1) != 1:
            span = engine.args["workers"].span or serve.span_of("engine")
            findings.add("MLS901", span, what="a server of several processes", wanted="`workers: 1`",
                         hint="start one server a core and put a balancer before them")  # fmt: skip


def promises_that_nobody_counts(spec: Spec, findings: Findings) -> None:
    """A server counts the requests that were answered within a time: a quantile of the latency against a limit."""
    for serve in spec.of_kind("serve"):
        for promise in serve.definitions.values():
            if not _counted(promise.value.form):
                findings.add("MLS901", promise.value.span, what=f"the promise `{promise.name}`", wanted="`p95(latency(live)) <= 40ms`",
                             hint="promise a quantile of the latency here, one a line, and watch the rest in `monitor`")  # fmt: skip


_SUMMARIES = frozenset(("p50", "p95", "p99"))


def _counted(form: Any) -> bool:
    if form[0] != "call" or form[1] not in ("<", "<=", ">", ">=") or len(form[2]) != 2:
        return False
    summary, limit = form[2] if form[1] in ("<", "<=") else reversed(form[2])
    if limit[0] != "lit" or summary[0] != "call" or summary[1] not in _SUMMARIES:
        return False
    measured = summary[2][0]
    return measured[:3] == ["metric", "latency", "live"] and measured[3].get("load") is None and measured[3].get("cpu", 1) == 1


def slices_of_slices(spec: Spec, findings: Findings) -> None:
    """Groups inside groups: one comparison looks along one feature."""
    for gates in spec.of_kind("gates"):
        for gate in gates.definitions.values():
            for outer in (node for node in walk(gate.value.form) if _by(node)):
                inner = next((node for part in outer[2] for node in walk(part) if _by(node)), None)
                if inner is not None:
                    findings.add("MLS901", gate.value.span, what=f"`{inner[1]}` by groups inside `{outer[1]}` by groups",
                                 wanted="one `by:` in a comparison")  # fmt: skip
                    break


def _by(node: Any) -> bool:
    return len(node) > 3 and isinstance(node[3], dict) and "by" in node[3]


CHECKS = (
    made_smaller_elsewhere,
    groups_of_one_name,
    several_splits,
    keyed_inputs,
    features_of_several_blocks,
    columns_that_nothing_reads,
    baselines_by_chance,
    several_processes,
    promises_that_nobody_counts,
    slices_of_slices,
)
