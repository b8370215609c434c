"""`python -m mlspec.runtime`: folders with manifests in and out, messages without tracebacks, KFP's answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlspec.graph import write_plan
from mlspec.runtime.__main__ import main
from tests.crash.toy import outputs, run_toy, toy_graph


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_bytes(write_plan(toy_graph()))
    return path


def _arguments(plan: Path, stage: str, *more: str) -> list[str]:
    return [stage, "--plan", str(plan), "--root", str(plan.parent), *more]


def test_a_chain_gives_the_digests_of_the_local_target(plan: Path, tmp_path: Path) -> None:
    assert main(_arguments(plan, "a-write", "--out", f"file={tmp_path / 'o' / 'a'}")) == 0
    assert main(_arguments(plan, "b-write", "--in", f"a={tmp_path / 'o' / 'a'}", "--out", f"file={tmp_path / 'o' / 'b'}")) == 0
    expected = outputs(run_toy(tmp_path / "local"))
    for name in "ab":
        manifest = json.loads((tmp_path / "o" / name / "manifest.json").read_text())
        assert manifest["digest"] == expected[f"{name}-write/file"] and manifest["type"] == "json"
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["a", "b"]


def test_a_corrupt_input_is_refused(plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(_arguments(plan, "a-write", "--out", f"file={tmp_path / 'a'}")) == 0
    (tmp_path / "a" / "file.json").write_text("{}")
    code = main(_arguments(plan, "b-write", "--in", f"a={tmp_path / 'a'}", "--out", f"file={tmp_path / 'b'}"))
    assert code == 1 and not (tmp_path / "b").exists()
    assert "error[MLS808]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--out", "other=x"), "expected: file"),
        ((), "`--out` arguments"),
        (("--in", "a=x", "--out", "file=y"), "`--in` arguments"),
    ],
)
def test_arguments_that_do_not_fit(plan: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], words: str) -> None:
    assert main(_arguments(plan, "a-write", *more)) == 1
    assert words in capsys.readouterr().err


def test_kfp_gets_its_answer(plan: Path, tmp_path: Path) -> None:
    answer = tmp_path / "kfp" / "executor_output.json"
    declared = {"name": "a-file", "type": {"schemaTitle": "system.Artifact"}, "uri": f"{tmp_path}/a", "metadata": {"x": 1}}
    given = {"inputs": {}, "outputs": {"artifacts": {"file": {"artifacts": [declared]}}, "outputFile": str(answer)}}
    command = [sys.executable, "-m", "mlspec.runtime", *_arguments(plan, "a-write", "--out", f"file={tmp_path / 'a'}")]
    extra = ["--executor-input", json.dumps(given), "--kfp-marker", "kfp.dsl.executor_main"]
    assert subprocess.run([*command, *extra], check=False).returncode == 0
    (artifact,) = json.loads(answer.read_text())["artifacts"]["file"]["artifacts"]
    assert artifact["uri"] == declared["uri"] and artifact["metadata"]["x"] == 1 and len(artifact["metadata"]["digest"]) == 64


def test_messages_not_tracebacks(plan: Path, tmp_path: Path) -> None:
    for arguments in (["nothing", "--plan", str(plan)], ["a-write", "--plan", str(tmp_path / "none.json")]):
        done = subprocess.run([sys.executable, "-m", "mlspec.runtime", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode in (1, 74) and done.stderr.startswith("error[MLS") and "Traceback" not in done.stderr
