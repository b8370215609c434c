"""3xx, features: what a model must not read because it is the answer, tells rows apart, or is not there at prediction."""

from __future__ import annotations

from mlspec import catalogue
from mlspec.spec.checks.reading import columns_read, features_of
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Spec


def label_as_feature(spec: Spec, findings: Findings) -> None:
    """301: a feature reads the label or another column that is known only afterwards."""
    labels = {
        (label.block, label.member)
        for block in spec.of_kind("model", "search", "train")
        if (label := block.ref("label")) is not None
    }
    for block in spec.of_kind("features"):
        for feature in block.definitions.values():
            for column, span in columns_read(spec, feature.value):
                if "outcome" in column.attrs or (column.source, column.name) in labels:
                    findings.add("MLS301", span, name=feature.name, column=f"{column.source}.{column.name}")


def key_as_feature(spec: Spec, findings: Findings) -> None:
    """314: a feature reads the column that tells rows apart."""
    for block in spec.of_kind("features"):
        for feature in block.definitions.values():
            for column, span in columns_read(spec, feature.value):
                if "key" in column.attrs:
                    findings.add("MLS314", span, name=feature.name, column=f"{column.source}.{column.name}")


def fitted_without_part(spec: Spec, findings: Findings) -> None:
    """309: something that is learned stands where there is no part to learn it on."""
    for outer in spec.of_kind("serve", "monitor", "gates", "evaluate"):
        for block in (outer, *outer.blocks):
            for item in block.definitions.values():
                for name, span in item.value.calls:
                    if any(row.level == "fitted" for row in catalogue.functions(name)):
                        hint = "use the column itself"
                        if block.kind == "log":
                            hint = f"log the column itself, or all that the model reads: `inputs := {_first_features(spec)}`"
                        findings.add("MLS309", span, name=name, where=f"`{block.kind} {block.name}`", hint=hint)


def _first_features(spec: Spec) -> str:
    return next((block.name for block in spec.of_kind("features")), "inputs")


def request_lacks_input(spec: Spec, findings: Findings) -> None:
    """315: a feature of the served model needs a column that no request brings."""
    for serve in spec.of_kind("serve"):
        request = serve.get("request")
        model = serve.ref("model")
        if request is None or model is None or model.block not in spec.blocks:
            continue
        looked_up = {getattr(item, "item", item).block for item in serve.get("lookup") or ()}
        brought = {(item.block, item.member) for item in (getattr(part, "item", part) for part in request)}
        _report_missing(spec, findings, serve, spec.blocks[model.block], brought, looked_up)


def _report_missing(
    spec: Spec, findings: Findings, serve: Block, model: Block, brought: set[tuple[str, str | None]], looked_up: set[str]
) -> None:
    # The instant of the prediction is when the request comes: nobody sends it.
    seen = {(at.block, at.member) for frame in spec.of_kind("frame") if (at := frame.ref("at")) is not None}
    for _, feature in features_of(spec, model):
        for column, _ in columns_read(spec, feature.value):
            place = (column.source, column.name)
            if place in brought or place in seen or column.source in looked_up:
                continue
            seen.add(place)
            hint = f"leave `request` out of `{serve.name}`: then it is every column that the model needs"
            findings.add("MLS315", serve.span_of("request"), name=feature.name, column=column.name, hint=hint)


CHECKS = (label_as_feature, key_as_feature, fitted_without_part, request_lacks_input)
