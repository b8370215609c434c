"""The step that docs/extern.md shows, on three targets and in a diff."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mlspec.cli import main
from tests.docs.markdown import examples

ROOT = Path(__file__).parents[2]
PAGE = ("visits.mlspec", "steps/people.py", "visits.csv")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the page, locked and allowed."""
    for example in examples(ROOT / "docs/extern.md"):
        if example.words and example.words[0] in PAGE:
            (tmp_path / example.words[0]).parent.mkdir(exist_ok=True)
            (tmp_path / example.words[0]).write_text(example.text)
    allow(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["lock", "-q"]) == 0
    return tmp_path


def allow(folder: Path) -> None:
    digest = hashlib.sha256((folder / "steps/people.py").read_bytes()).hexdigest()
    (folder / "mlspec.toml").write_text(f'[extern]\nallow = ["sha256:{digest}"]\n')


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_step_gives_the_same_rows_on_every_target(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["parity", "visits.mlspec", "--targets", "local,dvc,kfp"]) == 0
    said = capfd.readouterr().out
    assert "people-step/rows" in said
    assert "artifacts equal on 3 targets" in said


def test_a_diff_says_whose_rows_are_made_by_other_code(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = project / "old"
    old.mkdir()
    for name in ("visits.mlspec", "steps", "mlspec.toml", "mlspec.lock"):
        (project / name).rename(old / name) if name == "steps" else (old / name).write_text((project / name).read_text())
    allow(old)
    (project / "steps").mkdir()
    (project / "steps/people.py").write_text((old / "steps/people.py").read_text().replace('"sum"', '"mean"'))
    text = (project / "visits.mlspec").read_text()
    (project / "visits.mlspec").write_text(text.replace("deterministic = true", "deterministic = true\n  outcome = none"))
    capsys.readouterr()
    main(["diff", "old/visits.mlspec", "visits.mlspec"])
    said = " ".join(capsys.readouterr().out.split())
    assert "! behaviour extern.per_person.code" in said
    assert "used by people" in said
    assert "people-step" in said
    assert "loosening" in said
