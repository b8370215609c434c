"""A network of the project's own from `mlspec check` to a package that answers: tested on rows, trained, judged, served without its code."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from mlspec.cli import main
from mlspec.runtime.package import load_package
from mlspec.runtime.runs import summaries
from mlspec.runtime.store import Store

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
CODE = '''\
"""A gated network over numbers."""

import torch
from torch import nn


class Gated(nn.Module):
    def __init__(self, width, outputs, hidden, dropout):
        super().__init__()
        self.value, self.gate = nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.drop, self.out = nn.Dropout(dropout), nn.Linear(hidden, outputs)

    def forward(self, rows):
        return self.out(self.drop(torch.tanh(self.value(rows)) * torch.sigmoid(self.gate(rows))))


def gated(width, outputs, hidden, dropout):
    return Gated(width, outputs, hidden, dropout)
'''
SPEC = """\
mlspec 2026.1

spec birds {
  owner = "team-field"
  tracking = none
  registry = none
}

extern network gated(rows: list(float), hidden: int, dropout: ratio) -> list(float) {
  code = "nets/gated.py:gated"
  deterministic = true
}

source seen {
  from = csv("penguins.csv")
  penguin: int @key
  species: category("Adelie", "Chinstrap", "Gentoo") @outcome
  bill_length_mm: float?
  body_mass_g: float?
}

split by_chance {
  frame = seen
  stratify = species
  train := 50%
  tune := 20%
  holdout := 30%
}

features inputs {
  frame = seen
  missing = fill(number: median)
  bill := scale(seen.bill_length_mm)
  body := scale(seen.body_mass_g)
}

train deep {
  network = gated(hidden: 16, dropout: 10%)
  features = inputs
  label = seen.species
  part = by_chance.train
  optimiser = adamw(lr: 0.02)
  epochs = 12
  stop_early = patience(8, on: log_loss, part: by_chance.tune)
}

model majority {
  estimator = sklearn.DummyClassifier
  features = inputs
  label = seen.species
  part = by_chance.train
}

gates release {
  candidate = deep
  part = by_chance.holdout
  useful := lower(accuracy(candidate) - accuracy(majority)) >= 5pp
}

test what_it_gives {
  given seen = [row(bill_length_mm: 40.0, body_mass_g: 3_500.0), row(bill_length_mm: 50.0, body_mass_g: 5_500.0)]
  fit seen = [row(bill_length_mm: 40.0, body_mass_g: 3_500.0), row(bill_length_mm: 45.0, body_mass_g: 4_500.0)]
  one_a_class := deep.outputs == OUTPUTS
  numbers := deep.finite and deep.dtype == "float32"
}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("torch")
    shutil.copy(ROOT / "specs/data/penguins.csv", tmp_path)
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/gated.py").write_text(CODE)
    digest = hashlib.sha256(CODE.encode()).hexdigest()
    (tmp_path / "mlspec.toml").write_text(f'[extern]\nallow = ["sha256:{digest}"]\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_network_from_its_test_to_its_package(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = project / "birds.mlspec"
    spec.write_text(SPEC.replace("OUTPUTS", "2"))
    assert main(["lock", "-q"]) == 0
    assert main(["test", "birds.mlspec"]) == 1
    assert "deep.outputs = 3" in capfd.readouterr().out
    spec.write_text(SPEC.replace("OUTPUTS", "3"))
    assert main(["check", "birds.mlspec", "--fail-on", "warning"]) == 0
    assert main(["test", "birds.mlspec"]) == 0
    assert main(["run", "birds.mlspec"]) == 0
    (_, summary) = next(iter(summaries(project)))
    written = summary["stages"]["deep-train"]["outputs"]["package"]["digest"]
    package = load_package(Store(project).artifact(written))
    assert package.manifest.estimator["name"] == "torch.extern.gated"
    assert not [path.name for path in package.folder.rglob("*.py")]
    records = [{"bill_length_mm": 40.0, "body_mass_g": 3_500.0}, {"bill_length_mm": 50.0, "body_mass_g": 5_500.0}]
    together = package.score(records).score
    assert together.tolist() == [package.score([record]).score[0].tolist() for record in records]
