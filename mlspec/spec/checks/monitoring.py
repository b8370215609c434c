"""6xx, monitoring: an alert can be computed from what is logged, and somebody hears it."""

from __future__ import annotations

from mlspec import catalogue
from mlspec.diagnostics import Note
from mlspec.spec.checks.reading import metrics_in, walk
from mlspec.spec.extern_steps import step_of
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Definition, Spec
from mlspec.spec.registered import label_reference

_COMPARED = ("psi", "ks", "js")
# What can be told of a request as it is answered, without the truth.
_WITHOUT_TRUTH = frozenset(("selection_rate",))


def truth_without_delay(spec: Spec, findings: Findings) -> None:
    """609: a metric against the truth, or a slice by what no request brings, needs `@delay`."""
    for monitor in spec.of_kind("monitor"):
        for alert in monitor.definitions.values():
            if "delay" not in alert.attrs and (needs_truth(alert) or _sliced_by_audit(spec, alert)):
                findings.add("MLS609", alert.value.span, name=alert.name, fix="30d")


def needs_truth(alert: Definition) -> bool:
    """Whether an alert reads a metric that compares predictions with what came true."""
    return any(_compares(str(node[1])) for node in metrics_in(alert.value))


def _compares(name: str) -> bool:
    row = catalogue.metric(name)
    return row is not None and name not in _WITHOUT_TRUTH and not {"package", "generation"} & set(row.tasks)


def _sliced_by_audit(spec: Spec, alert: Definition) -> bool:
    sliced = any(node[0] == "call" and len(node) > 3 and "by" in node[3] for node in walk(alert.value.form))
    audits = {
        (block.name, feature.name)
        for block in spec.of_kind("features")
        for feature in block.definitions.values()
        if "audit" in feature.attrs
    }
    return sliced and bool(audits & alert.value.features)


def silent_alert(spec: Spec, findings: Findings) -> None:
    """610: an alert that tells nobody."""
    channels = [block.name for block in spec.of_kind("channel")]
    for monitor in spec.of_kind("monitor"):
        for alert in monitor.definitions.values():
            if not alert.attr("notify", "channels"):
                near = channels[0] if channels else ""
                hint = "" if near else "declare one first: `channel console = log()`"
                findings.add("MLS610", alert.span, name=alert.name, nearest=near, hint=hint)


def no_reference(spec: Spec, findings: Findings) -> None:
    """611: drift away from what?"""
    for monitor in spec.of_kind("monitor"):
        if monitor.ref("reference") is not None:
            continue
        for alert in monitor.definitions.values():
            if any(name in _COMPARED for name, _ in alert.value.calls):
                findings.add("MLS611", alert.value.span, name=alert.name, block=monitor.name, fix=_gate_part(spec, monitor))


def _gate_part(spec: Spec, monitor: Block) -> str:
    watched = monitor.ref("of")
    gate = None if watched is None else spec.blocks[watched.block].ref("gate")
    part = None if gate is None else spec.blocks[gate.block].ref("part")
    return "" if part is None else part.path


def log_lacks_value(spec: Spec, findings: Findings) -> None:
    """613: an alert reads the inputs or the score, and the log does not hold them."""
    for monitor in spec.of_kind("monitor"):
        watched = monitor.ref("of")
        serve = None if watched is None else spec.blocks.get(watched.block)
        if serve is None or serve.kind != "serve":
            continue
        log = next(iter(serve.nested("log")), None)
        held = set() if log is None else {what for item in log.definitions.values() for what in _reads(item)}
        for alert in monitor.definitions.values():
            for what in sorted(_reads(alert) - held):
                column, fix = ("inputs", "inputs := inputs") if what == "inputs" else ("score", "score := score")
                name = serve.name if log is None else log.name
                notes = [] if log is None else [Note("the log", log.head)]
                findings.add("MLS613", alert.value.span, notes, name=alert.name, column=column, log=name, fix=fix)


def _reads(item: Definition) -> set[str]:
    """`inputs` and `score` among what an expression reads of a request."""
    found = set()
    if any(ref.kind in ("features", "feature") for ref in item.value.refs) and "audit" not in item.attrs:
        found.add("inputs")
    if any(node == ["score"] or node[:2] in (["live", "score"], ["live", "probability"]) for node in walk(item.value.form)):
        found.add("score")
    sliced = any(node[0] == "call" and len(node) > 3 and "by" in node[3] for node in walk(item.value.form))
    return found - {"inputs"} if sliced else found


def log_lacks_key(spec: Spec, findings: Findings) -> None:
    """614: labels that arrive later find no request, because the log holds no key. 901: they come from code, which no monitor runs."""
    for monitor in spec.of_kind("monitor"):
        watched = monitor.ref("of")
        serve = None if watched is None else spec.blocks.get(watched.block)
        if serve is None or serve.kind != "serve":
            continue
        source = _label_source(spec, serve)
        # One without `@delay` is told so first (609).
        late = [alert for alert in monitor.definitions.values() if needs_truth(alert) and "delay" in alert.attrs]
        if source is None or not late:
            continue
        if step_of(source) is not None:
            findings.add("MLS901", late[0].value.span, what=f"`@delay` with labels of `{source.name}`, whose rows a step makes",
                         wanted="labels of a source that is read")  # fmt: skip
            continue
        key = next((column for column in source.columns.values() if "key" in column.attrs), None)
        logs = serve.nested("log")
        if key is not None and any((source.name, key.name) in item.value.columns for item in _logged(logs)):
            continue
        fix = f"{key.name} := {source.name}.{key.name}" if key is not None else ""
        findings.add("MLS614", late[0].value.span, [Note("the log", log.head) for log in logs], name=late[0].name,
                     log=logs[0].name if logs else serve.name, source=source.name, fix=fix)  # fmt: skip


def _logged(logs: list[Block]) -> list[Definition]:
    return [item for log in logs for item in log.definitions.values()]


def _label_source(spec: Spec, serve: Block) -> Block | None:
    model = serve.ref("model")
    label = None if model is None or model.block not in spec.blocks else label_reference(spec, spec.blocks[model.block])
    block = None if label is None else spec.blocks.get(label.block)
    return spec.spine(block.name) if block is not None else None


CHECKS = (truth_without_delay, silent_alert, no_reference, log_lacks_value, log_lacks_key)
