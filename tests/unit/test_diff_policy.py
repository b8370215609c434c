"""`mlspec diff` under a policy: the old side's decides, waivers of changes count where an approver signed, a policy is compared itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlspec.cli import main
from mlspec.cli.schema import published
from mlspec.diagnostics.levels import LEVELS
from mlspec.diff import EFFECTS
from mlspec.diff.policy import Signing, compare_policies
from mlspec.policy import Policy, read_policy
from mlspec.policy.rows import ROWS
from mlspec.source import SourceFile
from tests.support.golden import compare as golden
from tests.support.repository import commit, git

CASES = Path(__file__).parents[1] / "cases" / "review"
FOLDERS = sorted(path for path in CASES.iterdir() if path.is_dir())
Capture = pytest.CaptureFixture[str]


def options_of(folder: Path) -> list[str]:
    path = folder / "options"
    return ["--today", "2026-12-01", "--no-color", *(path.read_text().split() if path.exists() else [])]


def diff(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[int, str]:
    monkeypatch.chdir(folder)
    code = main(["diff", "old", "new", *options_of(folder), *options])
    return int(code or 0), capsys.readouterr().out


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_case_reads_as_its_golden_text(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = diff(folder, capsys, monkeypatch)
    golden(folder / "expected.txt", f"{text}exit {code}\n")


@pytest.mark.parametrize(
    ("case", "fail_on", "code"),
    [
        ("behaviour_fails", "loosening", 0),
        ("behaviour_fails", "behaviour", 1),
        ("loosening_is_told", "loosening", 1),
        ("loosening_is_told", "breaking", 0),
        ("loosened", "breaking", 1),
        ("loosened", "never", 0),
        ("waived", "cosmetic", 0),
    ],
)
def test_what_the_command_line_says_takes_the_place_of_levels(
    case: str, fail_on: str, code: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert diff(CASES / case, capsys, monkeypatch, "--fail-on", fail_on)[0] == code


@pytest.mark.parametrize("format", ["json", "markdown", "sarif", "github", "gitlab", "html"])
def test_every_format_says_who_waived_a_change_and_why(format: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = diff(CASES / "waived", capsys, monkeypatch, "--format", format)
    assert code == 0
    plain = text.replace("\\", "")
    assert "ml-risk" in plain
    assert "2027-03-31" in plain
    assert "the new label is noisier; a better one comes in Q1" in plain


def test_a_waived_change_is_suppressed_for_code_scanning(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    log = json.loads(diff(CASES / "waived", capsys, monkeypatch, "--format", "sarif")[1])
    results = {item["properties"]["where"]: item for item in log["runs"][0]["results"]}
    [suppression] = results["gates.release.useful"]["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("inSource", "accepted")
    assert results["gates.release.useful"]["level"] == "error", "what it would be without"
    for line in diff(CASES / "waived", capsys, monkeypatch, "--format", "github")[1].splitlines():
        assert line.startswith("::notice ")


def test_the_json_fits_its_schema(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    for folder in FOLDERS:
        document = json.loads(diff(folder, capsys, monkeypatch, "--format", "json")[1])
        jsonschema.validate(document, published("diff"))


def test_a_stored_report_with_waivers_can_be_posted(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlspec.cli.commenting.report import read_report

    text = diff(CASES / "waived", capsys, monkeypatch, "--format", "json")[1]
    assert read_report(text.encode())["files"] == json.loads(text)["files"]


def test_of_a_revision_its_own_settings_count(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest `mlspec.toml` upward in the commit, for a project below the repository's root too."""
    project = tmp_path / "sub"
    (project / "specs").mkdir(parents=True)
    git(tmp_path, "init", "-q")
    for side in ("old", "new"):
        for name, target in (("demo.mlspec", project / "specs" / "demo.mlspec"), ("mlspec.toml", project / "mlspec.toml")):
            target.write_text((CASES / "waived_by_a_stranger" / side / name).read_text())
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", side)
    monkeypatch.chdir(tmp_path)
    for arguments in (
        ["HEAD~1..HEAD"],
        ["HEAD~1"],
        ["HEAD~1:sub/specs", "HEAD:sub/specs"],
        ["HEAD~1:sub/specs/demo.mlspec", "HEAD:sub/specs/demo.mlspec"],
    ):
        assert main(["diff", *arguments, "--today", "2026-12-01", "--no-color"]) == 1
        text = capsys.readouterr().out
        assert text.index("loosening    policy.approvers  ml-risk → ml-risk, mallory") < text.index("gates.release.useful")
        assert "waived by" not in text


