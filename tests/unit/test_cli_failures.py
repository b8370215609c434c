"""What a stage says of a place in the spec, as a diagnostic there."""

from __future__ import annotations

from pathlib import Path

import mlspec
from mlspec.cli import exits
from mlspec.cli.failures import exit_code_of, stage_diagnostic, stage_diagnostics
from mlspec.diagnostics.render import render
from mlspec.runtime.errors import StageError
from mlspec.spec.model import Spec

DEMO = Path(__file__).parents[1] / "cases" / "errors" / "MLS501" / "good.mlspec"


def spec() -> Spec:
    found = mlspec.load(DEMO).spec
    assert found is not None
    return found


def test_a_column_is_found_at_its_line() -> None:
    error = StageError(
        "MLS805",
        "2 values of {age} are outside",
        "people.age",
        expected="18..90",
        found="'7'",
        help="mend it",
        examples=["row 3: '7'"],
    )
    found = stage_diagnostic(spec(), error.to_json())
    text = render([found])
    assert "error[MLS805]: 2 values of {age} are outside" in text
    assert "good.mlspec:16:3" in text
    assert "for example row 3: '7'" in text


def test_a_place_without_a_line_of_its_own_is_the_nearest_around_it() -> None:
    found = stage_diagnostic(spec(), StageError("MLS803", "no", "people.nothing_here").to_json())
    assert found.span is not None and found.span.position[0] == 11
    field = stage_diagnostic(spec(), StageError("MLS809", "no", "spec.registry").to_json())
    assert field.span is not None and field.span.position[0] == 3


def test_a_place_that_the_spec_has_not_stays_in_words() -> None:
    found = stage_diagnostic(spec(), StageError("MLS808", "corrupt", "elsewhere.x").to_json())
    assert found.span is None
    assert [note.message for note in found.notes] == ["at `elsewhere.x`"]


def test_an_internal_error_needs_no_row_in_the_table() -> None:
    found = stage_diagnostic(None, {"code": "internal", "message": "a bug"})
    assert (found.severity, found.message) == ("error", "a bug")


def test_further_violations_are_findings_of_their_own() -> None:
    error = StageError("MLS802", "first", "people.age", examples=["row 1", "also MLS805 people.visits: second"]).to_json()
    error["also"] = [StageError("MLS805", "second", "people.visits").to_json()]
    first, second = stage_diagnostics(spec(), [error])
    assert [note.message for note in first.notes] == ["for example row 1"]
    assert second.span is not None and second.message == "second"


def test_exit_codes() -> None:
    assert exit_code_of(["MLS811"]) == exits.LOCKED
    assert exit_code_of(["MLS802", "MLS809"]) == exits.INPUT_OUTPUT
    assert exit_code_of(["MLS802"]) == exits.FOUND
