"""3xx, parts: rows that are held out stay out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from mlspec.diagnostics import Note
from mlspec.spec.checks.reading import LEARNERS, days, source_of
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Part, Spec
from mlspec.spec.values import Made, Reference


def overlapping_parts(spec: Spec, findings: Findings) -> None:
    """305: intervals with a day in common; shares that do not sum to 100 % are a fault of the block itself (209)."""
    for split in spec.of_kind("split"):
        for earlier, later in _neighbours(split):
            if start_of(later) < end_of(earlier):
                got = f"`{later.name}` starts on {start_of(later):%Y-%m-%d}, `{earlier.name}` ends after it"
                findings.add("MLS305", later.span, [Note("the other part", earlier.span)], name=later.name, other=earlier.name,
                             block=split.name, got=got, hint="both ends of an interval are included")  # fmt: skip


def gap_under_horizon(spec: Spec, findings: Findings) -> None:
    """306: labels of a part's last rows become known inside the next part."""
    for split in spec.of_kind("split"):
        horizon = _horizon(spec, split)
        if horizon is None:
            continue
        for earlier, later in _neighbours(split):
            gap = (start_of(later) - end_of(earlier)).total_seconds()
            if 0 <= gap < horizon:
                findings.add("MLS306", later.span, name=earlier.name, other=later.name, got=days(gap), wanted=days(horizon))


def immature_labels(spec: Spec, findings: Findings) -> None:
    """308: a part ends so late that its labels are not all known at `as_of`."""
    param = spec.blocks.get("as_of")
    as_of = _constant(param) if param is not None and param.kind == "param" else None
    if not isinstance(as_of, date):
        return
    for split in spec.of_kind("split"):
        horizon = _horizon(spec, split)
        if horizon is None:
            continue
        for part in split.parts.values():
            if part.interval is not None and end_of(part) + timedelta(seconds=horizon) > moment(as_of) + timedelta(days=1):
                wanted = moment(as_of) - timedelta(seconds=horizon)
                findings.add("MLS308", part.span, name=part.name, as_of=f"{as_of:%Y-%m-%d}", wanted=f"{wanted:%Y-%m-%d}",
                             got=f"{end_of(part) - timedelta(days=1):%Y-%m-%d}",
                             hint=f"the label takes {days(horizon)} to be known")  # fmt: skip


def groups_cross(spec: Spec, findings: Findings) -> None:
    """307: rows of one entity may fall into several parts, or into several folds."""
    for split in spec.of_kind("split"):
        frame = split.ref("frame")
        source = None if frame is None else spec.spine(frame.block)
        by_chance = any(part.share is not None for part in split.parts.values())
        if source is None or split.ref("group") is not None or not by_chance:
            continue
        for column in source.columns.values():
            if column.type.name == "id" and "key" not in column.attrs:
                hint = f"rows of one `{column.type.entity}` belong together: add `group = {column.name}`"
                findings.add("MLS307", split.head, [Note("declared here", column.span)], name=column.name, block=split.name,
                             hint=hint)  # fmt: skip


def searched_on_gate_part(spec: Spec, findings: Findings) -> None:
    """310: gates judge on the very rows on which a search chose its model."""
    for gates in spec.of_kind("gates"):
        part = gates.ref("part")
        for search in spec.of_kind("search") if part is not None else ():
            own = search.ref("part")
            if own is not None and part is not None and own.path == part.path:
                findings.add("MLS310", gates.span_of("part"), [Note("searched on it here", search.span_of("part"))],
                             block=gates.name, name=part.path, other=search.name)  # fmt: skip


def tuned_on_holdout(spec: Spec, findings: Findings) -> None:
    """311: calibration, the threshold or an early stop reads a part that gates hold out."""
    held = held_out(spec)
    for block in spec.of_kind("model", "search", "train", "compress"):
        for field in ("calibrate", "threshold", "stop_early", "prune", "quantise", "part"):
            made = block.make(field)
            part = (
                block.ref("part")
                if field == "part" and block.kind == "compress"
                else None
                if made is None
                else made.get("part")
            )
            if isinstance(part, Reference) and part.path in held:
                findings.add("MLS311", block.span_of(field), [Note("held out here", held[part.path].span_of("part"))],
                             what=f"`{field}`", block=block.name, name=part.path, other=held[part.path].name)  # fmt: skip


def _fitted_on(spec: Spec, part: Reference) -> bool:
    """Whether a model trains on a part that gates hold out: that is the fault then (310, 502), and the report is right."""
    return any((own := block.ref("part")) is not None and own.path == part.path for block in spec.of_kind(*LEARNERS))


def report_on_holdout(spec: Spec, findings: Findings) -> None:
    """312: a report shows the rows that gates hold out."""
    held = held_out(spec)
    for block in spec.of_kind("explore"):
        made = block.make("value")
        part = None if made is None else made.get("part")
        if isinstance(made, Made) and isinstance(part, Reference) and part.path in held and not _fitted_on(spec, part):
            seen = next((other for name, other in _parts_of(spec, part) if f"{part.block}.{name}" not in held), None)
            findings.add("MLS312", part.span or block.span, [Note("held out here", held[part.path].span_of("part"))],
                         block=block.name, name=part.path, other=held[part.path].name,
                         fix="" if seen is None else f"{part.block}.{seen.name}")  # fmt: skip


def held_out(spec: Spec) -> dict[str, Block]:
    """The parts that gates judge on, with the gates."""
    found: dict[str, Block] = {}
    for gates in spec.of_kind("gates"):
        part = gates.ref("part")
        if part is not None:
            found.setdefault(part.path, gates)
    return found


def _parts_of(spec: Spec, part: Reference) -> list[tuple[str, Part]]:
    split = spec.blocks.get(part.block)
    return [] if split is None or source_of(spec, part) is None else list(split.parts.items())


def _neighbours(split: Block) -> list[tuple[Part, Part]]:
    """Each part by time with the next one, by start."""
    timed = sorted((part for part in split.parts.values() if part.interval is not None), key=start_of)
    return list(pairwise(timed))


def moment(value: Any) -> datetime:
    """A date as its first instant in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def start_of(part: Part) -> datetime:
    """The first instant of a part by time."""
    assert part.interval is not None
    return moment(part.interval.low)


def end_of(part: Part) -> datetime:
    """The first instant after a part by time: a date covers its whole day."""
    assert part.interval is not None
    high = part.interval.high
    return moment(high) if isinstance(high, datetime) else moment(high) + timedelta(days=1)


def _horizon(spec: Spec, split: Block) -> float | None:
    """How long after its row's time the label of the split's frame is known."""
    frame = split.ref("frame")
    block = None if frame is None else spec.blocks.get(frame.block)
    if block is None or block.kind != "frame":
        return None
    for derived in block.definitions.values():
        mature = _plain(derived.attr("label", "mature"))
        if isinstance(mature, int | float):
            return float(mature)
    return None


def _constant(block: Block) -> Any:
    return _plain(block.get("default"))


def _plain(item: Any) -> Any:
    """A constant, also where it is wrapped as a typed expression."""
    form = getattr(item, "form", None)
    if form is None:
        return item
    value = form[1] if form[0] == "lit" else None
    return date.fromisoformat(value) if isinstance(value, str) and form[2] == "date" else value


CHECKS = (
    overlapping_parts, gap_under_horizon, immature_labels, groups_cross, searched_on_gate_part,
    tuned_on_holdout, report_on_holdout,
)  # fmt: skip
