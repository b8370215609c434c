"""`mlspec diff` of git revisions: what it reads, what it never does, and what it says where it cannot read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlspec.cli import main
from mlspec.diff.revisions import Repository, RevisionError
from tests.support.repository import NEW, OLD, branched, commit, git

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """main has the old spec, then something else; `work` left main before that and lowered a threshold; the disk has a third one."""
    spec = branched(tmp_path, "specs/churn.mlspec")
    git(tmp_path, "checkout", "-q", "main")
    spec.write_text(OLD.replace("trials = 20", "trials = 30"))
    commit(tmp_path, "three")
    spec.write_text(OLD.replace("trials = 20", "trials = 40"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def diff(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    code = main(["diff", "--no-color", *arguments])
    said = capsys.readouterr()
    return int(code or 0), said.out, said.err


def test_a_range_compares_two_revisions(repository: Path, capsys: Capture) -> None:
    code, text, _ = diff(capsys, "main..work")
    assert code == 1
    assert "0.88 → 0.84" in text
    assert "30 → 20" in text
    assert "main:specs/churn.mlspec:66 → work:specs/churn.mlspec:66" in text


def test_three_dots_compare_with_where_they_parted(repository: Path, capsys: Capture) -> None:
    _, text, _ = diff(capsys, "main...work", "specs")
    assert "0.88 → 0.84" in text
    assert "trials" not in text


def test_a_revision_alone_stands_against_the_disk(repository: Path, capsys: Capture) -> None:
    code, text, _ = diff(capsys, "HEAD")
    assert code == 0
    assert "30 → 40" in text
    assert "HEAD:specs/churn.mlspec:54 → specs/churn.mlspec:54" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("work", "specs/churn.mlspec"),
        ("work:specs/churn.mlspec", "specs/churn.mlspec"),
        ("work:specs", "specs"),
        ("work:./specs", "specs"),
    ],
)
def test_the_ways_to_name_one_file(arguments: tuple[str, str], repository: Path, capsys: Capture) -> None:
    code, text, _ = diff(capsys, *arguments)
    assert code == 0, "a threshold that rose is a tightening"
    assert "0.84 → 0.88" in text
    assert "20 → 40" in text


def test_a_path_goes_from_the_folder_one_stands_in(repository: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "specs")
    assert "0.88 → 0.84" in diff(capsys, "main~1..work", "churn.mlspec")[1]
    assert "0.84 → 0.88" in diff(capsys, "work:./churn.mlspec", "main:specs/churn.mlspec")[1]


def test_stages_do_not_depend_on_where_a_side_lies(repository: Path, capsys: Capture) -> None:
    (repository / "elsewhere.mlspec").write_text(NEW)
    assert "no changes" in diff(capsys, "work:specs/churn.mlspec", "elsewhere.mlspec")[1]
    assert "run again" not in diff(capsys, "main~1:specs/churn.mlspec", "elsewhere.mlspec")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing..work",), "names no commit"), (("work:no.mlspec", "specs/churn.mlspec"), "is not in"), (("main:../x.mlspec", "specs/churn.mlspec"), "lies outside"),
        (("--", "-x..work"), "names no commit"), (("a\nb..work",), "names no commit"), (("work:specs", "specs/churn.mlspec"), "a file and the other"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(arguments: tuple[str, ...], said: str, repository: Path, capsys: Capture) -> None:
    code, out, err = diff(capsys, *arguments)
    assert code in (2, 3)
    assert said in err
    assert not out


def test_outside_of_a_repository(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    code, _, err = diff(capsys, "main..HEAD")
    assert code == 3
    assert "not a git repository" in err


def test_git_that_is_not_there(repository: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    code, _, err = diff(capsys, "main..work")
    assert code == 3
    assert "git is not installed" in err


def test_links_and_other_repositories_are_not_followed(repository: Path) -> None:
    (repository / "outside.mlspec").symlink_to("/etc/passwd")
    (repository / "linked").symlink_to("specs")
    git(repository, "add", "outside.mlspec", "linked")
    git(repository, "commit", "-qm", "links")
    with Repository(str(repository)) as found:
        commit = found.commit("HEAD")
        assert found.specs(commit) == ["specs/churn.mlspec"]
        for path in ("outside.mlspec", "linked/churn.mlspec", "specs", "../x.mlspec", "specs/../specs/churn.mlspec"):
            assert not hasattr(found.read(commit, path, "HEAD"), "text"), path


def test_nothing_of_the_repository_is_run(repository: Path, capsys: Capture, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Monitor, hooks, filters, pagers, replacements: each would leave a file."""
    proof = tmp_path_factory.mktemp("proof") / "ran"
    script = repository / "run.sh"
    script.write_text(f"#!/bin/sh\ntouch {proof}\ncat\n")
    script.chmod(0o755)
    for name in (
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "filter.x.smudge",
        "filter.x.clean",
        "diff.x.textconv",
        "diff.external",
    ):
        git(repository, "config", name, str(script))
    (repository / ".gitattributes").write_text("*.mlspec filter=x diff=x\n")
    hooks = repository / ".git" / "hooks"
    for name in ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"):
        (hooks / name).write_text(script.read_text())
        (hooks / name).chmod(0o755)
    before = {path: path.stat().st_mtime_ns for path in (repository / ".git").rglob("*")}
    assert diff(capsys, "main..work")[0] == 1
    assert diff(capsys, "main...work")[0] == 1
    assert not proof.exists()
    assert {path: path.stat().st_mtime_ns for path in (repository / ".git").rglob("*")} == before


