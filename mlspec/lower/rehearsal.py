"""The tests of a spec as data: what each gives, what is computed from it by a run's own stages, and what must come out.

Nothing here enters a graph: a test is no stage, and adding one changes no key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlspec.lower.development import features_block, label_column
from mlspec.lower.extraction import partners_of, step_config, verify_config
from mlspec.lower.fitted import model_feature, split_feature
from mlspec.lower.quantities import Quantities
from mlspec.lower.sheet import Sheet
from mlspec.lower.training import train_config
from mlspec.lower.values import descriptors, json_form, label_of
from mlspec.spec.checks.reading import LEARNERS
from mlspec.spec.extern_steps import step_of, tables_of
from mlspec.spec.literal_rows import COUNT
from mlspec.spec.model import Block, Definition, Spec
from mlspec.spec.tasks import features_of
from mlspec.spec.values import Made, Reference, Typed

Case = dict[str, Any]
VECTOR = "#"  # `inputs.job#0` is the first of the numbers that a feature became, `inputs.job#n` how many they are


def cases(spec: Spec, prefix: str = "", code: Mapping[str, str] | None = None) -> list[Case]:
    """Every test of a spec without errors, in order of writing; `prefix` and `code` as of `lower`."""
    sheet = Sheet(spec, prefix, code)
    return [_case(sheet, block) for block in spec.of_kind("test")]


def _case(sheet: Sheet, block: Block) -> Case:
    refs = [ref for definition in block.definitions.values() for ref in definition.value.refs]
    codes: list[str] = list(block.get("expect") or ())
    case: Case = {
        "name": block.name,
        "line": block.head.position[0],
        "doc": block.doc,
        "expect": codes,
        "sources": {name: _source(sheet, block, name, refs) for name in _sources(sheet, block, refs)},
        "features": {
            name: _features(sheet, name, wanted, fill=any(ref.kind == "feature" for ref in refs))
            for name, wanted in _wanted(sheet, block, refs, codes).items()
        },
        "expectations": [_expectation(sheet, definition) for definition in block.definitions.values()],
    }
    networks = dict.fromkeys(ref.block for ref in refs if ref.kind == "network")
    if networks:
        case["networks"] = {name: _network(sheet, name) for name in networks}
    case["judged"] = {inner.name: _judged(sheet, inner) for inner in block.nested("given") if inner.name not in case["sources"]}
    return case


def _sources(sheet: Sheet, block: Block, refs: Iterable[Reference]) -> list[str]:
    """The sources that rows are given to, and the spines of features that are expected without any."""
    names = [inner.name for inner in block.blocks if sheet.block(inner.name).kind == "source"]
    spines = [_rows_of(sheet, ref) for ref in refs if ref.kind in ("feature", "network")]
    read = [ref.block for ref in refs if ref.kind in ("column", "check")]
    partners = [other for name in names for other in _partners(sheet, name)]
    known = dict.fromkeys([*names, *spines, *read, *partners])
    return list(dict.fromkeys(table for name in known for table in _made_of(sheet, block, name)))


def _made_of(sheet: Sheet, test: Block, name: str) -> list[str]:
    """A source behind those that its step is given, unless the test gives it rows of its own."""
    tables = [] if _given_to(test, name) else tables_of(sheet.block(name)).values()
    return [*(one for table in tables for one in _made_of(sheet, test, table)), name]


def _given_to(test: Block, source: str) -> bool:
    return any(inner.name == source for inner in test.blocks)


def _partners(sheet: Sheet, source: str) -> list[str]:
    """The other sources that the checks of a source look into; without rows in the test they are empty."""
    return [path.rpartition(".")[0] for path in partners_of(sheet.block(source))]


def _spine(sheet: Sheet, features: str) -> str:
    frame = sheet.block(features).ref("frame")
    assert frame is not None, "a features block without a frame is an error"
    return sheet.source_of(frame.block).name


def _rows_of(sheet: Sheet, ref: Reference) -> str:
    """The source whose rows a feature, or what a network gives, has a value for."""
    return _spine(sheet, features_block(sheet.block(ref.block)) if ref.kind == "network" else ref.block)


def _network(sheet: Sheet, name: str) -> dict[str, Any]:
    """A network of the project's own as its training has it."""
    block = sheet.block(name)
    return {"source": _spine(sheet, features_block(block)), "config": train_config(sheet, block)}


