"""`mlspec evidence`: a pack of a stored run, and what a check of it finds when a byte is another."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlspec.cli import main
from mlspec.driver import Compilation
from mlspec.graph.canonical import digest_of
from mlspec.graph.plan_format import plan_to_json
from mlspec.runtime.audit import log
from mlspec.runtime.audit.runs import record_run
from mlspec.runtime.runs import read_summary, write_summary
from tests.support.stored_run import store_run
from tests.unit.test_cli_schemas import SPEC

Capture = pytest.CaptureFixture[str]
CARD = """
card about {
  intended_use = "to greet buyers"
  out_of_scope = ["credit"]
  risks = ["greets the wrong person"]
  mitigations = ["a human reads along"]
  data = "a survey"
}
"""


def gate(name: str, text: str, passed: bool = True) -> dict[str, Any]:
    return {"name": name, "passed": passed, "status": "passed" if passed else "failed", "reason": "", "text": text, "doc": "", "measured": False,
            "op": ">=", "threshold": 0.5, "unit": "float", "value": 0.7, "low": 0.6, "high": 0.8, "method": "DeLong", "n": 40, "groups": {}}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole run of a small spec, on record."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(log, "now", lambda: "2999-12-20T12:00:00Z")
    (tmp_path / "mlspec.toml").touch()
    spec = tmp_path / "small.mlspec"
    spec.write_text(SPEC.replace("\ngates release", CARD + "\ngates release"))
    package = {"estimator": {"name": "sklearn.LogisticRegression"}, "proof": {"rows": 16, "digest": "00"}}
    verdict = {"passed": True, "packages": {"line": "{line}"}, "gates": [
        gate("useful", "lower(auc(line)) >= 0.5"), gate("beats_base", "lower(auc(line) - auc(base)) >= 1pp"), gate("fair", "gap(recall(line), by: code) <= 5pp")]}  # fmt: skip
    check = {"name": "volume", "passed": True, "expected": "rows() >= 3", "value": 40, "failed_rows": 0, "examples": []}
    folder = store_run(spec, {
        "people-extract": {"rows": {"table.json": {"rows": 40, "columns": []}, "rows.parquet": {"not": "in a pack"}}},
        "people-verify": {"checks": {"metrics.json": {"checks": [check]}}},
        "base-fit": {"package": {"package.json": package, "model.onnx": {"not": "in a pack either"}}},
        "line-fit": {"package": {"package.json": package, "model.onnx": {"weights": 1}}},
        "release-evaluate": {"metrics": {"metrics.json": {"n": 40}}},
        "release-verdict": {"verdict": {"verdict.json": verdict}},
        "release-enforce": {"release": {"release.json": {"block": "release"}}},
        "run-card": {"card": {"index.md": "card", "README.md": "card"}},
    })  # fmt: skip
    found = Compilation(spec)
    (folder / "plan.json").write_text(json.dumps(plan_to_json(found.graph)))
    summary = read_summary(folder)
    told, warning = record_run(tmp_path, folder, summary)
    assert not warning
    write_summary(folder, {**summary, **told})
    return tmp_path


def made(project: Path, capsys: Capture) -> Path:
    assert main(["evidence", "small.mlspec", "-o", "pack"]) == 0
    capsys.readouterr()
    return project / "pack"


def index(pack: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((pack / "index.json").read_text())
    return found


def test_every_claim_links_to_files_by_digest(project: Path, capsys: Capture) -> None:
    pack = made(project, capsys)
    claims = {claim["id"]: claim for claim in index(pack)["claims"]}
    assert set(claims) == {
        "spec", "data.people.rows", "check.people.volume", "model.base", "model.line", "gate.release.useful", "gate.release.beats_base",
        "gate.release.fair", "release.release", "card", "audit",
    }  # fmt: skip
    assert all(claim["links"] for claim in claims.values())
    assert all(claim["holds"] for claim in claims.values())
    assert claims["data.people.rows"]["read"] == {"people.csv": "ab" * 32}
    assert claims["gate.release.useful"]["statement"].startswith("lower(auc(line)) >= 0.5: 0.7")
    assert "gap(recall(line), by: code)" in (pack / "README.md").read_text().replace("\\", "")


def test_neither_rows_nor_models_are_in_a_pack(project: Path, capsys: Capture) -> None:
    pack = made(project, capsys)
    names = {path.name for path in pack.rglob("*") if path.is_file()}
    assert {"table.json", "package.json", "audit.jsonl", "spec.mlspec"} <= names
    assert not {"rows.parquet", "model.onnx"} & names
    held = {one["stage"]: one["files"] for one in index(pack)["artifacts"]}
    assert set(held["line-fit"]) == {"package.json", "model.onnx"}


def test_the_checklist_says_what_is_open(project: Path, capsys: Capture) -> None:
    states = {row["id"]: row["state"] for row in index(made(project, capsys))["checklist"]}
    assert states.pop("robustness") == "open"
    assert set(states.values()) == {"shown"}


def test_a_pack_can_be_checked_anywhere_and_is_made_the_same_again(project: Path, capsys: Capture) -> None:
    pack = made(project, capsys)
    moved = project / "elsewhere" / "pack"
    shutil.copytree(pack, moved)
    assert main(["evidence", "--verify", str(moved)]) == 0
    assert "sound: " in capsys.readouterr().out
    shutil.rmtree(pack)
    assert index(made(project, capsys)) == index(moved)


def damage(pack: Path, how: str) -> None:
    """One of the ways in which somebody may change a pack."""
    verdict = next(pack.glob("verdicts/*/verdict.json"))
    if how == "a file":
        verdict.write_text(verdict.read_text().replace("0.7", "0.9"))
    elif how == "the index":
        text = (pack / "index.json").read_text()
        (pack / "index.json").write_text(text.replace('"holds":true', '"holds":false', 1))
    elif how == "gone":
        verdict.unlink()
    elif how == "more":
        (pack / "more.txt").write_text("x")
    elif how == "a link":
        verdict.unlink()
        verdict.symlink_to(pack / "plan.json")
    elif how == "no index":
        (pack / "index.json").unlink()
    else:  # all digests of the index are made to fit a changed verdict
        changed = verdict.read_text().replace("0.7", "0.9")
        verdict.write_text(changed)
        import hashlib

        found, path = index(pack), verdict.relative_to(pack).as_posix()
        old, new = found["files"][path], hashlib.sha256(changed.encode()).hexdigest()
        body = json.loads(json.dumps({key: item for key, item in found.items() if key != "digest"}).replace(old, new))
        for one in body["artifacts"]:
            one["digest"] = digest_of(one["files"])
        (pack / "index.json").write_text(json.dumps(body | {"digest": digest_of(body)}))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("a file", "is not as it was written"), ("the index", "`index.json` is not as it was written"), ("gone", "is missing"),
        ("more", "`more.txt` is not in the index"), ("a link", "is not as it was written"), ("no index", "this is no evidence pack"),
        ("all digests", "the run did not write `release-verdict/verdict` with the digest"),
    ],
)  # fmt: skip
def test_what_was_changed_is_told(project: Path, capsys: Capture, how: str, said: str) -> None:
    pack = made(project, capsys)
    damage(pack, how)
    assert main(["evidence", "--verify", str(pack)]) == 1
    assert said in capsys.readouterr().err


def test_a_log_that_was_cut_is_told(project: Path, capsys: Capture) -> None:
    log.append(project, "run", {"spec": "other"})
    pack = made(project, capsys)
    assert main(["evidence", "--verify", str(pack)]) == 0
    path = project / ".mlspec" / "audit.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])
    assert main(["evidence", "small.mlspec", "-o", "again"]) == 0
    claims = {claim["id"]: claim for claim in index(project / "again")["claims"]}
    assert claims["audit"]["holds"] is False
    assert main(["evidence", "--verify", "again"]) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["small.mlspec", "--verify", "pack"], "say a spec, or `--verify`"),
        ([], "say a spec, or `--verify`"),
        (["small.mlspec", "--run", "7"], "there is no run 7"),
        (["small.mlspec", "-o", "."], "is there already"),
    ],
)
def test_what_cannot_be_made_says_why(project: Path, capsys: Capture, words: list[str], said: str) -> None:
    assert main(["evidence", *words]) > 0
    assert said in capsys.readouterr().err


def test_a_changed_spec_has_no_run(project: Path, capsys: Capture) -> None:
    path = project / "small.mlspec"
    path.write_text(path.read_text().replace(">= 0.5", ">= 0.6"))
    assert main(["evidence", "small.mlspec"]) > 0
    assert "there is no whole run of `small.mlspec` as it is" in capsys.readouterr().err


def test_json(project: Path, capsys: Capture) -> None:
    assert main(["evidence", "small.mlspec", "-o", "pack", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == index(project / "pack")["digest"]
    assert main(["evidence", "--verify", "pack", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"format": 1, "sound": True, "problems": [], "digest": told["digest"]}
