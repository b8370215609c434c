"""What the rows of a step carry: code is out of sight, so personal data, outcomes and times are what the source says of them."""

from __future__ import annotations

from mlspec.spec.extern_steps import event_time, extern_of, step_of, tables_of
from mlspec.spec.findings import Findings, listing
from mlspec.spec.kinds import TAINTS
from mlspec.spec.model import Block, Column, Spec
from mlspec.spec.values import Made


def computed_rows(spec: Spec, findings: Findings) -> None:
    """317, 318, 401, 409: what the rows of a step carry is declared: personal data, the outcome and the time of what it is given."""
    for block in spec.of_kind("source"):
        made = step_of(block)
        if made is not None:
            _computed(spec, block, made, findings)


def _computed(spec: Spec, block: Block, made: Made, findings: Findings) -> None:
    extern = spec.blocks[extern_of(made)]
    types = dict(extern.get("parameters"))
    given = [(spec.blocks[source], [name for name, _ in types[one].members]) for one, source in tables_of(block).items()]
    read = [source.columns[name] for source, names in given for name in names]
    _no_named(block, findings)
    _no_refresh(block, findings)
    _protected(block, read, findings)
    _personal(block, extern, read, findings)
    _outcomes(block, extern, read, findings)
    _times(block, [source for source, _ in given], findings)


def _no_named(block: Block, findings: Findings) -> None:
    for column in block.columns.values():
        if "named" in column.attrs:
            findings.add("MLS201", column.attrs["named"].span, what="`@named`", got="on a column that code computes",
                               wanted="on a column of data", hint="let the code give the column this name")  # fmt: skip


def _no_refresh(block: Block, findings: Findings) -> None:
    if block.get("refresh") is not None:
        findings.add("MLS209", block.span_of("refresh"), what="`refresh`", got="of a source whose rows a step makes", wanted="a source that is read",
                     hint="set it for the tables that the step is given: their rows are made into new ones")  # fmt: skip


def _protected(block: Block, read: list[Column], findings: Findings) -> None:
    """A protected column stays one under its name: no model reads it by a detour."""
    for column in read:
        same = block.columns.get(column.name)
        if same is not None and "protected" in column.attrs and "protected" not in same.attrs:
            findings.add("MLS201", same.span, what=f"`{block.name}.{same.name}`", got="without `@protected`",
                         wanted=f"`@protected`, as `{column.source}.{column.name}` has it", hint="tag it; or give it another name, if it is something else")  # fmt: skip


def _personal(block: Block, extern: Block, read: list[Column], findings: Findings) -> None:
    """401: personal data goes in, and a column that comes out does not say so. 409: it would leave the machine."""
    worst = max(read, key=lambda column: column.taint)
    if not worst.taint:
        return
    path, network = f"{worst.source}.{worst.name}", extern.get("network") not in (None, "none")
    if network:
        findings.add("MLS409", block.span_of("from"), name=extern.name, got=TAINTS[worst.taint].replace("_", " "), column=path,
                           hint="personal data would leave the machine by code that nobody checks")  # fmt: skip
        return
    carried = min(worst.taint, {"quasi": 1, "none": 0}.get(str(extern.get("taint")), worst.taint))
    for column in block.columns.values():
        if column.taint < carried:
            tag = TAINTS[carried]
            findings.add("MLS401", column.span, name=path, got=TAINTS[worst.taint].replace("_", " "),
                               where=f"the column `{block.name}.{column.name}`, which does not say so", wanted=TAINTS[column.taint],
                               hint=f"or tag the column `@pii({tag})`, or promise less by `taint = …` of the step")  # fmt: skip
            return


def _outcomes(block: Block, extern: Block, read: list[Column], findings: Findings) -> None:
    """317: a column is computed where an outcome is read, and is not said to be one."""
    outcomes = [column for column in read if "outcome" in column.attrs]
    if not outcomes or extern.get("outcome") == "none":
        return
    plain = [column for column in block.columns.values() if not {"outcome", "key", "event_time"} & set(column.attrs)]
    if plain:
        findings.add("MLS317", plain[0].span, name=f"{block.name}.{plain[0].name}", function=extern.name,
                           column=f"{outcomes[0].source}.{outcomes[0].name}", got=listing([column.name for column in plain]))  # fmt: skip


def _times(block: Block, sources: list[Block], findings: Findings) -> None:
    """318: rows that have a time become rows without one, or some that have none: a run could hold those to nothing."""
    timed = next((source for source in sources if event_time(source)), None)
    if timed is None:
        return
    time = block.columns.get(event_time(block))
    if time is None:
        findings.add("MLS318", block.head, name=block.name, source=timed.name, why="that have a time, and have none",
                           wanted="a column with `@event_time`", got=f"`@event_time` on `{timed.name}.{event_time(timed)}` alone",
                           hint="let the code give each row the time of the newest row that it is made of; a run holds it to that")  # fmt: skip
    elif time.type.optional:
        findings.add("MLS318", time.span, name=block.name, source=timed.name, why="that have a time, and may have none",
                           wanted="a time in every row", got=f"`{time.name}: {time.type}`",
                           hint="leave out the `?`, and rows without a time; or give each the time of the newest row that it is made of")  # fmt: skip


CHECKS = (computed_rows,)