def _source(sheet: Sheet, test: Block, name: str, refs: Iterable[Reference]) -> dict[str, Any]:
    """The rows of one source; where a feature stands on it and no row is given, the one row that `at` makes."""
    source = sheet.block(name)
    at = test.get("at")
    times = [column for column, item in source.columns.items() if "event_time" in item.attrs]
    own = {times[0]: json_form(at)} if at is not None and times else {}
    given = _rows(test, "given", name)
    computed = step_of(source) is not None and not _given_to(test, name)
    if not given and not computed and any(ref.kind == "feature" and _spine(sheet, ref.block) == name for ref in refs):
        given = [{"times": 1, "values": {}}]
    found = {
        "columns": descriptors(source),
        "given": [{**row, "values": {**own, **row["values"]}} for row in given],
        "fit": _rows(test, "fit", name),
        "checks": verify_config(sheet, source)["checks"],
    }
    if not computed:
        return found
    return {**found, "step": step_config(sheet, source), "made_of": tables_of(source)}


def _rows(test: Block, kind: str, source: str) -> list[dict[str, Any]]:
    rows: list[Made] = [row for inner in test.nested(kind) if inner.name == source for row in inner.get("value")]
    return [
        {
            "times": int(row.get(COUNT) or 1),
            "values": {name: json_form(value.item.form[1]) for name, value in row.args.items() if name != COUNT},
        }
        for row in rows
    ]


def _wanted(sheet: Sheet, test: Block, refs: Iterable[Reference], codes: list[str]) -> dict[str, list[str]]:
    """The features to compute by block; where codes are expected and no feature is named, all over the rows that are given."""
    wanted: dict[str, list[str]] = {}
    for ref in refs:
        if ref.kind == "feature" and ref.member not in wanted.setdefault(ref.block, []):
            wanted[ref.block].append(str(ref.member))
    if codes and not wanted:
        given = {inner.name for inner in test.nested("given")}
        for block in sheet.spec.of_kind("features"):
            if _spine(sheet, block.name) in given:
                spine = _spine(sheet, block.name)
                wanted[block.name] = [name for name, item in block.definitions.items() if _computable(item, test, spine)]
    return wanted


def _computable(feature: Definition, test: Block, source: str) -> bool:
    """Whether a feature needs no fitted step of its own, or every row has what the step learns from and is applied to."""
    steps = split_feature(feature)[2]
    if not steps or any(
        step["op"] == "target_rate" for step in steps
    ):  # that one learns from the label too: it is named or left
        return not steps
    learned, tested = (_rows(test, kind, source) for kind in ("fit", "given"))
    columns = {name for _, name in feature.value.columns}
    return bool(learned) and all(columns <= row["values"].keys() for row in (*learned, *tested))


def _features(sheet: Sheet, name: str, wanted: list[str], fill: bool) -> dict[str, Any]:
    """The features of a block; `fill` says whether what `missing` fills is learned, or only what they compute is asked."""
    block = sheet.block(name)
    return {
        "source": _spine(sheet, name),
        "unknown": block.get("unknown"),
        "label": _label(sheet, name),
        "features": [_feature(sheet, name, block.definitions[member], fill) for member in wanted],
    }


def _feature(sheet: Sheet, block: str, feature: Definition, fill: bool) -> dict[str, Any]:
    """A feature as a model reads it; `own` says whether a fitted step is its own, and not only the `missing` of its block."""
    _, _, own = split_feature(feature)
    found = model_feature(sheet, block, feature)
    if "audit" in feature.attrs or not (fill or own):
        found = {**found, "fitted": own}
    return {**found, "own": bool(own), "vector": feature.value.type.name in ("vector", "tokens")}


