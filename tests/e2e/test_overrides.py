"""A real run that its gates refuse, released by an override, served, scored with, and found when the log is touched."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.test_served import asked
from tests.support.project import MLSPEC, Project

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("overrides")]

REASON = "the devices have room for it; the gate on size is raised in Q1"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Penguins whose gate on size fails, with an approver."""
    made = Project(tmp_path_factory.mktemp("overrides") / "project", "penguins")
    (made.folder / "mlspec.toml").write_text('[policy]\napprovers = ["ml-risk"]\n')
    made.edit("small := size(candidate) <= 2MiB", "small := size(candidate) <= 1KiB")
    said = made.run()
    assert said.code == 1, said.text
    return made


@contextmanager
def served(project: Project) -> Iterator[str]:
    """The address of `mlspec serve` on a free port; its first line is the banner."""
    process = subprocess.Popen([str(MLSPEC), "serve", str(project.spec), "--port", "0"], cwd=project.folder, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    try:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        assert first.startswith("mlspec serve: RELEASED BY OVERRIDE of ml-risk"), first
        found = re.search(r"http://127\.0\.0\.1:\d+", second)
        assert found, second
        yield found[0]
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


def test_what_gates_refused_is_served_by_an_override_alone(project: Project) -> None:
    refused = project.mlspec("serve", project.spec, "--port", "0")
    assert refused.code == 1
    assert "run 000001 failed small" in refused.text
    done = project.mlspec("override", project.spec, "--actor", "ml-risk", "--reason", REASON, "--expires", _soon())
    assert done.code == 0, done.text
    with served(project) as address:
        facts = asked(address, path="/model")[1]
        assert facts["override"]["actor"] == "ml-risk"
        assert facts["override"]["reason"] == REASON
        assert facts["released"] is True
        assert asked(address, path="/readyz")[0] == 200
    records = json.loads(project.mlspec("audit", "--format", "json").out)["records"]
    assert [record["event"] for record in records] == ["run", "override", "serve"]
    assert records[2]["override"] == 2
    assert records[2]["package"] == records[1]["packages"]["tune"]


def test_its_pages_say_so_first(project: Project) -> None:
    pages = [
        path for path in (project.folder / ".mlspec/runs/000001/reports").rglob("index.*") if "explore" not in path.parent.name
    ]
    assert len(pages) == 2
    for page in pages:
        assert "RELEASED BY OVERRIDE of ml-risk" in page.read_text()[:4000] or page.suffix == ".html"
        assert page.read_text().count("RELEASED BY OVERRIDE of ml-risk") == 1


def test_a_further_run_of_the_same_package_is_released_too(project: Project) -> None:
    said = project.run()
    assert said.code == 1
    assert "RELEASED BY OVERRIDE" in (project.folder / ".mlspec/runs/000002/reports/run-report/index.html").read_text()
    with served(project) as address:
        assert asked(address, path="/model")[1]["override"]["n"] == 2


def test_another_text_of_the_spec_is_not_covered(project: Project) -> None:
    text = project.spec.read_text()
    try:
        project.edit("min_group = 20", "min_group = 21")
        assert project.run().code == 1
        refused = project.mlspec("serve", project.spec, "--port", "0")
        assert refused.code == 1
        assert "failed small" in refused.text
    finally:
        project.spec.write_text(text)


def test_the_log_is_verified_and_a_touched_one_releases_nothing(project: Project) -> None:
    good = project.mlspec("audit", "verify")
    assert good.code == 0, good.text
    path = project.folder / ".mlspec/audit.jsonl"
    before = path.read_bytes()
    try:
        path.write_bytes(before.replace(b"ml-risk", b"ml-rosk", 1))
        assert project.mlspec("audit", "verify").code == 1
        refused = project.mlspec("serve", project.spec, "--port", "0")
        assert refused.code == 1
        assert "the audit log is broken" in refused.text
    finally:
        path.write_bytes(before)


def test_no_secret_and_no_row_is_in_the_log(project: Project) -> None:
    text = (project.folder / ".mlspec/audit.jsonl").read_text()
    assert "bill_length" not in text
    assert str(project.folder) not in text


def _soon() -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) + timedelta(days=5)).date().isoformat()
