"""One test: its rows are loaded, what it reads is computed, and each expectation is decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.rehearse.expectations import Outcome, decide
from mlspec.runtime.rehearse.given import Disagreement, Faulty, Given

if TYPE_CHECKING:
    from mlspec.runtime.extern.pool import Externs
    from mlspec.runtime.rehearse.rows import Tables

Case = Mapping[str, Any]


class Rehearsal:
    """Where tests run: one engine for all of them, opened when the first test needs it."""

    def __init__(self, work: Path) -> None:
        """`work` is an empty folder, which the engine may spill into."""
        self.work = work
        self._stack = ExitStack()
        self._externs: dict[str, Externs] = {}
        self._tables: Tables | None = None

    def __enter__(self) -> Rehearsal:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def tables(self) -> Tables:
        """The engine with the tables of the test at hand; it may read no file."""
        if self._tables is None:
            from mlspec.runtime import table
            from mlspec.runtime.rehearse.rows import Tables

            self._tables = Tables(self._stack.enter_context(table.session([], [], self.work)))
        return self._tables

    def externs(self, items: Any, root: Path | None) -> Externs | None:
        """The processes of the externs that features or checks call, kept for the next test; None where they call none."""
        from mlspec.runtime.extern.declaration import declared, from_project
        from mlspec.runtime.extern.pool import Externs

        called = declared(items)
        if not called:
            return None
        key = f"{root} {sorted(called.items())}"
        if key not in self._externs:
            code = from_project(root or self.work, shipped=False)
            self._externs[key] = self._stack.enter_context(Externs(called, code, partial=True))
        return self._externs[key]

    def run(self, case: Case, root: Path | None = None) -> dict[str, Any]:
        """The outcome of one test as JSON; the code of externs lies in the project `root`."""
        return run_case(self, case, root)


def run_case(rehearsal: Rehearsal, case: Case, root: Path | None = None) -> dict[str, Any]:
    """Compute what a test reads and decide what it expects; a fault of the rows is part of the outcome and never raised."""
    outcome = Outcome(case)
    given: dict[str, Given] = {name: _given(name, source) for name, source in case["sources"].items()}
    try:
        for name, source in case["sources"].items():
            if "step" in source:
                given[name] = _made(rehearsal, given, name, source, root)
            rehearsal.tables.load(given[name])
            for error in rehearsal.tables.faults(given[name]):
                outcome.fault(error)
        for path, error in _checks(rehearsal, case, outcome, root):
            outcome.fault(error, path)
        for name, features in case["features"].items():
            _features(rehearsal, name, features, given[features["source"]], outcome, root)
        for name, network in case.get("networks", {}).items():
            outcome.columns.update(_network(rehearsal, name, network, given[network["source"]], root))
        _judged(case, outcome)
    except Disagreement as error:
        outcome.disagreement(str(error))
    except StageError as error:
        outcome.fault(error)
    decide(case, given, outcome)
    return outcome.to_json()


def _given(name: str, source: Mapping[str, Any]) -> Given:
    return Given(name, source["columns"], source["given"], source["fit"])


def _made(rehearsal: Rehearsal, given: Mapping[str, Given], name: str, source: Mapping[str, Any], root: Path | None) -> Given:
    """The rows that a step makes of the rows of others."""
    from mlspec.runtime.rehearse.steps import rows_made

    externs = rehearsal.externs([source["step"]], root)
    assert externs is not None, "a step is an extern"
    tested, learned = (
        rows_made(
            rehearsal.tables, externs, source, {one: given[table] for one, table in source["made_of"].items()}, learned=learned
        )
        for learned in (False, True)
    )
    return Given(name, source["columns"], tested, learned)


def _network(
    rehearsal: Rehearsal, name: str, network: Mapping[str, Any], given: Given, root: Path | None
) -> dict[str, list[Any]]:
    """What a network of the project's own gives for the tested rows."""
    from mlspec.runtime.rehearse.networks import answers

    config = network["config"]
    return answers(rehearsal.tables, name, config, given, rehearsal.externs(config["features"], root), root or rehearsal.work)


def _checks(rehearsal: Rehearsal, case: Case, outcome: Outcome, root: Path | None) -> Iterator[tuple[str, StageError]]:
    """Evaluates the checks that are expected, and all of a source where a failing one is; gives the errors of those that fail."""
    read = {item["path"] for expectation in case["expectations"] for item in expectation["reads"] if item["kind"] == "check"}
    for name, source in case["sources"].items():
        every = "MLS803" in case["expect"] and (source["given"] or "step" in source)
        wanted = [check for check in source["checks"] if every or f"{name}.{check['name']}" in read]
        if not wanted:
            continue
        for check, passed, found, failing in _evaluated(rehearsal, name, source, wanted, root):
            path = f"{name}.{check['name']}"
            outcome.values[path], outcome.shown[path] = passed, found
            if not passed and every:
                yield path, failing


