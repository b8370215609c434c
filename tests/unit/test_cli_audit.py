"""`mlspec override` and `mlspec audit` at the command line, over runs that are written down by hand."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import mlspec
from mlspec.cli import main
from mlspec.cli.schema import published
from mlspec.policy import read_policy
from mlspec.policy.rows import ROWS, TABLES
from mlspec.runtime.audit import log
from mlspec.runtime.runs import write_summary
from mlspec.source import SourceFile
from tests.docs.markdown import examples, looks_like
from tests.unit.test_cli_schemas import SPEC

Capture = pytest.CaptureFixture[str]
REASON = "the old model is worse on every slice"
SIGNED = ["--actor", "ml-risk", "--reason", REASON, "--expires", "2999-12-31"]
PACKAGE = "a" * 64
PAGE = Path(__file__).parents[2] / "docs" / "policy.md"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec whose only run failed `release.useful`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(log, "now", lambda: "2999-12-20T12:00:00Z")
    (tmp_path / "mlspec.toml").write_text('[policy]\napprovers = ["ml-risk"]\n')
    (tmp_path / "small.mlspec").write_text(SPEC)
    a_run(tmp_path)
    return tmp_path


def a_run(root: Path, number: int = 1, **changes: Any) -> None:
    digest = mlspec.load(root / "small.mlspec").spec_digest
    gates = [
        {
            "name": "useful",
            "passed": False,
            "status": "failed",
            "value": 0.4,
            "unit": "float",
            "text": "lower(auc(line)) >= 0.5",
        }
    ]
    folder = root / ".mlspec" / "runs" / f"{number:06d}"
    (folder / "reports").mkdir(parents=True)
    (folder / "reports" / "index.html").write_text("<body>report</body>")
    write_summary(folder, {
        "format": 1, "run": folder.name, "spec": "small", "spec_digest": digest, "env": None, "guarded": False, "passed": False, "exit_code": 1,
        "stages": {"run-report": {"kind": "report"}}, "reports": {"run-report/report": "reports/index.html"},
        "verdicts": {"release": {"passed": False, "gates": gates, "packages": {"line": PACKAGE}}}, **changes,
    })  # fmt: skip


def said(capsys: Capture, *arguments: str, code: int = 0) -> str:
    found = main([*arguments, "--no-color"])
    captured = capsys.readouterr()
    assert found == code, captured.out + captured.err
    return captured.out + captured.err


def test_an_override_is_recorded_shown_and_verified(project: Path, capsys: Capture) -> None:
    text = said(capsys, "override", "small.mlspec", *SIGNED)
    assert text.startswith("RELEASED BY OVERRIDE of ml-risk until 2999-12-31: useful of `release` failed.")
    assert "release.useful: 0.4" in text
    assert f"line: package {PACKAGE[:12]}, of run 000001" in text
    listed = said(capsys, "audit")
    assert "ml-risk releases small run 000001 until 2999-12-31 although useful failed: the old model" in listed
    head = log.read(project).head
    assert said(capsys, "audit", "verify") == f"unbroken: 1 record\nhead 1:{head.digest}\n"
    assert head.digest in said(capsys, "audit", "-v")
    assert "gates failed, RELEASED BY OVERRIDE of ml-risk" in said(capsys, "show")
    assert REASON in said(capsys, "show", "1")
    assert json.loads(said(capsys, "show", "1", "--format", "json"))["override"]["actor"] == "ml-risk"
    assert "RELEASED BY OVERRIDE" in (project / ".mlspec/runs/000001/reports/index.html").read_text()


def test_an_override_is_revoked(project: Path, capsys: Capture) -> None:
    said(capsys, "override", "small.mlspec", *SIGNED)
    text = said(
        capsys,
        "override",
        "small.mlspec",
        "--actor",
        "ml-risk",
        "--reason",
        "it was measured again, and is worse",
        "--revoke",
        "1",
    )
    assert text.startswith("override 1 is revoked (record 2)")
    assert "RELEASED" not in (project / ".mlspec/runs/000001/reports/index.html").read_text()
    assert "RELEASED" not in said(capsys, "show")
    assert "ml-risk ends override 1" in said(capsys, "audit")
    again = said(
        capsys,
        "override",
        "small.mlspec",
        "--actor",
        "ml-risk",
        "--reason",
        "once more, to see it refused",
        "--revoke",
        "1",
        code=1,
    )
    assert "record 1 is no override that stands" in again


@pytest.mark.parametrize("spelled", ["29991224", "2999-W52-2"])
def test_a_last_day_is_on_record_in_one_spelling(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, spelled: str
) -> None:
    """Records are compared as text: in another spelling an override would outlive its last day."""
    said(capsys, "override", "small.mlspec", *SIGNED, "--expires", spelled)
    assert log.read(project).records[0]["expires"] == "2999-12-24"
    monkeypatch.setattr(log, "now", lambda: "2999-12-25T00:00:00Z")
    assert "RELEASED" not in said(capsys, "show")


def test_an_override_is_ended_by_its_own_spec_and_gates_alone(project: Path, capsys: Capture) -> None:
    """Who may sign for another spec may not end it."""
    said(capsys, "override", "small.mlspec", *SIGNED)
    (project / "other.mlspec").write_text(SPEC.replace("spec small", "spec other"))
    ended = ["--actor", "ml-risk", "--reason", "it is not theirs to end", "--revoke", "1"]
    text = said(capsys, "override", "other.mlspec", *ended, code=1)
    assert "record 1 is an override of `release` of small" in text
    assert "RELEASED" in said(capsys, "show")
    (project / "small.mlspec").write_text(SPEC.replace(">= 0.5", ">= 0.6"))
    said(capsys, "override", "small.mlspec", *ended)
    assert "RELEASED" not in said(capsys, "show")


def test_the_marks_of_what_still_stands_stay(project: Path, capsys: Capture) -> None:
    """Of two overrides of one text of the spec, each is of a package of its own."""
    gates = [{"name": "useful", "passed": False, "status": "failed", "value": 0.3, "unit": "float"}]
    a_run(project, 2, verdicts={"release": {"passed": False, "gates": gates, "packages": {"line": "b" * 64}}})
    for number in ("1", "2", "1"):
        said(capsys, "override", "small.mlspec", *SIGNED, "--run", number)
    pages = [project / f".mlspec/runs/{number:06d}/reports/index.html" for number in (1, 2)]
    ended = ["--actor", "ml-risk", "--reason", "it was measured again", "--revoke"]
    assert "(record 3 of" in pages[0].read_text()
    said(capsys, "override", "small.mlspec", *ended, "3")
    assert ["(record 1 of" in pages[0].read_text(), "(record 2 of" in pages[1].read_text()] == [True, True]
    said(capsys, "override", "small.mlspec", *ended, "1")
    assert ["RELEASED" in page.read_text() for page in pages] == [False, True]


def test_programs_are_told_the_record(project: Path, capsys: Capture) -> None:
    done = json.loads(said(capsys, "override", "small.mlspec", *SIGNED, "--format", "json"))
    assert done["record"]["n"] == 1
    assert done["pages"] == [str(project / ".mlspec/runs/000001/reports/index.html")]
    ended = ["--actor", "ml-risk", "--reason", REASON, "--revoke", "1", "--format", "json"]
    assert json.loads(said(capsys, "override", "small.mlspec", *ended))["revoked"] == 1


def test_a_spec_with_errors_overrides_nothing(project: Path, capsys: Capture) -> None:
    (project / "small.mlspec").write_text(SPEC.replace("useful :=", "useful ="))
    assert "MLS105" in said(capsys, "override", "small.mlspec", *SIGNED, code=1)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--actor", "bob"], "`bob` is no approver"),
        (["--reason", "ok"], "the reason says nothing"),
        (["--reason", "supercalifragilistic"], "the reason says nothing"),
        (["--reason", "use password=hunter22 to see why it is fine"], "seems to hold a secret"),
        (["--reason", "word " * 500], "the reason is no text to keep"),
        (["--expires", "2999-12-19"], "its last day is over"),
        (["--expires", "3000-06-01"], "it would hold for 163 days"),
        (["--expires", "soon"], "it has no last day"),
        (["--run", "7"], "there is no such run of this spec"),
    ],
)
def test_who_may_not_override(project: Path, capsys: Capture, arguments: list[str], found: str) -> None:
    text = said(capsys, "override", "small.mlspec", *SIGNED, *arguments, code=1)
    assert text.startswith("error[MLS821]: `release` cannot be overridden: ")
    assert found in text
    assert "small.mlspec:" in text
    assert log.read(project).head.count == 0
    assert "hunter22" not in text


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (
            {"verdicts": {"release": {"passed": True, "gates": [], "packages": {"line": PACKAGE}}}},
            "run 000002 passed: there is nothing to override",
        ),
        ({"verdicts": {}}, "run 000002 has no verdict of `release`"),
        ({"verdicts": {"release": {"passed": False, "gates": [], "packages": {}}}}, "run 000002 judged no package"),
        ({"guarded": True}, "run 000002 ran under an env that changes what models depend on"),
    ],
)
def test_what_cannot_be_overridden(project: Path, capsys: Capture, changes: dict[str, Any], found: str) -> None:
    a_run(project, 2, **changes)
    assert found in said(capsys, "override", "small.mlspec", *SIGNED, code=1)
    assert "RELEASED" in said(capsys, "override", "small.mlspec", *SIGNED, "--run", "1")


def test_an_override_is_of_the_spec_as_it_is(project: Path, capsys: Capture) -> None:
    (project / "small.mlspec").write_text(SPEC.replace(">= 0.5", ">= 0.6"))
    assert "there is no such run of this spec" in said(capsys, "override", "small.mlspec", *SIGNED, code=1)
    assert "run 000001 is of another text of this spec" in said(
        capsys, "override", "small.mlspec", *SIGNED, "--run", "1", code=1
    )


def test_nobody_overrides_while_the_log_is_broken(project: Path, capsys: Capture) -> None:
    said(capsys, "override", "small.mlspec", *SIGNED)
    path = log.log_path(project)
    path.write_bytes(path.read_bytes().replace(b"ml-risk", b"ml-rusk"))
    assert "MLS822" in said(capsys, "override", "small.mlspec", *SIGNED, code=1)
    assert "broken: record 1 is not as mlspec wrote it: it was edited" in said(capsys, "audit", "verify", code=1)
    assert "broken: record 1" in said(capsys, "audit", code=1)
    assert "RELEASED" not in said(capsys, "show")


def test_a_kept_digest_and_the_runs_find_a_log_that_was_begun_anew(project: Path, capsys: Capture) -> None:
    for text in ("one", "two"):
        log.append(project, "run", {"text": text})
    kept = log.read(project).head
    assert "unbroken" in said(capsys, "audit", "verify", "--head", kept.digest)
    assert "unbroken" in said(capsys, "audit", "verify", "--head", f"2:{kept.digest}")
    write = {"audit": {"count": kept.count, "digest": kept.digest}}
    a_run(project, 2, **write)
    for name in (log.LOG, log.HEAD):
        (project / ".mlspec" / name).unlink()
    log.append(project, "run", {"text": "one"})
    text = said(capsys, "audit", "verify", "--head", kept.digest, code=1)
    assert f"no record has the digest {kept.digest[:16]}… that was kept" in text
    assert "run 000002 was recorded as" in text
    assert said(capsys, "audit", "verify", "--head", "xyz", code=2).startswith("error: `--head` is no digest")


def test_what_a_killed_writer_leaves_is_a_note_and_costs_nothing(project: Path, capsys: Capture) -> None:
    said(capsys, "override", "small.mlspec", *SIGNED)
    with log.log_path(project).open("ab") as file:
        file.write(b'{"half')
    for action in (["verify"], []):
        text = said(capsys, "audit", *action)
        assert "note: 6 bytes behind record 1 are no record: a killed writer leaves such. Nothing is to be done" in text
    assert "RELEASED BY OVERRIDE" in said(capsys, "show")


@pytest.mark.parametrize("text", ['{"format":1}', "[]", "{", "[" * 100_000, '{"run":1,"verdicts":3}'])
def test_a_summary_that_mlspec_did_not_write_is_told(project: Path, capsys: Capture, text: str) -> None:
    said(capsys, "override", "small.mlspec", *SIGNED)
    (project / ".mlspec" / "runs" / "000002").mkdir()
    (project / ".mlspec" / "runs" / "000002" / "summary.json").write_text(text)
    for arguments in (["show"], ["show", "2"]):
        assert "is corrupt" in said(capsys, *arguments)
    assert "RELEASED BY OVERRIDE" in said(capsys, "show")
    checked = said(capsys, "audit", "verify", code=1)
    assert checked.startswith("broken: what run 000002 was recorded under is lost: ")
    assert "the chain of records in itself is unbroken: 1 record" in checked


@pytest.mark.parametrize("name", [log.LOG, log.HEAD])
def test_a_log_that_is_no_file_is_told_by_every_command(project: Path, capsys: Capture, name: str) -> None:
    said(capsys, "override", "small.mlspec", *SIGNED)
    path = log.log_path(project).with_name(name)
    path.unlink()
    path.symlink_to("nowhere")
    for action in ([], ["verify"]):
        assert "a link to nothing where a file belongs" in said(capsys, "audit", *action, code=74)
    shown = said(capsys, "show")
    assert "000001  small  gates failed\n" in shown
    assert "no override counts, the audit log is broken" in shown
    assert "MLS822" in said(capsys, "override", "small.mlspec", *SIGNED, code=1)


def test_a_kept_digest_is_for_verify_alone(project: Path, capsys: Capture) -> None:
    """Without `verify` nothing was held against it, and the exit status said all was well."""
    assert said(capsys, "audit", "--head", "0" * 64, code=2).startswith("error: `--head` goes with `verify`")


def test_an_empty_log_is_unbroken(project: Path, capsys: Capture) -> None:
    assert said(capsys, "audit", "verify") == "unbroken: 0 records\n"
    assert said(capsys, "audit") == "nothing is on record yet: runs with gates, servers and overrides are\n"


def test_what_a_release_stands_on_is_not_cleaned(project: Path, capsys: Capture) -> None:
    said(capsys, "override", "small.mlspec", *SIGNED)
    for number in range(2, 9):
        a_run(project, number)
    said(capsys, "clean", ".", "--keep", "1")
    kept = sorted(path.name for path in (project / ".mlspec" / "runs").iterdir())
    assert kept == ["000001", "000008"]
    assert log.read(project).sound, "the log is no cache"


def test_the_json_fits_its_schema(project: Path, capsys: Capture) -> None:
    validator = jsonschema.Draft202012Validator(published("audit"))
    said(capsys, "override", "small.mlspec", *SIGNED, "--format", "json")
    log.append(project, "serve", {"block": "api", "spec": "small", "spec_digest": "s", "run": "000001", "package": PACKAGE, "released": True,
                                  "override": 1})  # fmt: skip
    log.append(project, "waivers", {"spec": "small", "spec_digest": "s", "run": "000001", "waivers": [
        {"finding": "MLS504", "waiver": "later", "owner": "ml-risk", "expires": "2999-12-31", "reason": REASON}]})  # fmt: skip
    log.append(project, "revoke", {"of": 1, "actor": "ml-risk", "reason": REASON})
    document = json.loads(said(capsys, "audit", "--format", "json"))
    validator.validate(document)
    for record in document["records"]:
        assert record["event"] in said(capsys, "audit")
    document["records"][0].pop("actor")
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(document)


def test_the_schema_of_settings_has_every_row() -> None:
    """Editors of TOML read it; the rows are what mlspec reads."""
    properties = published("settings")["properties"]["policy"]["properties"]
    rows = [row for row in ROWS if row[0].startswith("policy.")]
    assert set(properties) == {row[0].split(".")[1] for row in rows}
    for path, _, default, _, doc in rows:
        found = properties[path.split(".")[1]]
        assert found["description"] == doc
        assert found.get("default") == (default if default is not None else None)
    assert {name.partition(".")[2] for name in TABLES} - {""} <= set(properties)
    validator = jsonschema.Draft202012Validator(published("settings"))
    for text in ('[policy]\ntighten_only = true\napprovers = ["a"]\n', '[policy.codes]\nMLS504 = "error"\n', '[policy]\nother = 1\n',
                 "[policy]\nwaiver_days = 0\n", '[policy.effects]\nnicer = "off"\n', '[policy.approve]\noverride = ["a", "a"]\n'):  # fmt: skip
        assert validator.is_valid(tomllib.loads(text)) == (not read_policy(SourceFile("mlspec.toml", text))[1])


def test_what_init_writes_is_read(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said(capsys, "init", "new")
    text = (tmp_path / "new" / "mlspec.toml").read_text()
    assert read_policy(SourceFile("mlspec.toml", text)) and not read_policy(SourceFile("mlspec.toml", text))[1]
    shown = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# [", "# tighten", "# approvers"))
    )
    policy, found = read_policy(SourceFile("mlspec.toml", shown))
    assert policy.tighten_only and not found


def test_the_page_can_be_followed(project: Path, capsys: Capture) -> None:
    """The commands of docs/policy.md, in order; the `text` block behind each is what it says."""
    told, steps = "", 0
    for example in examples(PAGE):
        if example.words == ("run",):
            told, steps = said(capsys, *shlex.split(example.text.removeprefix("mlspec "))), steps + 1
        elif example.language == "text" and not example.words:
            assert looks_like(example.text, told), f"{example}\n{told}"
    assert steps == 4


def test_the_page_has_the_tables_and_the_cases_as_they_are() -> None:
    from mlspec.policy.reference import TABLES as tables
    from mlspec.policy.reference import render

    page = PAGE.read_text(encoding="utf-8")
    assert render(page) == page, "run `python -m mlspec.policy.reference docs/policy.md`"
    assert all(f"<!-- table {name} -->" in page for name in tables)
    shown = [(word.partition("=")[2], one.text) for one in examples(PAGE) for word in one.words if word.startswith("case=")]
    assert len(shown) > 4
    for name, text in shown:
        assert text in (PAGE.parents[1] / "tests" / "cases" / name / "expected.txt").read_text(encoding="utf-8"), name
    settings = [one for one in examples(PAGE) if one.language == "toml"]
    assert settings
    assert all(read_policy(SourceFile("mlspec.toml", one.text))[1] == [] for one in settings)