def _label(sheet: Sheet, features: str) -> dict[str, Any] | None:
    """The label of the first model that reads a features block: what target_rate learns from."""
    for block in sheet.spec.of_kind(*LEARNERS):
        if block.ref("label") is not None and any(ref.block == features for ref in features_of(sheet.spec, block)):
            return label_of(label_column(sheet, block))
    return None


def _judged(sheet: Sheet, given: Block) -> dict[str, Any]:
    """The definitions of gates or a monitor whose numbers are given, each with its numbers by id."""
    block = sheet.block(given.name)
    found: list[dict[str, Any]] = []
    for row in given.get("value"):
        found += [_judgement(block.definitions[name], value.item) for name, value in row.args.items()]
    return {"kind": block.kind, "all": list(block.definitions), "definitions": found}


def gates_of(spec: Spec) -> dict[str, list[dict[str, Any]]]:
    """Every gate as `verdict` reads it, with the expressions of its numbers: to judge stored numbers again."""
    return {block.name: [_gate(definition) for definition in block.definitions.values()] for block in spec.of_kind("gates")}


def _gate(definition: Definition) -> dict[str, Any]:
    quantities = Quantities()
    expression = quantities.verdict(definition.name, definition.value.form)
    items = [*quantities.evaluated, *quantities.measured]
    return {"name": definition.name, "expression": expression, "doc": definition.doc, "quantities": items}


def _judgement(definition: Definition, given: tuple[Typed, ...]) -> dict[str, Any]:
    """A definition as `verdict` reads it: a condition over numbers, and here the numbers too."""
    gate = _gate(definition)
    known = {item["id"]: item["expression"] for item in gate["quantities"]}
    order = [definition.name, *(f"{definition.name}.{number}" for number in range(2, len(known) + 1))]  # as it reads them
    numbers = {
        identity: {"value": typed.form[1], "shown": " ".join(typed.span.text.split()), "expression": known[identity]}
        for identity, typed in zip(order, given, strict=True)
    }
    return {"name": gate["name"], "expression": gate["expression"], "doc": gate["doc"], "numbers": numbers}


def _expectation(sheet: Sheet, definition: Definition) -> dict[str, Any]:
    form = json_form(definition.value.form)
    return {
        "name": definition.name,
        "line": definition.span.position[0],
        "text": " ".join(definition.value.span.text.split()),
        "expression": _spread(form),
        "reads": [
            {
                "path": ref.path,
                "kind": "feature" if ref.kind == "network" else ref.kind,
                "rows": _rows_of(sheet, ref) if ref.kind in ("feature", "network") else ref.block,
                "columns": _columns(sheet, ref),
            }
            for ref in definition.value.refs
            if ref.kind in ("feature", "network", "column", "check", "gate", "alert", "verdict")
        ],
    }  # fmt: skip


def _columns(sheet: Sheet, ref: Reference) -> list[str]:
    """The columns that a value is computed from."""
    if ref.kind != "feature":
        return [str(ref.member)] if ref.kind == "column" else []
    return sorted(name for _, name in sheet.block(ref.block).definitions[str(ref.member)].value.columns)


def _spread(form: Any) -> Any:
    """A comparison of a vector as one of each of its numbers, and of how many they are."""
    if not isinstance(form, list) or form[:1] != ["call"]:
        return form
    left = form[2][0] if form[2] else None
    if form[1] in ("==", "!=") and left is not None and left[0] == "col" and str(left[2]).startswith(("vector", "tokens")):
        return _each_number(left[1], form[1], form[2][1][1])
    return [form[0], form[1], [_spread(item) for item in form[2]], form[3]]


def _each_number(path: str, op: str, items: list[Any]) -> Any:
    equal: Any = ["call", "==", [["col", f"{path}{VECTOR}n", "int"], ["lit", len(items), "int"]], {}]
    for place, item in enumerate(items):
        one = ["call", "==", [["col", f"{path}{VECTOR}{place}", "float?"], item], {}]
        equal = ["call", "and", [equal, one], {}]
    return equal if op == "==" else ["call", "not", [equal], {}]


__all__ = ["VECTOR", "cases", "gates_of"]