def test_only_the_two_commands_are_started(repository: Path, capsys: Capture) -> None:
    probe = """
import sys
started = []
def hook(name, arguments):
    if name == "subprocess.Popen":
        started.append(list(map(str, arguments[1])))
sys.addaudithook(hook)
from mlspec.cli import main
main(["diff", "main...work"])
for words in started:
    assert words[0] == "git" and "core.fsmonitor=false" in words, words
    at = words.index("maintenance.auto=false") + 1
    assert words[at:] in (["rev-parse", "--show-toplevel"], ["cat-file", "--batch-check"], ["cat-file", "--batch"]), words
assert len(started) == 3, started
"""
    done = subprocess.run([sys.executable, "-c", probe], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_diff_of_files_opens_them_and_does_nothing_else(repository: Path) -> None:
    (repository / "new.mlspec").write_text(NEW)
    probe = """
import os, sys
from mlspec.cli import main
import mlspec.diff.compare, mlspec.diff.render.text, mlspec.lower, mlspec.cli.diff, mlspec.cli.sides, mlspec.spec.checks
done = []
def hook(name, arguments):
    if name.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.remove", "os.rename", "os.mkdir")):
        done.append(name)
    if name == "open" and (set(str(arguments[1] or "")) & set("wax+") or (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)):
        done.append(f"write {arguments[0]}")
sys.dont_write_bytecode = True
sys.addaudithook(hook)
code = main(["diff", "specs/churn.mlspec", "new.mlspec"])
assert code == 1 and not done, (code, done)
"""
    done = subprocess.run([sys.executable, "-c", probe], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_replacements_do_not_show_another_text(repository: Path, capsys: Capture) -> None:
    git(repository, "replace", git(repository, "rev-parse", "work").strip(), git(repository, "rev-parse", "main").strip())
    assert "0.88 → 0.84" in diff(capsys, "main..work")[1]


def test_a_merge_base_across_a_merge(repository: Path) -> None:
    git(repository, "checkout", "-q", "--", ".")
    git(repository, "merge", "-q", "-s", "ours", "-m", "joined", "work")
    git(repository, "checkout", "-q", "-b", "short", "work~1")
    git(repository, "commit", "-q", "--allow-empty", "-m", "four")
    git(repository, "merge", "-q", "-s", "ours", "-m", "five", "main")
    with Repository(str(repository)) as found:
        assert found.merge_base("main", "work") == found.commit("work")
        assert found.merge_base("work", "main") == found.commit("work")
        assert found.merge_base("main", "short") == found.commit("main"), "not the older one that lies nearer"
        git(repository, "checkout", "-q", "--orphan", "alone")
        git(repository, "commit", "-qam", "alone")
        with pytest.raises(RevisionError, match="share no history"):
            found.merge_base("main", "alone")


@pytest.mark.parametrize("format", ["github", "sarif", "gitlab"])
def test_a_colon_belongs_to_the_path_and_a_revision_does_not(format: str, repository: Path, capsys: Capture) -> None:
    (repository / "a:b.mlspec").write_text(OLD)
    (repository / "c:d.mlspec").write_text(NEW)
    said = diff(capsys, "a:b.mlspec", "c:d.mlspec", "--format", format)[1]
    assert {"github": "file=c%3Ad.mlspec,", "sarif": '"uri": "c%3Ad.mlspec"', "gitlab": '"path": "c:d.mlspec"'}[format] in said
    said = diff(capsys, "main..work", "--format", format)[1]
    place = "specs/churn.mlspec"
    assert {"github": f"file={place},", "sarif": f'"uri": "{place}"', "gitlab": f'"path": "{place}"'}[format] in said
    assert "work:" not in said
