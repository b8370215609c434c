"""A tiny spec whose models read different blocks of features, with rows in which age and one job say something of the outcome."""

from __future__ import annotations

import random
from pathlib import Path

ROWS = 200
SPEC = """mlspec 2026.1

spec demo {
  owner = "team-a"
}

source people {
  from = csv("people.csv")
  code: string @key
  age: int @range(18..90)
  job: string
  town: category("n", "s")
  bought: category("no", "yes") @outcome(positive: "yes")
}

split parts {
  frame = people
  train := 60%
  holdout := 40%
}

features inputs {
  frame = people
  age := scale(people.age)
  job := onehot(people.job)
}

features words {
  frame = people
  age := log1p(people.age)
  town := people.town @audit
}

model many {
  estimator = sklearn.LogisticRegression
  features = inputs
  label = people.bought
  part = parts.train
}

model few {
  estimator = sklearn.LogisticRegression
  features = words
  label = people.bought
  part = parts.train
}

gates release {
  candidate = many
  part = parts.holdout
  min_group = 5
  beats := lower(auc(candidate) - auc(few)) >= -50pp
  towns := worst(accuracy(few), by: words.town) >= 10%
}

evaluate alone {
  models = [few]
  part = parts.holdout
  metrics = [accuracy]
  analyses = []
}

evaluate itself {
  models = [many]
  part = parts.holdout
  metrics = [accuracy]
  analyses = []
}
"""


def written(folder: Path) -> Path:
    """The spec in a project of its own, beside its rows."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlspec.toml").write_text("")
    draw = random.Random(3)
    lines = ["code,age,job,town,bought"]
    for row in range(ROWS):
        age, job, town = draw.randint(18, 90), draw.choice(["clerk", "smith", "baker"]), draw.choice("ns")
        bought = draw.random() < 0.2 + 0.5 * (age > 50) + 0.2 * (job == "smith")
        lines.append(f"c{row},{age},{job},{town},{'yes' if bought else 'no'}")
    (folder / "people.csv").write_text("\n".join(lines) + "\n")
    path = folder / "demo.mlspec"
    path.write_text(SPEC)
    return path