def test_a_nearer_settings_file_is_a_change_of_the_policy(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project inside the project would have no policy at all."""
    for side in ("old", "new"):
        (tmp_path / side / "specs").mkdir(parents=True)
        (tmp_path / side / "mlspec.toml").write_text("[policy]\ntighten_only = true\n")
        (tmp_path / side / "specs" / "demo.mlspec").write_text((CASES / "loosened" / side / "demo.mlspec").read_text())
    (tmp_path / "new" / "specs" / "mlspec.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert main(["diff", "old", "new", "--no-color"]) == 1
    assert "policy.tighten_only  gone: true" in capsys.readouterr().out


def test_where_a_branch_left_chooses_no_policy(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts from the merge base; policy, approvers and waivers of before from the target's tip."""
    spec = tmp_path / "demo.mlspec"
    old, new = ((CASES / "loosened" / side / "demo.mlspec").read_text() for side in ("old", "new"))
    git(tmp_path, "init", "-q")
    spec.write_text(old)
    (tmp_path / "mlspec.toml").write_text('[policy]\napprovers = ["mallory"]\n[policy.effects]\nloosening = "off"\n')
    commit(tmp_path, "one")
    git(tmp_path, "checkout", "-qb", "work")
    spec.write_text(new)
    commit(tmp_path, "two")
    monkeypatch.chdir(tmp_path)
    assert main(["diff", "main...work", "--no-color"]) == 0
    git(tmp_path, "checkout", "-q", "main")
    (tmp_path / "mlspec.toml").write_text('[policy]\napprovers = ["ml-risk"]\ntighten_only = true\n')
    commit(tmp_path, "three")
    git(tmp_path, "checkout", "-q", "work")
    capsys.readouterr()
    assert main(["diff", "--untrusted", "main...work", "--no-color", "--fail-on", "breaking"]) == 1
    assert main(["diff", "main...work", "--no-color", "--today", "2026-12-01"]) == 1
    text = capsys.readouterr().out
    assert "policy.approvers" not in text, "what main changed is no change of the branch"
    assert 'owner = "ml-risk"' in text
    git(tmp_path, "checkout", "-q", "main")
    git(tmp_path, "rm", "-q", "demo.mlspec")
    git(tmp_path, "commit", "-qm", "four")
    assert main(["diff", "main...work", "--no-color"]) == 1, "also of a spec that the target has no more"


@pytest.mark.parametrize("side", ["new", "old"])
def test_settings_of_a_folder_without_specs_are_compared(
    side: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next change would put a spec there: settings that come, change or go are told before."""
    for each in ("old", "new"):
        (tmp_path / each / "later").mkdir(parents=True)
        (tmp_path / each / "mlspec.toml").write_text("[policy]\ntighten_only = true\n" if side == "new" else "")
        (tmp_path / each / "demo.mlspec").write_text((CASES / "loosened" / "old" / "demo.mlspec").read_text())
    (tmp_path / side / "later" / "mlspec.toml").write_text("" if side == "new" else "[policy]\ntighten_only = true\n")
    monkeypatch.chdir(tmp_path)
    assert main(["diff", "old", "new", "--no-color"]) == 1
    assert "policy.tighten_only  gone: true" in capsys.readouterr().out
    git(tmp_path, "init", "-q")
    for each in ("old", "new"):
        git(tmp_path, "add", "-f", each)
    git(tmp_path, "commit", "-qm", "one")
    assert main(["diff", "HEAD:old", "HEAD:new", "--no-color"]) == 1
    assert "policy.tighten_only  gone: true" in capsys.readouterr().out
    (tmp_path / "old" / "later" / "mlspec.toml").write_text("[policy]\nwaiver_days = 3\ntighten_only = true\n")
    (tmp_path / "new" / "later" / "mlspec.toml").write_text("[policy]\nwaiver_days = 9\ntighten_only = true\n")
    assert main(["diff", "old", "new", "--no-color"]) == 1
    assert "policy.waiver_days  3 → 9" in capsys.readouterr().out


WAIVED = """

waive no_secret {
  finding = "MLS404"
  at = people
  reason = "an example of the documentation, which opens nothing"
  owner = "ml-risk"
  expires = 2027-03-31
}
"""


def test_a_waiver_of_before_covers_what_was_there_before(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changes the value that it was of, or adds another, needs a signature of their own."""
    text = (CASES / "loosened" / "old" / "demo.mlspec").read_text()
    path = next(line for line in text.splitlines() if 'from = csv("' in line)
    old = text.replace(path, '  from = csv("data/password=swordfish.csv")') + WAIVED
    assert old.count("swordfish") == 1
    for side, spec in (("old", old), ("new", old.replace("data/password=swordfish", "data/password=sharkfish"))):
        (tmp_path / side).mkdir()
        (tmp_path / side / "mlspec.toml").write_text('[policy]\napprovers = ["ml-risk"]\n')
        (tmp_path / side / "demo.mlspec").write_text(spec)
    monkeypatch.chdir(tmp_path)
    options = ["--no-color", "--today", "2026-12-01", "--fail-on", "never"]
    assert main(["diff", "old", "new", *options]) == 0, "on one's own machine a waiver is a note to oneself"
    capsys.readouterr()
    assert main(["diff", "old", "new", *options, "--approved-by", "team-a"]) == 1
    assert "new errors: MLS404" in capsys.readouterr().out
    assert main(["diff", "old", "new", *options, "--approved-by", "ml-risk"]) == 0
    (tmp_path / "new" / "demo.mlspec").write_text(old.replace("\n", "\n# a line more\n", 1).replace("0.88", "0.84"))
    capsys.readouterr()
    assert main(["diff", "old", "new", *options, "--approved-by", "team-a"]) == 0, capsys.readouterr().out


def test_another_secret_in_plain_text_is_no_known_error(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text is dropped when it is bound, on both sides: only the error shows that it is another."""
    text = (CASES / "loosened" / "old" / "demo.mlspec").read_text()
    for side, host in (("old", "hooks"), ("new", "evil")):
        (tmp_path / f"{side}.mlspec").write_text(f'{text}\nchannel team = webhook("https://{host}.example/T0KEN")\n')
    monkeypatch.chdir(tmp_path)
    assert main(["diff", "old.mlspec", "old.mlspec"]) == 0
    assert main(["diff", "old.mlspec", "new.mlspec", "--no-color"]) == 1
    assert "MLS404" in capsys.readouterr().out


STRICT = '[policy]\ntighten_only = true\napprovers = ["ml-risk"]\n[policy.effects]\nbreaking = "warning"\n'


def trees(folder: Path, name: str, text: str) -> None:
    for side, path, spec in (
        ("old", "a.mlspec", (CASES / "loosened" / "old" / "demo.mlspec").read_text()),
        ("new", name, text),
    ):
        (folder / side / path).parent.mkdir(parents=True)
        (folder / side / path).write_text(spec)
        (folder / side / "other.mlspec").write_text(spec.replace("spec churn", "spec other"))
        (folder / side / "mlspec.toml").write_text(STRICT)


@pytest.mark.parametrize("name", ["b.mlspec", "deep/a.mlspec"])
def test_a_spec_that_moves_is_the_same_spec(
    name: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees(tmp_path, name, (CASES / "loosened" / "new" / "demo.mlspec").read_text())
    (tmp_path / "new" / "other.mlspec").write_text((tmp_path / "old" / "other.mlspec").read_text())
    monkeypatch.chdir(tmp_path)
    assert main(["diff", "old", "new", "--no-color", "--fail-on", "breaking"]) == 1
    text = capsys.readouterr().out
    assert "gates.release.useful  0.88 → 0.84" in text
    assert f"a.mlspec → {name}" in text
    (tmp_path / "new" / name).write_text((tmp_path / "old" / "a.mlspec").read_text())
    assert main(["diff", "old", "new", "--no-color"]) == 0
    assert f"a.mlspec → {name}" in capsys.readouterr().out, "a move alone is told, and is none of these"


def test_a_spec_that_is_gone_permits_more(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it could come again under another name, with what it forbade left out."""
    text = (CASES / "loosened" / "new" / "demo.mlspec").read_text()
    trees(tmp_path, "b.mlspec", text.replace("spec churn", "spec fresh"))
    (tmp_path / "new" / "other.mlspec").write_text((tmp_path / "old" / "other.mlspec").read_text())
    monkeypatch.chdir(tmp_path)
    assert main(["diff", "old", "new", "--no-color"]) == 1
    assert main(["diff", "old", "new", "--no-color", "--approved-by", "mallory"]) == 1
    assert main(["diff", "old", "new", "--no-color", "--approved-by", "ml-risk"]) == 0
    assert "ml-risk" in capsys.readouterr().out
    (tmp_path / "old" / "mlspec.toml").write_text('[policy.effects]\nbreaking = "warning"\n')
    assert main(["diff", "old", "new", "--no-color"]) == 0, "where a policy does not forbid it"


VALUES = {
    "bool": ("false", "true"),
    "int": ("1", "9"),
    "enum": ('"error"', '"off"'),
    "list": ('["a"]', '["a", "b"]'),
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_setting_has_a_direction_and_its_opposite(row: tuple[str, object, object, str, str]) -> None:
    name = {"codes": "MLS504", "effects": "behaviour", "approve": "override"}.get(row[0].split(".")[1], "")
    path = row[0].replace("*", name)
    head = row[1] if isinstance(row[1], str) else row[1][0]  # type: ignore[index]
    one, other = (_policy(path, text) for text in VALUES[head])
    there, back = (compare_policies(*pair, Signing("2026-12-01")).changes for pair in ((one, other), (other, one)))
    assert [change.effect for change in (*there, *back)] in (["loosening", "tightening"], ["tightening", "loosening"])
    assert {change.security for change in (*there, *back) if change.effect == "loosening"} == {True}
    assert not compare_policies(one, one, Signing("2026-12-01")).changes
    assert all(change.where == path for change in there)


def _policy(path: str, value: str) -> Policy:
    table, _, name = path.rpartition(".")
    policy, found = read_policy(SourceFile("mlspec.toml", f"[{table}]\n{name} = {value}\n"))
    assert not found
    return policy


def test_what_holds_without_being_written_is_no_change() -> None:
    for text in ('[policy.codes]\nMLS504 = "warning"\n', "[policy]\noverride_days = 30\n", '[policy.effects]\nbehaviour = "warning"\n',
                 "[policy]\ntighten_only = false\n"):  # fmt: skip
        policy, found = read_policy(SourceFile("mlspec.toml", text))
        assert not found
        assert not compare_policies(Policy(), policy, Signing("2026-12-01")).changes


@pytest.mark.parametrize("setting", ["[policy]\napprovers", "[policy.approve]\noverride", "[policy.approve]\nloosening"])
def test_nobody_is_fewer_than_anybody(setting: str) -> None:
    """An empty list lets nobody sign: every other list, and none at all, lets more."""
    texts = [f"{setting} = []\n", f'{setting} = ["ml-risk"]\n', ""]
    nobody, one, open_ = (read_policy(SourceFile("mlspec.toml", text))[0] for text in texts)
    for before, after in ((nobody, one), (nobody, open_), (one, open_)):
        [change] = compare_policies(before, after, Signing("2026-12-01")).changes
        assert (change.effect, change.security, change.level) == ("loosening", True, "error")
        [change] = compare_policies(after, before, Signing("2026-12-01")).changes
        assert change.effect == "tightening"


def test_nobody_for_one_thing_is_fewer_than_all_approvers() -> None:
    texts = ['approvers = ["a"]\n[policy.approve]\noverride = []\n', 'approvers = ["a"]\n']
    old, new = (read_policy(SourceFile("mlspec.toml", f"[policy]\n{text}"))[0] for text in texts)
    [change] = compare_policies(old, new, Signing("2026-12-01")).changes
    assert (change.where, change.effect, change.old, change.new) == ("policy.approve.override", "loosening", "nobody", "a")


def test_the_words_are_those_of_the_tables() -> None:
    assert set(LEVELS) == {"error", "warning", "off"}
    assert {Policy().effect_level(effect) for effect in EFFECTS} == set(LEVELS)
