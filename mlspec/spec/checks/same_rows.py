"""104: a model, its label, its features and its part are about the rows of one source; two sources meet only in a frame."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.source import Span
from mlspec.spec.checks.reading import LEARNERS, source_of
from mlspec.spec.findings import Findings
from mlspec.spec.judged import feature_blocks
from mlspec.spec.model import Block, Spec
from mlspec.spec.values import Reference

_HINT = "rows of two sources do not belong together by their order: join them in a `frame`"


def models_of_one_source(spec: Spec, findings: Findings) -> None:
    """104: a label or features of another source than the part that a model is fitted on."""
    for model in spec.of_kind(*LEARNERS):
        part = model.ref("part")
        source = None if part is None else source_of(spec, part)
        if source is None or part is None:
            continue
        for field, block in _rows_of(spec, model):
            if block is not source:
                wanted = (
                    f"{'a column' if field == 'label' else 'features'} of `{source.name}`, whose rows `{part.block}` divides"
                )
                findings.add("MLS104", model.span_of(field), name=_text(model.span_of(field)), got=f"of source `{block.name}`",
                             wanted=wanted, hint=_HINT)  # fmt: skip


def _rows_of(spec: Spec, model: Block) -> Iterator[tuple[str, Block]]:
    """(field, source whose rows it is about) of the label and of each block of features."""
    label = model.ref("label")
    found = None if label is None else spec.spine(label.block)
    if found is not None:
        yield "label", found
    for name in feature_blocks(model):
        frame = spec.blocks[name].ref("frame") if name in spec.blocks else None
        found = None if frame is None else spec.spine(frame.block)
        if found is not None:
            yield "features", found


def columns_of_one_source(spec: Spec, findings: Findings) -> None:
    """104: a feature reads a column of a source that nothing joins to its rows; so does `by:` of a gate or a number."""
    for block in spec.of_kind("features", "gates", "evaluate"):
        frame = block.ref("frame")
        part = block.ref("part")
        source = spec.blocks.get(frame.block) if frame is not None else source_of(spec, part) if part is not None else None
        if source is None or source.kind != "source" or _framed(spec, part):
            continue
        for item in block.definitions.values():
            for ref in item.value.refs:
                if ref.kind == "column" and ref.block != source.name:
                    findings.add("MLS104", ref.span or item.span, name=ref.path, got=f"a column of source `{ref.block}`",
                                 wanted=f"a column of `{source.name}`", hint=_HINT)  # fmt: skip
                elif block.kind != "features" and (other := _rows_behind(spec, ref)) not in (None, source.name):
                    findings.add("MLS104", ref.span or item.span, name=ref.path, got=f"a feature of source `{other}`",
                                 wanted=f"a feature of `{source.name}`", hint=_HINT)  # fmt: skip


def _rows_behind(spec: Spec, ref: Reference) -> str | None:
    """The source whose rows a feature is computed of."""
    features = spec.blocks.get(ref.block) if ref.kind == "feature" else None
    frame = None if features is None else features.ref("frame")
    source = None if frame is None else spec.spine(frame.block)
    return None if source is None else source.name


def _framed(spec: Spec, part: Reference | None) -> bool:
    """Whether a part is of a split over a frame, which may have joined other sources."""
    split = None if part is None else spec.blocks.get(part.block)
    frame = None if split is None else split.ref("frame")
    return frame is not None and frame.kind == "frame"


def reference_of_one_source(spec: Spec, findings: Findings) -> None:
    """104: a monitor compares with rows of another source than those that the model was fitted on."""
    for monitor in spec.of_kind("monitor"):
        watched, part = monitor.ref("of"), monitor.ref("reference")
        served = None if watched is None or watched.block not in spec.blocks else spec.blocks[watched.block].ref("model")
        model = None if served is None else spec.blocks.get(served.block)
        own = None if model is None else spec.learned(model).ref("part")
        if part is None or own is None:
            continue
        source, other = source_of(spec, own), source_of(spec, part)
        if source is not None and other is not None and source is not other:
            findings.add("MLS104", monitor.span_of("reference"), name=part.path, got=f"a part of source `{other.name}`",
                         wanted=f"a part of `{source.name}`, on which `{served.block if served else ''}` was fitted")  # fmt: skip


def _text(span: Span) -> str:
    return " ".join(span.text.split())


CHECKS = (models_of_one_source, columns_of_one_source, reference_of_one_source)
