"""117: an extern that no test calls. What it does is out of sight; rows written into the spec are what a reviewer can hold it to."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.spec.extern_networks import network_of
from mlspec.spec.extern_steps import extern_of, step_of, tables_of
from mlspec.spec.findings import Findings
from mlspec.spec.kinds import NONE, TAINTS
from mlspec.spec.model import Block, Spec
from mlspec.spec.tasks import features_of


def untested(spec: Spec, findings: Findings) -> None:
    """117: each extern of rows is read by an expectation of some test, through a feature or a check."""
    if any(_unknown(spec, block) for block in spec.of_kind("test")):
        return  # what has an error is reported: nobody knows what it would call
    tested = {name for block in spec.of_kind("test") for name in _called_by(spec, block)}
    for extern in spec.of_kind("extern"):
        role = str(extern.get("role"))
        if (
            role in ("feature", "check", "step", "network") and not extern.alias and extern.name not in tested
        ):  # an imported one has its file's tests
            findings.add("MLS117", extern.head, name=extern.name,
                         hint=_hint(role, extern.name))  # fmt: skip


def _hint(role: str, name: str) -> str:
    if role == "network":
        return f"add a `test` with rows and an expectation about what `{name}` gives for them: `….outputs == 1`"
    if role == "step":
        return f"add a `test` with rows of what `{name}` is given and an expectation about what it makes"
    return f"add a `test` with rows of the source and an expectation about a {role} that calls `{name}`"


def _unknown(spec: Spec, test: Block) -> bool:
    """Whether a test reads something with an error in it."""
    read = [(spec.blocks.get(ref.block), ref.member) for item in test.definitions.values() for ref in item.value.refs]
    found = [block.definitions.get(name or "") for block, name in read if block is not None]
    return any(item is not None and item.value.type.name == "unknown" for item in found)


def _called_by(spec: Spec, test: Block) -> Iterator[str]:
    """The functions that a test calls through what it expects; where it expects codes, through every check of the rows too."""
    for definition in test.definitions.values():
        for ref in definition.value.refs:
            block = spec.blocks.get(ref.block)
            read = None if block is None else block.definitions.get(ref.member or "")
            if read is not None:
                yield from (name for name, _ in read.value.calls)
            own = None if block is None else network_of(block)
            if own is not None:
                yield str(own.get("").block)
            frame = None if block is None or block.kind != "features" else block.ref("frame")
            yield from _steps(spec, test, ref.block if frame is None else frame.block)
    if "MLS803" in (test.get("expect") or ()):
        for given in test.nested("given"):
            source = spec.blocks.get(given.name)
            for check in source.definitions.values() if source is not None else ():
                yield from (name for name, _ in check.value.calls)


def networks_that_send(spec: Spec, findings: Findings) -> None:
    """409: a network whose code has hosts to reach is trained on personal data."""
    for block in spec.of_kind("train"):
        made = network_of(block)
        if made is None or spec.blocks[made.get("").block].get("network") in (None, "none"):
            continue
        read = [
            (f"{ref.block}.{ref.member}", spec.blocks[ref.block].definitions[ref.member or ""].value.taint)
            for ref in features_of(spec, block)
        ]
        label = block.ref("label")
        column = None if label is None else spec.column(label.block, label.member or "")
        read += [] if column is None or label is None else [(label.path, column.taint)]
        path, worst = max(read, key=lambda each: each[1])
        if worst > NONE:
            findings.add("MLS409", block.span_of("network"), name=made.get("").block, got=TAINTS[worst].replace("_", " "), column=path,
                         hint="personal data would leave the machine by code that nobody checks")  # fmt: skip


def _steps(spec: Spec, test: Block, source: str) -> Iterator[str]:
    """The steps that make the rows of a source in a test, and those of what they are given."""
    block = spec.spine(source)
    made = None if block is None else step_of(block)
    if block is None or made is None or any(inner.name == block.name for inner in test.blocks):
        return
    yield extern_of(made)
    for table in tables_of(block).values():
        yield from _steps(spec, test, table)


CHECKS = (untested, networks_that_send)
