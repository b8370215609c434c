"""Extraction: every source gives `extract` and `verify`."""

from __future__ import annotations

from typing import Any

from mlspec.graph.expression import columns_of, rewrite
from mlspec.lower.externs import declaration, externs_of
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import descriptor, descriptors, json_form, json_value, resources
from mlspec.spec.extern_steps import event_time, extern_of, step_of, tables_of
from mlspec.spec.kinds import NONE
from mlspec.spec.model import Block
from mlspec.spec.source_rules import foreign_columns
from mlspec.spec.values import Made

_LOCATION = ("path", "table", "query")


def lower(sheet: Sheet) -> None:
    """Add the stages of every source."""
    for source in sheet.spec.of_kind("source"):
        computed = step_of(source) is not None
        config = step_config(sheet, source) if computed else extract_config(sheet, source)
        tables = tables_of(source)
        sampled = source.get("sample") is not None
        stage = sheet.add(
            source.name, "step" if computed else "extract", config,
            {f"tables.{name}": sheet.rows(table) for name, table in tables.items()},
            outputs=("rows", "sampled") if sampled else ("rows",),
            after=dict.fromkeys(stage for table in tables.values() for stage in sheet.checked(table)), resources=resources(source),
        )  # fmt: skip
        sheet.add(source.name, "verify", verify_config(sheet, source), _read(sheet, stage, source), resources=resources(source))


def _read(sheet: Sheet, extract: str, source: Block) -> dict[str, str]:
    """The rows of a source, and those of the sources that it refers to: as they were read, not as they were checked."""
    others = dict.fromkeys(path.rpartition(".")[0] for path in partners_of(source))
    return {
        "rows": f"{extract}/rows",
        **{f"references.{in_its_file(other, source)}": f"{sheet.made_by(sheet.block(other))}/rows" for other in others},
    }


def in_its_file(path: str, block: Block) -> str:
    """A name as the file of a block has it: what is read there is one, whatever alias a spec imports it by."""
    return path.removeprefix(f"{block.alias}.") if block.alias else path


def partners_of(source: Block) -> list[str]:
    """The columns of other sources in which checks look for values, `source.column`, each once."""
    return list(dict.fromkeys(path for check in source.definitions.values() for path in foreign_columns(check.value.form)[0]))


def extract_config(sheet: Sheet, source: Block) -> dict[str, Any]:
    """What `extract` reads of a source: the place, the format, the columns, and the sample with what it is drawn by."""
    made = source.make("from")
    if made is None:
        raise TypeError(f"source {source.name} has no place")
    return {**location(sheet, made, source.folder), **_declared(sheet, source)}


def step_config(sheet: Sheet, source: Block) -> dict[str, Any]:
    """What `step` makes rows of: the columns that its code is given of each table, and the code by its digests."""
    made = step_of(source)
    if made is None:
        raise TypeError(f"source {source.name} stands on no step")
    extern = sheet.block(extern_of(made))
    types = dict(extern.get("parameters"))
    given = {
        name: (sheet.block(table), [column for column, _ in types[name].members]) for name, table in tables_of(source).items()
    }
    columns = [source.columns[name] for source, names in given.values() for name in names]
    private = any(column.taint > NONE for column in columns)
    tables = {
        name: {"columns": [descriptor(table.columns[column]) for column in names], "time": event_time(table) or None}
        for name, (table, names) in given.items()
    }
    return {**_declared(sheet, source), "externs": {extern.name: declaration(sheet, extern, private)}, "tables": tables}


def _declared(sheet: Sheet, source: Block) -> dict[str, Any]:
    """The columns of a source, and its sample with what it is drawn by."""
    config: dict[str, Any] = {"source": source.own_name, "columns": descriptors(source)}
    sample = source.get("sample")
    if sample is not None:
        config |= {"sample": sample, "seed": sheet.spec.seed, "group": _group(sheet, source.name)}
    return config


def location(sheet: Sheet, made: Made, folder: str = "") -> dict[str, Any]:
    """`format paths options` and, of a database, `table` or `query`; of images `paths` is their index and `images` their folder."""
    options = {name: json_value(value) for name, value in made.args.items() if name not in _LOCATION}
    if made.name == "images":
        index = sheet.path(str(options.pop("index")), folder)
        return {"format": "images", "paths": [index], "images": sheet.path(str(made.get("path")), folder), "options": options}
    config: dict[str, Any] = {"format": made.name, "paths": [sheet.path(str(made.get("path")), folder)], "options": options}
    for name in ("table", "query"):
        if made.get(name) is not None:
            config[name] = str(made.get(name))
    return config


def verify_config(sheet: Sheet, source: Block) -> dict[str, Any]:
    """The checks of a source beside its columns; `min_cell` hides small counts in messages, as its reports do."""
    checks = [
        {"name": item.name, "expression": _check_form(json_form(item.value.form), source), **externs_of(sheet, item.value)}
        for item in source.definitions.values()
    ]
    cells = [
        made.get("min_cell")
        for report in sheet.spec.of_kind("explore")
        if (made := report.make("value")) is not None and _reads(sheet, made, source.name)
    ]
    config = {
        "source": source.own_name,
        "columns": descriptors(source),
        "checks": checks,
        "min_cell": max((int(cell) for cell in cells if cell is not None), default=20),
    }
    partners = {in_its_file(path, source): _partner(sheet, path) for path in partners_of(source)}
    return {**config, "partners": partners} if partners else config


def _check_form(form: Any, source: Block) -> Any:
    """A check with the columns of other sources named as the file of its source names them."""
    if not source.alias or not any("." in name for name in columns_of(form)):
        return form
    return rewrite(form, lambda node: ["col", in_its_file(node[1], source), node[2]] if node[0] == "col" else None)


def _partner(sheet: Sheet, path: str) -> dict[str, Any]:
    """The column of another source that `source.column` names."""
    name, _, column = path.rpartition(".")
    return descriptor(sheet.block(name).columns[column])


def _reads(sheet: Sheet, made: Made, source: str) -> bool:
    part = made.get("part")
    frame = sheet.block(part.block).ref("frame") if part is not None else None
    return frame is not None and sheet.source_of(frame.block).name == source


def _group(sheet: Sheet, source: str) -> str | None:
    """The group column of the first split over this source: a sample takes groups whole."""
    for split in sheet.spec.of_kind("split"):
        frame, group = split.ref("frame"), split.ref("group")
        if frame is not None and group is not None and sheet.source_of(frame.block).name == source:
            return group.member
    return None
