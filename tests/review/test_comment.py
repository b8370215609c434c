"""`mlspec comment`: one comment is kept, about the right pull request, with nothing of a stranger's in it but what was verified.

The sites are stand-ins on this machine (tests/review/stand_in.py); the GitHub action's own lines are run as its runner would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mlspec.cli import exits, main
from mlspec.cli.commenting.report import MAX_BYTES, ReportError, read_report
from mlspec.diff.render.markdown import MARKER
from tests.review.stand_in import HEAD, TOKEN, StandIn, packed, standing

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests/cases/diff"
REPORT = (CASES / "gates_weakened/expected.json").read_bytes()
NOTHING = json.dumps({"format": 1, "effects": {}, "files": []}).encode()
ACTION = YAML(typ="safe").load(ROOT / "review/github/comment/action.yml")
EVENT = {
    "repository": {"full_name": "team/specs"},
    "workflow_run": {
        "id": 12, "event": "pull_request", "head_sha": HEAD, "head_branch": "work/one&two", "pull_requests": [],
        "head_repository": {"full_name": "stranger/fork", "owner": {"login": "stranger"}},
    },
}  # fmt: skip
Capture = pytest.CaptureFixture[str]
PLAIN = Path(sys.base_prefix) / "bin"
"""A Python outside of the environment that the tests run in, as that of the runner."""


@pytest.fixture
def site() -> Iterator[StandIn]:
    with standing() as stand_in:
        stand_in.artifact = packed(REPORT)
        yield stand_in


def github(site: StandIn, folder: Path, event: Any = EVENT, code: int = 0, token: str = TOKEN) -> str:
    """Run the step of the action as the runner does: its lines, its variables, and nothing of mlspec installed in its Python."""
    (folder / "event.json").write_text(json.dumps(event))
    (step,) = ACTION["runs"]["steps"]
    inputs = {name: row["default"] for name, row in ACTION["inputs"].items()} | {"token": token}
    environment = {name: text.replace("${{ inputs.", "").replace(" }}", "") for name, text in step["env"].items()}
    environment = {name: inputs[text] for name, text in environment.items()}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], capture_output=True, text=True, cwd=folder,
        env={"PATH": f"{PLAIN}{os.pathsep}{os.environ['PATH']}", "RUNNER_TEMP": str(folder),
             "GITHUB_ACTION_PATH": str(ROOT / "review/github/comment"), "GITHUB_API_URL": site.url,
             "GITHUB_EVENT_PATH": str(folder / "event.json"), **environment},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return done.stderr.strip()


def run_with(**changes: Any) -> dict[str, Any]:
    return {**EVENT, "workflow_run": {**EVENT["workflow_run"], **changes}}  # type: ignore[dict-item]


def test_a_comment_is_written_once_and_then_edited(site: StandIn, tmp_path: Path) -> None:
    assert github(site, tmp_path) == "comment written"
    (comment,) = site.comments
    assert comment["body"].startswith(f"{MARKER}\n### `new.mlspec`")
    assert "https://github.com/team/specs/actions/runs/12" in comment["body"]
    assert github(site, tmp_path) == "the comment is up to date"
    site.artifact = packed(NOTHING)
    assert github(site, tmp_path) == "comment edited"
    assert "no changes" in site.comments[0]["body"]
    assert site.written() == ["POST /repos/team/specs/issues/7/comments", "PATCH /repos/team/specs/issues/comments/100"]


def test_nothing_is_said_where_nothing_changed(site: StandIn, tmp_path: Path) -> None:
    site.artifact = packed(NOTHING)
    assert github(site, tmp_path) == "nothing changed, and there is no comment"
    assert site.written() == []


def test_a_comment_of_somebody_else_is_never_edited(site: StandIn, tmp_path: Path) -> None:
    site.comment(f"{MARKER}\nI am the report", login="stranger")
    site.comment("Thanks!")
    for _ in range(120):
        site.comment("more", login="others")
    mine = site.comment(f"{MARKER}\nold")
    assert github(site, tmp_path) == "comment edited"
    assert site.written() == [f"PATCH /repos/team/specs/issues/comments/{mine}"]
    assert site.comments[0]["body"].endswith("I am the report")


@pytest.mark.parametrize("file", [".github/workflows/mlspec.yml", ".github/actions/x/action.yml"])
@pytest.mark.parametrize("key", ["filename", "previous_filename"])
def test_a_pull_request_that_changes_its_own_checker_is_not_believed(
    site: StandIn, tmp_path: Path, file: str, key: str
) -> None:
    site.files += [{"filename": f"x{index}"} for index in range(150)] + [{"filename": "y", key: file}]
    github(site, tmp_path)
    assert "changes the workflows of this repository" in site.comments[0]["body"]
    assert "gates.release" not in site.comments[0]["body"]
    assert not any("artifacts" in path for _, path, _ in site.asked)


def test_where_it_touches_no_spec_it_is_not_told(site: StandIn, tmp_path: Path) -> None:
    site.files = [{"filename": ".github/workflows/other.yml"}]
    assert github(site, tmp_path) == "nothing changed, and there is no comment"


def test_too_many_files_to_know_are_not_believed_either(site: StandIn, tmp_path: Path) -> None:
    site.files = [{"filename": f"{index}.mlspec"} for index in range(3_000)]
    github(site, tmp_path)
    assert "too many files to tell" in site.comments[0]["body"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"head_sha": "b" * 40}, "no one open pull request"),
        ({"head_repository": {"full_name": "other/fork", "owner": {"login": "stranger"}}}, "no one open pull request"),
        ({"head_repository": None}, "no one open pull request"),
        ({"event": "push"}, "not of a pull request"),
    ],
)
def test_a_run_that_no_open_pull_request_stands_at(change: dict[str, Any], said: str, site: StandIn, tmp_path: Path) -> None:
    assert said in github(site, tmp_path, run_with(**change))
    assert site.written() == []


def test_of_two_pull_requests_the_one_of_the_run(site: StandIn, tmp_path: Path) -> None:
    site.pulls.append({**site.pulls[0], "number": 8})
    assert "no one open pull request" in github(site, tmp_path)
    assert github(site, tmp_path, run_with(pull_requests=[{"number": 7}])) == "comment written"


def test_the_token_goes_to_the_api_and_nowhere_else(site: StandIn, tmp_path: Path) -> None:
    github(site, tmp_path)
    for _, path, headers in site.asked:
        assert ("Authorization" in headers) == (not path.startswith("/elsewhere")), path


def test_a_busy_site_is_asked_again_and_no_comment_is_written_twice(site: StandIn, tmp_path: Path) -> None:
    site.busy = 2
    assert github(site, tmp_path) == "comment written"
    site.busy = 3
    assert "503" in github(site, tmp_path, code=exits.INPUT_OUTPUT)
    assert len(site.comments) == 1


def test_a_token_without_the_right_is_told(site: StandIn, tmp_path: Path) -> None:
    assert "the token lacks a permission" in github(site, tmp_path, token="another", code=exits.INPUT_OUTPUT)


def test_no_report_and_no_event_are_told(site: StandIn, tmp_path: Path) -> None:
    site.artifacts[0]["expired"] = True
    assert github(site, tmp_path) == "the run left no report"
    assert "not that of a finished workflow run" in github(site, tmp_path, {"pull_request": {}}, code=exits.USAGE)


BOMB = b'{"format": 1, "files": [' + b" " * (64 * 2**20) + b"]}"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"no zip", packed(b"{}"), packed(b"[" * 100_000), packed(REPORT, "other.json"), packed(BOMB), packed(REPORT, "../diff.json"),
        packed(REPORT.replace(b'"rule": "field-changed"', b'"rule": "[x](http://e.com)"')), packed(b"\xff" + REPORT),
        packed(REPORT.replace(b'"security": true', b'"security": "yes"')), packed(REPORT.replace(b'"line": 64', b'"line": "<b>"')),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_report_that_is_none_is_not_shown(data: bytes, site: StandIn, tmp_path: Path) -> None:
    site.artifact = data
    assert github(site, tmp_path) == "comment written"
    assert "a report that cannot be read" in site.comments[0]["body"]


def test_an_artifact_that_says_it_is_long_is_not_fetched(site: StandIn, tmp_path: Path) -> None:
    site.artifacts[0]["size_in_bytes"] = MAX_BYTES + 1
    github(site, tmp_path)
    assert not any("zip" in path for _, path, _ in site.asked)
    assert "cannot be read" in site.comments[0]["body"]


@pytest.mark.parametrize("name", sorted(path.parent.name for path in CASES.glob("*/expected.json")))
def test_what_diff_writes_is_read_as_it_is(name: str) -> None:
    data = (CASES / name / "expected.json").read_bytes()
    given, read = json.loads(data), read_report(data)
    assert read["files"] == given["files"]


def test_no_field_more_and_none_less() -> None:
    for path in (("files", 0), ("files", 0, "changes", 0), ("files", 0, "changes", 0, "new_place")):
        for spoil in (lambda item: item.update(html="<b>"), lambda item: item.pop(next(iter(item)))):
            document = json.loads(REPORT)
            item = document
            for step in path:
                item = item[step]
            spoil(item)
            with pytest.raises(ReportError):
                read_report(json.dumps(document).encode())


def test_gitlab(site: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mlspec-diff.json").write_bytes(REPORT)
    for name, value in {"CI_API_V4_URL": site.url, "MLSPEC_COMMENT_TOKEN": TOKEN, "CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "7",
                        "CI_COMMIT_SHA": HEAD}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    site.comment(f"{MARKER}\nof a stranger", login="stranger")
    for said in ("comment written", "the comment is up to date"):
        assert main(["comment", "mlspec-diff.json", "--to", "gitlab"]) == 0
        assert capsys.readouterr().err.strip() == said
    Path("mlspec-diff.json").write_bytes(NOTHING)
    assert main(["comment", "mlspec-diff.json", "--to", "gitlab"]) == 0
    assert site.written() == ["POST /projects/3/merge_requests/7/notes", "PUT /projects/3/merge_requests/7/notes/101"]
    monkeypatch.setenv("CI_MERGE_REQUEST_IID", "../../users")
    assert main(["comment", "mlspec-diff.json", "--to", "gitlab"]) == exits.USAGE


@pytest.mark.parametrize("url", ["https://[x", "https://e.org:port", "https://e.org/a b", "https://e.org/\n"])
def test_an_address_that_is_none_is_told(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    (tmp_path / "r.json").write_bytes(REPORT)
    for name, value in (
        ("CI_API_V4_URL", url),
        ("MLSPEC_COMMENT_TOKEN", TOKEN),
        ("CI_PROJECT_ID", "3"),
        ("CI_MERGE_REQUEST_IID", "7"),
    ):
        monkeypatch.setenv(name, value)
    assert main(["comment", str(tmp_path / "r.json"), "--to", "gitlab"]) == exits.USAGE
    assert "the address of the host is none" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"{", b"\xff", b"", b"[" * 100_000, b"[]"])
def test_an_event_that_is_no_json_is_told(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "event.json").write_bytes(data)
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    assert main(["comment", "--to", "github"]) == exits.USAGE
    assert "the event is not that of a finished workflow run" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://api.example.org", "file:///etc/passwd", "ftp://e.org"])
def test_a_token_goes_over_tls(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    (tmp_path / "r.json").write_bytes(REPORT)
    for name, value in {
        "CI_API_V4_URL": url,
        "MLSPEC_COMMENT_TOKEN": TOKEN,
        "CI_PROJECT_ID": "3",
        "CI_MERGE_REQUEST_IID": "7",
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["comment", str(tmp_path / "r.json"), "--to", "gitlab"]) == exits.USAGE
    assert "over HTTPS" in capsys.readouterr().err


def test_print_shows_what_would_be_posted(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "r.json").write_bytes(REPORT)
    assert main(["comment", str(tmp_path / "r.json")]) == 0
    assert capsys.readouterr().out == (CASES / "gates_weakened/expected.md").read_text()
    (tmp_path / "r.json").write_bytes(REPORT[:-9])
    assert main(["comment", str(tmp_path / "r.json")]) == exits.NOT_COMPARED
    assert "mlspec diff --format json" in capsys.readouterr().err


def test_it_needs_nothing_but_python(tmp_path: Path) -> None:
    """The action runs it from its own files: no package may be needed, neither to verify nor to write."""
    (tmp_path / "r.json").write_bytes(REPORT)
    probe = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import mlspec.cli.commenting.github, mlspec.cli.commenting.gitlab; from mlspec.cli import main; main(['comment', 'r.json'])"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", probe], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(MARKER)
