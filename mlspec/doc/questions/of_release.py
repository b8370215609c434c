"""Answers about release: metrics, unbiased evaluation, robustness, regulation, versions, serving, monitoring, logs."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.doc.judged import Judged, judged_gates
from mlspec.doc.lineage import features_of
from mlspec.doc.questions.answer import Answer, code, listed, names, plural
from mlspec.doc.subject import Cite, Subject, expression_text, field_text, made_text
from mlspec.page.html import Html, el, join, prose
from mlspec.spec.kinds import TAINTS
from mlspec.spec.model import Block

EDGES = ("worst", "gap", "ratio", "robustness", "latency", "pinball")
"""Functions of gates that look at the edges rather than at the mean."""


def metrics(subject: Subject) -> Answer | None:
    """Objectives of searches, and the gates with what they compared last."""
    gates = judged_gates(subject)
    searches = subject.blocks("search")
    if not gates and not searches:
        return None
    items: list[object] = [
        join(["Search ", code(block.name), " ranks trials by ", code(field_text(block, "objective"))]) for block in searches
    ]
    items += [_gate(gate) for gate in gates]
    cites: list[Cite | None] = [subject.cite(block.span_of("objective")) for block in searches]
    cites += [subject.cite(gate.gate.span) for gate in gates]
    cites += [subject.cite_found(f"verdict.{name}") for name in dict.fromkeys(gate.block.name for gate in gates)]
    return Answer(join([listed(items)]), cites)


def _gate(gate: Judged) -> Html:
    found = f": {gate.value}" if gate.value else ""
    evidence = f" ({gate.evidence})" if gate.evidence and gate.value else ""
    status = f", {gate.status}" if gate.status else ""
    return join(["Gate ", code(gate.condition), found, evidence, status])


def unbiased(subject: Subject) -> Answer | None:
    """How rows are kept apart, and who reads which part."""
    splits = subject.blocks("split")
    if not splits:
        return None
    items: list[object] = []
    cites: list[Cite | None] = []
    for block in splits:
        parts = names(f"{part.name} := {' '.join(part.span.text.partition(':=')[2].split())}" for part in block.parts.values())
        how = [
            f"by {word} {field_text(block, field)}"
            for field, word in (("on", "time"), ("group", "group"), ("stratify", "strata of"))
            if block.get(field)
        ]
        gap = f", at least {field_text(block, 'gap')} apart" if block.given("gap") else ""
        items.append(join([code(block.name), ": ", parts, f", {', '.join(how) or 'by chance'}{gap}"]))
        cites.append(subject.cite(block.head))
    items += list(_readers(subject, cites))
    words = "`check` refuses a gate on a part that any model was fitted, searched, calibrated or thresholded on, overlapping parts, and a feature that reads the label."
    return Answer(join([listed(items), el("p", prose(words))]), cites)


def _readers(subject: Subject, cites: list[Cite | None]) -> Iterator[Html]:
    """Which blocks read which part: fitting, searching, judging."""
    for block in subject.blocks("model", "search", "gates"):
        part = block.ref("part")
        if part is not None:
            word = {"gates": "judges on", "search": "searches on", "model": "is fitted on"}[block.kind]
            cv = (
                f", cross-validated by {field_text(block, 'cv') or made_text(block.get('cv'))}"
                if block.kind == "search"
                else ""
            )
            cites.append(subject.cite(block.span_of("part")))
            yield join([code(block.name), f" {word} ", code(part.path), cv])


def robustness(subject: Subject) -> Answer | None:
    """Gates on the worst group, gaps, speed; what a server does with values at the edge."""
    gates = [gate for gate in judged_gates(subject) if any(name in EDGES for name, _ in gate.gate.value.calls)]
    items: list[object] = [_gate(gate) for gate in gates]
    cites: list[Cite | None] = [subject.cite(gate.gate.span) for gate in gates]
    for gate in gates:
        items += [f"{gate.gate.name}: {group}" for group in gate.groups]
    cites += [subject.cite_found(f"verdict.{name}") for name in dict.fromkeys(gate.block.name for gate in gates if gate.status)]
    ranged = [column for source in subject.blocks("source") for column in source.columns.values() if "range" in column.attrs]
    if not gates and not ranged:
        return None
    if ranged:
        items.append(
            join(
                [
                    "A value outside its declared range is refused, in data and in requests: ",
                    names(column.name for column in ranged),
                    ".",
                ]
            )
        )
        cites += [subject.cite(ranged[0].span)]
    for block in subject.blocks("features"):
        unknown = "counts as its own value" if block.get("unknown") == "encode" else "is refused"
        items.append(join(["An unknown category ", unknown, " (", code(f"{block.name}.unknown"), ")."]))
        cites.append(subject.cite(block.span_of("unknown")))
    least = [
        f"{block.name} fails a gate on a group of fewer than {block.get('min_group')} rows" for block in subject.blocks("gates")
    ]
    return Answer(join([listed([*items, *least])]), cites)


def regulation(subject: Subject) -> Answer | None:
    """What the card says of rules, with what the spec holds that they ask for."""
    card = next((block for block in subject.blocks("card") if block.get("regulation")), None)
    if card is None:
        return None
    items: list[object] = list(card.get("regulation"))
    protected = [
        column for source in subject.blocks("source") for column in source.columns.values() if "protected" in column.attrs
    ]
    approvers = subject.spec.settings.get("approvers")
    more: list[object] = []
    if protected:
        more.append(join(["Protected characteristics: ", names(column.name for column in protected), "."]))
    if approvers:
        more.append(f"A loosening change needs the signature of {', '.join(approvers)}.")
    cites = [subject.cite(card.span_of("regulation")), *(subject.cite(column.span) for column in protected)]
    return Answer(join([listed(items), *(el("p", line) for line in more)]), cites)


def versions(subject: Subject) -> Answer | None:
    """What names a version, what may be served, and where packages are registered."""
    uses = subject.blocks("serve", "score")
    if not uses:
        return None
    settings = subject.spec.settings
    items: list[object] = ["A version is the digest of its package: content, not a number that somebody gives."]
    for block in uses:
        gate = block.ref("gate")
        word = "serves" if block.kind == "serve" else "scores with"
        rule = join([", the newest whose gates ", code(gate.path), " passed"]) if gate is not None else ", whatever gates say"
        items.append(join([code(block.name), f" {word} ", code(field_text(block, "model")), rule]))
    registry = made_text(settings.get("registry"))
    items.append(
        "No registry is kept." if registry == "none" else join(["Released packages are registered with ", code(registry), "."])
    )
    cites = [
        *(subject.cite(block.head) for block in uses),
        subject.cite(settings.span_of("registry")) if settings.given("registry") else None,
    ]
    run = subject.run
    if run is not None:
        for model in dict.fromkeys(ref.block for block in uses if (ref := block.ref("model")) is not None):
            digest = run.digests.get(f"package.{model}")
            if digest is not None:
                state = (
                    "passed its gates"
                    if run.passed
                    else "did not pass its gates"
                    if run.passed is False
                    else "was judged by no gate"
                )
                items.append(join(["Run ", code(run.number), " made ", code(digest[:16]), f", which {state}."]))
                cites.append(subject.cite_found(f"package.{model}"))
    return Answer(join([listed(items)]), cites)


def batch_or_real_time(subject: Subject) -> Answer | None:
    """Which of both is declared, and the reason where somebody wrote one."""
    uses = subject.blocks("serve", "score")
    if not uses:
        return None
    items = []
    for block in uses:
        what = (
            "answers requests one by one"
            if block.kind == "serve"
            else f"scores rows of {field_text(block, 'input')} into {field_text(block, 'output')}"
        )
        times = [
            made_text(each.get("at"))
            for each in subject.blocks("schedule")
            if (ref := each.ref("run")) is not None and ref.block == block.name
        ]
        when = f", at {', '.join(times)}" if times else ""
        reason = block.doc
        items.append(join([code(f"{block.kind} {block.name}"), f" {what}{when}. ", reason]))
    budget = [
        join([code(item.name), ": ", code(expression_text(item.value))])
        for block in uses
        for item in block.definitions.values()
    ]
    fast = [_gate(gate) for gate in judged_gates(subject) if any(name == "latency" for name, _ in gate.gate.value.calls)]
    written = any(block.doc for block in uses)
    return Answer(join([listed([*items, *budget, *fast])]), [subject.cite(block.head) for block in uses], lacks=not written)


def degradation(subject: Subject) -> Answer | None:
    """The alerts, how often and over what they are worked out, and who is told."""
    monitors = subject.blocks("monitor")
    if not monitors:
        return None
    parts: list[object] = []
    cites: list[Cite | None] = []
    for block in monitors:
        reference = field_text(block, "reference")
        against = f" against {reference}" if reference else ""
        parts.append(
            el(
                "p",
                code(block.name),
                f" works these out every {_length(block, 'every')} over {_length(block, 'window')}{against}:",
            )
        )
        parts.append(listed(
            join([code(item.name), ": ", code(expression_text(item.value)),
                  "".join(f" {' '.join(attr.span.text.split())}" for attr in item.attrs.values()), f" {item.doc}" if item.doc else ""])
            for item in block.definitions.values()
        ))  # fmt: skip
        cites += [subject.cite(block.head), *(subject.cite(item.span) for item in block.definitions.values())]
    return Answer(join(parts), cites)


def _length(block: Block, field: str) -> str:
    return field_text(block, field) or "its default"


def logs(subject: Subject) -> Answer | None:
    """The declared fields of every log, how long they are kept, and what they tell of persons."""
    found = [log for block in subject.blocks("serve") for log in block.nested("log")]
    if not found:
        return None
    parts: list[object] = [
        el("p", "Each record has the time, a request id, the digest of the model, and exactly these fields:")
    ]
    cites: list[Cite | None] = []
    for log in found:
        keep = f"kept for {field_text(log, 'keep')}" if log.get("keep") is not None else "kept for ever"
        share = "" if log.get("sample") in (None, 1.0) else f", {field_text(log, 'sample')} of requests"
        parts.append(el("p", code(log.path), f": {keep}{share}, {plural(len(log.definitions), 'field')}."))
        parts.append(listed(_logged(subject, log)))
        cites += [subject.cite(log.head), *(subject.cite(item.span) for item in log.definitions.values())]
    return Answer(join(parts), cites)


def _logged(subject: Subject, log: Block) -> Iterator[Html]:
    for item in log.definitions.values():
        taint = f" ({TAINTS[item.value.taint]} data)" if item.value.taint else ""
        whole = [ref for ref in item.value.refs if ref.kind == "features"]
        more = ""
        if whole:
            serve = next((block for block in subject.blocks("serve") if log in block.blocks), None)
            model = None if serve is None else serve.ref("model")
            block = None if model is None else subject.spec.blocks.get(model.block)
            read = [] if block is None else [path.rpartition(".")[2] for path in features_of(subject, block)]
            more = f": {', '.join(read)}" if read else ""
        yield join([code(item.name), " := ", code(expression_text(item.value)), taint, more])
