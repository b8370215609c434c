"""A spec with externs from run to release: the package carries the code, answers requests as the batch, and stops when it is not allowed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mlspec.cli import main
from mlspec.runtime.errors import StageError
from mlspec.runtime.package import load_package
from mlspec.runtime.runs import summaries
from mlspec.runtime.store import Store
from tests.docs.markdown import examples

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SERVED = """
score survey {
  model = linear
  gate = release
  input = csv("penguins.csv")
  output = csv("survey.csv")
}

serve answers {
  model = linear
  gate = release
}
"""
BIRD = {"bill_length_mm": 45.0, "body_mass_g": 5000.0, "flipper_length_mm": 210.0}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's project, run."""
    root = tmp_path_factory.mktemp("birds")
    shutil.copy(ROOT / "specs/data/penguins.csv", root)
    for example in examples(ROOT / "docs/extern.md"):
        if example.language in ("mlspec", "python", "toml") and example.words:
            (root / example.words[0]).parent.mkdir(exist_ok=True)
            (root / example.words[0]).write_text(example.text + (SERVED if example.words[0] == "birds.mlspec" else ""))
    assert main(["lock", str(root / "birds.mlspec")]) == 0
    assert main(["run", str(root / "birds.mlspec"), "-q"]) == 0
    return root


def outputs(project: Path, stage: str) -> Path:
    """The only output of a stage, or its package or metrics."""
    _, summary = next(iter(summaries(project)))
    found = summary["stages"][stage]["outputs"]
    name = next(name for name in ("package", "metrics", *found) if name in found)
    return Store(project).artifact(str(found[name]["digest"]), found[name].get("files"))


def test_the_package_holds_the_code_and_answers_one_as_many(project: Path) -> None:
    folder = outputs(project, "linear-fit")
    (code,) = (folder / "extern").iterdir()
    assert "def condition" in code.read_text()
    package = load_package(folder)
    package.start(project)
    birds = [BIRD, {**BIRD, "body_mass_g": None}, {**BIRD, "body_mass_g": 3000.0}]
    together = package.score(birds).score.tolist()
    assert together == [package.score([bird]).score[0].tolist() for bird in birds]
    assert together[0] != together[2]
    package.close()
    assert package.score(birds).score.tolist() == together  # started again


def test_the_metric_has_an_interval_of_its_draws(project: Path) -> None:
    quantities = json.loads((outputs(project, "release-evaluate") / "metrics.json").read_text())["quantities"]
    (found,) = (item for item in quantities.values() if "gentoo_found" in item["text"])
    assert 0 < found["low"] < found["point"] <= found["high"] <= 1
    assert "2,000 draws" in found["method"]


def test_scoring_is_refused_once_the_code_is_not_allowed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(project / "birds.mlspec"), "-q"]) == 0
    assert len((project / "survey.csv").read_text().splitlines()) == 345
    settings = (project / "mlspec.toml").read_text()
    try:
        (project / "mlspec.toml").write_text("[extern]\nallow = []\n")
        capsys.readouterr()
        assert main(["score", str(project / "birds.mlspec"), "-q"]) == 1
        assert "MLS824" in "".join(capsys.readouterr())
        with pytest.raises(StageError, match="does not allow"):
            load_package(outputs(project, "linear-fit")).start(project)
        (project / "mlspec.toml").unlink()  # a folder where nobody allowed anything is no image of one where somebody did
        for command in (["score"], ["serve", "--port", "0"]):
            assert main([command[0], str(project / "birds.mlspec"), "--unreleased", *command[1:]]) == 1
            assert "MLS824" in "".join(capsys.readouterr())
    finally:
        (project / "mlspec.toml").write_text(settings)


def test_an_edit_runs_again_what_reads_the_code(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = project / "metrics/found.py"
    text = found.read_text()
    try:
        found.write_text(text + "\n")
        main(["lock", str(project / "birds.mlspec"), "-q"])
        capsys.readouterr()
        main(["plan", str(project / "birds.mlspec")])
        steps = [line.split() for line in capsys.readouterr().out.splitlines()]
        again = {words[1] for words in steps if len(words) > 1 and words[0] in ("run", "rescore")}
        assert "release-evaluate" in again
        assert not {"seen-verify", "inputs-features", "linear-fit"} & again
    finally:
        found.write_text(text)
        main(["lock", str(project / "birds.mlspec"), "-q"])
