"""The stages: drawing, keys, what each took in the last run, and the artifacts with their digests."""

from __future__ import annotations

from mlspec.doc.pages.site import framed, run_note
from mlspec.doc.stage_graph import stage_drawing, took
from mlspec.doc.stored import Taken
from mlspec.doc.subject import Subject, artifact_id, size_text
from mlspec.graph import GraphError, Stage
from mlspec.page.frame import Page, facts, section, table, tag
from mlspec.page.html import Html, el, join
from mlspec.plan import Step


def stages_page(subject: Subject) -> Page:
    """Drawing and tables; what a run would do only where the files are there that the plan reads."""
    try:
        plan = subject.found.plan
        steps = {step.stage.id: step for step in plan.steps}
        problem = ""
    except GraphError as error:
        steps, problem = {}, error.message
    taken = {
        stage.id: took(found.seconds, found.memory)
        for stage in subject.graph
        if (found := subject.taken(stage)) is not None and found.state != "skipped"
    }
    drawing = stage_drawing(subject.graph, steps, taken)
    parts = [
        run_note(subject),
        el("p", f"Whether stages would run is not known: {problem}.", class_="note") if problem else None,
        section("How they hang together", drawing.figure(), id_="graph"),
        section("What each is and took", _stages(subject, steps), id_="stages"),
        section("Made from, read by", drawing.rows(), id_="table"),
    ]
    if subject.run is not None:
        parts.append(section("Artifacts of the run", _artifacts(subject), id_="artifacts"))
    sections = [("graph", "Drawing"), ("stages", "Keys, time, memory"), ("table", "Table")]
    sections += [("artifacts", "Artifacts")] if subject.run is not None else []
    return framed(subject, "stages.html", join(parts), head=_facts(subject, steps), sections=sections, assets=("graph",), wide=True,
                  summary="A stage whose key is known is reused; a key covers everything that the result depends on.")  # fmt: skip


def _facts(subject: Subject, steps: dict[str, Step]) -> Html | None:
    rows: list[tuple[object, str]] = [(len(subject.graph), "stages")]
    if steps:
        running = sum(step.action == "run" for step in steps.values())
        rows += [(running, "would run now"), (len(steps) - running, "would be reused")]
    if subject.run is not None:
        found = list(subject.run.stages.values())
        rows.append((took(sum(item.seconds for item in found), 0), "of work behind the run"))
        rows.append((f"{max((item.memory for item in found), default=0) / 2**20:.0f} MiB", "at most in one stage"))
    return facts(rows)


def _stages(subject: Subject, steps: dict[str, Step]) -> Html:
    rows = [_stage(subject, stage, steps.get(stage.id), subject.taken(stage)) for stage in subject.graph]
    return table(
        ["Stage", "Key", "State in the run", "#Time", "#Peak memory", "Asks for", "Block"],
        rows,
        label="Stages with keys, time and memory",
    )


def _stage(subject: Subject, stage: Stage, step: Step | None, taken: Taken | None) -> Html:
    key = taken.key if taken is not None and taken.key else "" if step is None else step.key
    changed = taken is not None and step is not None and taken.key and taken.key != step.key
    state = (
        tag(taken.state, {"ran": "good", "reused": "good", "failed": "bad"}.get(taken.state, "")) if taken else tag("no run")
    )
    asks = stage.resources
    limits = [f"{asks.cpu:g} cpu", "" if asks.memory is None else f"{asks.memory / 2**20:.0f} MiB", asks.devices,
              "" if asks.time_limit is None else f"{asks.time_limit:g} s at most", f"{asks.retry} retries" if asks.retry else "",
              "alone" if asks.exclusive else ""]  # fmt: skip
    return el(
        "tr",
        el("th", stage.id, el("small", stage.kind), scope="row"),
        el("td", el("span", key[:16] or "not known", class_="digest", title=key or None),
           el("small", "another key now: it would run") if changed else None),
        el("td", state),
        el("td", "–" if taken is None else f"{taken.seconds:.2f} s", class_="n"),
        el("td", f"{taken.memory / 2**20:.0f} MiB" if taken is not None and taken.memory else "–", class_="n"),
        el("td", ", ".join(part for part in limits if part)),
        el("td", subject.line(place) if (place := subject.spec.span_of(stage.block)) is not None else "the run as a whole"),
    )  # fmt: skip


def _artifacts(subject: Subject) -> Html:
    assert subject.run is not None
    rows, seen = [], set()
    for name, taken in subject.run.stages.items():
        for output, digest in taken.digests.items():
            mark = artifact_id(digest) if digest not in seen else None  # equal artifacts have one digest, and one anchor
            seen.add(digest)
            rows.append(el("tr", el("th", f"{name}/{output}", scope="row"), el("td", el("span", digest, class_="digest")),
                           el("td", size_text(taken.sizes.get(output, 0)), class_="n"), id=mark))  # fmt: skip
    return table(["Output", "SHA-256 of its content", "#Size"], rows, label="Artifacts with digests")
