"""`mlspec test`: specs as cases with golden output, the exit codes, both evaluators, coverage and mutants."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mlspec.cli import main
from mlspec.cli.schema import published
from mlspec.driver import Compilation
from mlspec.graph import graph_keys
from mlspec.lower.rehearsal import cases
from mlspec.runtime.prepare import online, sql
from mlspec.runtime.rehearse import Rehearsal
from mlspec.source import SourceFile
from mlspec.spec.model import Spec
from mlspec.syntax import parse
from mlspec.syntax.nodes import File
from mlspec.testing.mutations import mutants
from mlspec.testing.mutations.mutant import scaled
from tests.support.golden import compare
from tests.support.stored_run import store_run
from tests.unit.test_cli_schemas import ROWS, SPEC

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "testing"
SPECS = sorted(path.stem for path in CASES.glob("*.mlspec"))
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)


def timeless(text: str) -> str:
    """Output without its times, which differ from run to run."""
    text = re.sub(r" +\d+(\.\d+)? (ms|s)$", "", text, flags=re.MULTILINE)
    return re.sub(
        r'time="[\d.]+"',
        'time=""',
        re.sub(r'"seconds": [\d.e-]+', '"seconds": 0', re.sub(r" in \d+(\.\d+)? (ms|s)\n", "\n", text)),
    )


def said(capsys: Capture, *arguments: str) -> tuple[int, str]:
    """The exit code and the standard output of `mlspec test`."""
    code = main(["test", *arguments])
    return code, timeless(capsys.readouterr().out)


@pytest.mark.parametrize("name", SPECS)
def test_the_text_is_as_expected(name: str, capsys: Capture) -> None:
    code, text = said(capsys, f"{name}.mlspec", "--coverage", "--no-color", *(["--mutate"] if name == "mutants" else []))
    compare(CASES / f"{name}.txt", text)
    assert code == (1 if name in ("failing", "broken") else 0)


@pytest.mark.parametrize("name", SPECS)
def test_the_json_is_as_expected_and_as_published(name: str, capsys: Capture) -> None:
    _, text = said(capsys, f"{name}.mlspec", "--format", "json", *(["--mutate"] if name == "mutants" else []))
    jsonschema.Draft202012Validator(published("test")).validate(json.loads(text))
    compare(CASES / f"{name}.json", text)


@pytest.mark.parametrize("name", SPECS)
def test_the_junit_is_as_expected_and_counts(name: str, capsys: Capture) -> None:
    _, text = said(capsys, f"{name}.mlspec", "--format", "junit")
    whole = ET.fromstring(text)
    assert len(list(whole.iter("testcase"))) == int(whole.attrib["tests"])
    assert len({case for case in whole.iter("testcase") if case.find("failure") is not None}) == int(whole.attrib["failures"])
    compare(CASES / f"{name}.xml", text)


def test_the_schema_refuses_what_it_does_not_name(capsys: Capture) -> None:
    _, text = said(capsys, "empty.mlspec", "--format", "json")
    for change in ({"more": 1}, {"format": 2}, {"coverage": 101}, {"specs": [{}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(published("test")).validate({**json.loads(text), **change})


def test_one_test_alone(capsys: Capture) -> None:
    code, text = said(capsys, "failing.mlspec", "--only", "that_passes", "--no-color")
    assert code == 0
    assert "that_passes" in text
    assert "1 test, all passed" in text


def test_a_mistyped_name_is_a_usage_error(capsys: Capture) -> None:
    assert main(["test", "failing.mlspec", "--only", "that_pases"]) == 2
    assert "did you mean `--only that_passes`?" in capsys.readouterr().err


def test_too_little_that_is_tested_or_noticed_fails(capsys: Capture) -> None:
    assert main(["test", "mutants.mlspec", "--fail-under", "27"]) == 0
    assert main(["test", "mutants.mlspec", "--fail-under", "28%"]) == 1
    assert "27.3% of the definitions are tested, less than 28%" in capsys.readouterr().err
    assert main(["test", "mutants.mlspec", "--mutate", "--fail-under-mutants", "99"]) == 1
    assert "of the mutants are noticed, less than 99%" in capsys.readouterr().err
    assert main(["test", "mutants.mlspec", "--mutate", "--fail-under-mutants", "30"]) == 0


@pytest.mark.parametrize(("options", "said"), [
    (["--only", "that_passes", "--coverage"], "leave out `--only`, or `--coverage`"),
    (["--only", "that_passes", "--coverage", "--fail-under", "100"], "leave out `--only`, or `--fail-under`"),
    (["--only", "that_passes", "--fail-under", "0"], "`--fail-under` says nothing of some tests alone"),
    (["--fail-under-mutants", "99"], "`mlspec test --mutate --fail-under-mutants 99`"),
])  # fmt: skip
def test_a_floor_under_what_is_not_worked_out_is_refused(options: list[str], said: str, capsys: Capture) -> None:
    assert main(["test", "failing.mlspec", *options]) == 2
    found = capsys.readouterr()
    assert said in found.err
    assert found.out == ""


def test_folders_and_environments(tmp_path: Path, capsys: Capture) -> None:
    text = (CASES / "mutants.mlspec").read_text() + "\nenv small {\n  set people.sample = 10%\n}\n"
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "one.mlspec").write_text(text)
    assert main(["test", str(tmp_path)]) == 0
    assert main(["test", str(tmp_path), "--env", "lax"]) == 1
    assert "`lax`" in capsys.readouterr().out


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.mlspec")), ids=lambda path: path.stem)
def test_the_specs_of_the_project_pass_and_their_tests_change_no_key(path: Path, capsys: Capture) -> None:
    assert main(["test", str(path)]) == 0
    bare = SourceFile(path.name, re.sub(r"^(##.*\n)*test \w+ \{\n(.*\n)*?\}\n", "", path.read_text(), flags=re.MULTILINE))
    without = Compilation(path, read=lambda path, name=None, root=None: bare)
    assert without.spec is not None
    assert not list(without.spec.of_kind("test"))
    assert list((Compilation(path).spec or Spec("")).of_kind("test"))
    assert graph_keys(without.graph, {}, {}) == graph_keys(Compilation(path).graph, {}, {})


def outcomes(name: str, tmp_path: Path) -> dict[str, Any]:
    spec = Compilation(CASES / f"{name}.mlspec").spec
    assert spec is not None
    with Rehearsal(tmp_path) as rehearsal:
        return {case["name"]: rehearsal.run(case) for case in cases(spec)}


@pytest.mark.parametrize(("module", "key", "change"), [
    (online, "ffloor", lambda data: lambda value: None if value is None else value + 1.0),
    (sql, "ffloor", lambda step, value: value),
])  # fmt: skip
def test_evaluators_that_disagree_fail_the_test(
    module: Any, key: str, change: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(module.OPERATIONS, key, change)
    found = outcomes("passing", tmp_path)
    assert not found["of_one_row"]["passed"]
    assert found["of_one_row"]["failures"][0]["kind"] == "disagreement"
    assert "`inputs.decade` in row 1" in found["of_one_row"]["failures"][0]["found"]
    assert found["a_weak_model"]["passed"]


def test_a_test_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    """In reverse, each alone and all twice in one engine: the same outcomes."""
    spec = Compilation(CASES / "failing.mlspec").spec
    assert spec is not None
    forward = outcomes("failing", tmp_path / "a")
    with Rehearsal(tmp_path / "b") as rehearsal:
        found = cases(spec)
        for case in [*found[::-1], *found]:
            assert rehearsal.run(case) == forward[case["name"]]


def test_hundreds_of_tests_open_one_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    spec = Compilation(CASES / "mutants.mlspec").spec
    assert spec is not None
    opened, connect = [], duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *arguments: opened.append(1) or connect(*arguments))
    with Rehearsal(tmp_path) as rehearsal:
        assert all(rehearsal.run(case)["passed"] for _ in range(50) for case in cases(spec))
    assert len(opened) == 1


def test_tests_of_gates_alone_open_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    monkeypatch.setattr(duckdb, "connect", lambda *arguments: pytest.fail("no row is given"))
    spec = Compilation(CASES / "mutants.mlspec").spec
    assert spec is not None
    with Rehearsal(tmp_path) as rehearsal:
        assert rehearsal.run(next(case for case in cases(spec) if case["name"] == "the_least_useful_model"))["passed"]


def parsed(name: str) -> tuple[File, Spec, str]:
    compilation = Compilation(CASES / f"{name}.mlspec")
    assert compilation.tree is not None
    assert compilation.spec is not None
    assert compilation.source is not None
    return compilation.tree, compilation.spec, compilation.source.text


@pytest.mark.parametrize("name", ["mutants", "passing"])
def test_every_mutant_is_one_change_that_parses(name: str) -> None:
    tree, spec, text = parsed(name)
    found = mutants(tree, spec)
    assert len({mutant.apply(text) for mutant in found} - {text}) == len(found)
    for mutant in found:
        _, faults = parse(SourceFile(name, mutant.apply(text)))
        assert not faults, mutant


@pytest.mark.parametrize("name", ["line", "doc", "text"])
def test_blocks_and_columns_of_any_name_have_their_mutants_noticed(name: str, tmp_path: Path, capsys: Capture) -> None:
    text = re.sub(r"\bline\b", "straight", (CASES / "mutants.mlspec").read_text())
    named = re.sub(r"\b(inputs|age)\b", lambda found: {"inputs": name, "age": f"{name}2"}[found[0]], text)
    columns = re.sub(r"\bage\b", name, text)

    def noticed(spec: str) -> list[tuple[str, str | None]]:
        (tmp_path / "one.mlspec").write_text(spec)
        assert main(["test", str(tmp_path / "one.mlspec"), "--mutate", "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)
        return [(mutant["kind"], mutant["noticed"]) for mutant in found["specs"][0]["mutants"]]

    assert noticed(named) == noticed(columns) == noticed(text)


def test_every_condition_has_its_mutants() -> None:
    tree, spec, _ = parsed("passing")
    made = {(mutant.path, mutant.kind.partition(" ")[2]) for mutant in mutants(tree, spec)}
    for block in spec.blocks.values():
        if block.kind in ("source", "gates", "monitor", "serve"):
            for name in block.definitions:
                assert (f"{block.path}.{name}", "deleted") in made
    wanted = {
        ("release.fair", "threshold"),
        ("release.both", "turned"),
        ("api.slo", "threshold"),
        ("watch.steady", "threshold"),
    }
    assert wanted <= made


def test_a_source_is_given_a_million_rows_at_most(tmp_path: Path, capsys: Capture) -> None:
    text = (CASES / "mutants.mlspec").read_text()
    rows = "given people = [row(age: 65), row(age: 89)]"
    assert rows in text
    for count, code in ((999_998, 0), (1_000_000, 1)):
        (tmp_path / "many.mlspec").write_text(
            text.replace(rows, f"given people = [rows({count:_}, age: 65), row(age: 89), row(age: 66)]")
        )
        assert main(["check", str(tmp_path / "many.mlspec")]) == code
    assert "MLS006" in capsys.readouterr().out


LEARNED = """
test unrolled {
  given people = [row(age: 40, town: "Ulm")]
  fit people = [ONES, row(age: 40, town: "Ulm", bought: "no"), row(age: 40, town: "Bonn", bought: "no")]
  age := abs(inputs.age - 1.0) < 1e-9
  rate := inputs.town_rate == 0.75
}
"""


@pytest.mark.parametrize("ones", [
    ", ".join(['row(age: 20, town: "Ulm", bought: "yes")'] * 3), 'rows(3, age: 20, town: "Ulm", bought: "yes")',
])  # fmt: skip
def test_rows_to_learn_from_count_as_often_as_they_say(ones: str, tmp_path: Path, capsys: Capture) -> None:
    """Of 20, 20, 20, 40 and 40 the middle is 28 and the deviation 9.8; three of the four of Ulm bought."""
    text = LEARNED.replace("ONES", ones).replace("- 1.0", "- 1.224744871391589")
    (tmp_path / "many.mlspec").write_text((CASES / "passing.mlspec").read_text() + text)
    assert main(["test", str(tmp_path / "many.mlspec"), "--only", "unrolled", "--no-color"]) == 0, capsys.readouterr().out


def literal(text: str) -> Any:
    tree, found = parse(SourceFile("x", f"mlspec 2026.1\n\nspec a {{\n  x = {text}\n}}\n"))
    assert tree is not None and not found
    return tree.statements[0].body[0].value  # type: ignore[union-attr]


@pytest.mark.parametrize(("text", "factor", "wanted"), [
    ("100", 0.9, "90"), ("1", 1.1, "2"), ("1", 0.9, "0"), ("30_000", 0.9, "27000"), ("0.88", 0.9, "0.792"), ("2.0", 0.5, "1.0"),
    ("5pp", 1.1, "5.5pp"), ("10%", 0.9, "9%"), ("0%", 1.1, "0.1%"), ("20ms", 1.1, "22ms"), ("64MiB", 1.1, "70MiB"), ("0", 1.1, "1"),
    ("1e-3", 2.0, "0.002"), ("50rps", 1.1, "55rps"),
])  # fmt: skip
def test_a_number_keeps_its_unit(text: str, factor: float, wanted: str) -> None:
    assert scaled(literal(text), factor) == wanted


def test_testing_loads_no_library_for_gates_alone(tmp_path: Path) -> None:
    """Heavy libraries are loaded by the tests that need them."""
    text = (CASES / "mutants.mlspec").read_text()
    keep = re.sub(r"^test (?!the_least)\w+ \{\n(.*\n)*?\}\n", "", text, flags=re.MULTILINE)
    (tmp_path / "gates.mlspec").write_text(keep)
    probe = "import sys; from mlspec.cli import main; code = main(['test', 'gates.mlspec']); print(code, *sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], cwd=tmp_path, capture_output=True, text=True, check=True)
    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0"
    assert not {"duckdb", "numpy", "pandas", "sklearn", "sqlglot"} & set(modules)


def test_gates_are_judged_on_the_numbers_of_the_last_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Without a run nobody notices that a comparison is turned; with one its numbers would not pass."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / "people.csv").write_text("\n".join(ROWS) + "\n")
    (tmp_path / "small.mlspec").write_text(SPEC)

    def fate_of(kind: str, path: str) -> tuple[str | None, list[str]]:
        assert main(["test", "small.mlspec", "--mutate", "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)
        jsonschema.Draft202012Validator(published("test")).validate(found)
        (mutant,) = [one for one in found["specs"][0]["mutants"] if (one["kind"], one["path"]) == (kind, path)]
        return mutant["noticed"], mutant["by"]

    assert fate_of("gate turned", "release.useful") == (None, [])
    assert main(["run", "small.mlspec", "-q"]) == 0
    capsys.readouterr()
    assert fate_of("gate turned", "release.useful") == ("run", ["release.useful"])
    assert fate_of("gate threshold", "release.useful") == (None, [])
    assert fate_of("split parts swapped", "parts.train") == (None, [])
    assert main(["test", "small.mlspec", "--mutate", "--no-color"]) == 0
    assert "by gates on the numbers of the last run" in capsys.readouterr().out


@pytest.mark.parametrize(("file", "content", "said"), [
    ("summary.json", "{", "summary.json` is corrupt"), ("summary.json", "{}", "summary.json` is corrupt"), ("plan.json", "{", "plan.json` is corrupt"),
    ("plan.json", "[]", "plan.json` is corrupt"), ("plan.json", '{"stages": {}}', "plan.json` is corrupt"), ("plan.json", None, "plan.json"),
])  # fmt: skip
def test_a_damaged_run_is_said_and_judges_nothing(
    file: str, content: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / "small.mlspec").write_text(SPEC)
    stored = {"release-evaluate": {"metrics": {"metrics.json": {"quantities": {"useful": {"value": 0.1}}}}}}
    folder = store_run(tmp_path / "small.mlspec", stored)
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    assert main(["test", "small.mlspec", "--mutate", "--no-color"]) == 0
    found = capsys.readouterr()
    assert said in found.err
    assert found.err.count("no gate is judged on the numbers of the last run") == 1
    assert "of the last run" not in found.out
