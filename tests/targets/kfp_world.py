"""A small project with a binary label, for the tests of the KFP target: 240 rows, seconds a run."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

DATA = Path(__file__).parent / "kfp"


def shop(folder: Path) -> Path:
    """A fresh project; its spec."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlspec.toml").write_text("")
    draw = random.Random(7)
    lines = ["visit,age,minutes,device,bought"]
    for visit in range(240):
        age, minutes, device = draw.randint(18, 90), round(draw.uniform(0, 120), 2), draw.choice(["desk", "phone", "tablet"])
        likely = minutes / 120 + (0.2 if device == "desk" else 0.0) + draw.gauss(0, 0.2)
        lines.append(f"{visit},{age},{minutes},{device},{'yes' if likely > 0.6 else 'no'}")
    (folder / "visits.csv").write_text("\n".join(lines) + "\n")
    return Path(shutil.copy(DATA / "shop.mlspec", folder))