def _evaluated(
    rehearsal: Rehearsal, name: str, source: Mapping[str, Any], wanted: list[Mapping[str, Any]], root: Path | None
) -> Iterator[tuple[Mapping[str, Any], bool, str, StageError]]:
    """Each check with its answer, as the stage `verify` works it out."""
    from mlspec.runtime import query
    from mlspec.runtime.prepare.online import compile_row
    from mlspec.runtime.verify.aggregates import Aggregates
    from mlspec.runtime.verify.wording import show, value_text
    from mlspec.runtime.wording import text_of

    connection = rehearsal.tables.connection
    forms, view = {check["name"]: check["expression"] for check in wanted}, f"source {name}"
    externs = rehearsal.externs(wanted, root)
    if externs is not None:
        from mlspec.runtime.rehearse.called import with_results

        forms, view = with_results(connection, forms, view, externs)
    whole = query.render(query.select(None, view))
    connection.execute(f"CREATE OR REPLACE TEMP VIEW rows AS {whole}")
    found = Aggregates(name)
    reduced = [(check, found.reduce(forms[check["name"]])) for check in wanted]
    numbers = found.compute(connection)
    for check, form in reduced:
        where = f"{name}.{check['name']}"
        passed = compile_row(form, where)(numbers) is True
        shown = show(value_text(form, {**numbers, **found.shown}, found.labels))
        error = StageError("MLS803", f"the check `{check['name']}` of source `{name}` failed", where,
                           expected=text_of(check["expression"]), found=shown)  # fmt: skip
        yield check, passed, shown, error


def _features(
    rehearsal: Rehearsal, block: str, config: Mapping[str, Any], given: Given, outcome: Outcome, root: Path | None
) -> None:
    from mlspec.runtime.rehearse import values

    forms = {f"{block}.{feature['name']}": feature["value"] for feature in config["features"]}
    externs = rehearsal.externs(config["features"], root)
    tested = values.row_values(rehearsal.tables, forms, given, learned=False, externs=externs)
    learned = values.row_values(rehearsal.tables, forms, given, learned=True, externs=externs) if given.learned else {}
    for feature in config["features"]:
        path = f"{block}.{feature['name']}"
        outcome.columns[path] = []
        found, known = tested[path], learned.get(path, [])
        for error in dict.fromkeys(item.error for item in (*found, *known) if isinstance(item, Faulty)):
            outcome.fault(error, path)
        if any(isinstance(item, Faulty) for item in (*found, *known)):
            found = [None if isinstance(item, Faulty) else item for item in found]
        elif known and feature["fitted"] and _is_number(feature):
            target = values.target_of(config["label"], given.learned, path)
            try:
                each = values.as_often(known, given.learned)
                found = values.fitted_values(path, feature, found, each, target, config["unknown"])
            except StageError as error:
                outcome.fault(error, path)
                found = [None] * len(found)
        outcome.columns[path] = found


def _is_number(feature: Mapping[str, Any]) -> bool:
    """Whether the fitted steps of a feature end in numbers: a text that is only filled does not, and no model reads it."""
    from mlspec.runtime.transform.columns import TEXT_TYPES

    return bool(feature["own"]) or str(feature["type"]).removesuffix("?") not in TEXT_TYPES


def _judged(case: Case, outcome: Outcome) -> None:
    from mlspec.runtime.rehearse.verdicts import alert_holds, gate_holds

    for block, judged in case["judged"].items():
        holds = gate_holds if judged["kind"] == "gates" else alert_holds
        for definition in judged["definitions"]:
            path = f"{block}.{definition['name']}"
            outcome.values[path], outcome.shown[path] = holds(definition)
        outcome.values[block], outcome.shown[block] = _verdict(block, judged["all"], outcome)


def _verdict(block: str, gates: list[str], outcome: Outcome) -> tuple[bool | None, str]:
    """Whether all gates hold: one that fails decides; else one without a number leaves it open, which no expectation meets."""
    failing = [name for name in gates if outcome.values.get(f"{block}.{name}", True) is not True]
    absent = [name for name in gates if f"{block}.{name}" not in outcome.values]
    if failing:
        return False, f"{', '.join(failing)} failed"
    return (None, f"no number for {', '.join(absent)}") if absent else (True, "every gate passed")
