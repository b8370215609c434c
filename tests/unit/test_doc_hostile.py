"""`doc` and the page of `graph` on specs of strangers: no import, process, socket or write elsewhere, and an end in time."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.fuzz.mutate import corpus, mutate_text
from tests.unit.test_doc import check_whole

ROOT = Path(__file__).parents[2]
SPECS = 40


def answers(out: Path, files: list[Path]) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.doc_hostile", str(out), *map(str, files)], capture_output=True, text=True, env=environment, timeout=300,
        cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert report["violations"] == []
    assert not [result for result in report["results"] if "Traceback" in result["said"] or result["code"] not in (0, 1)]
    return report


def test_pages_of_strangers_import_run_and_write_nothing_else(tmp_path: Path) -> None:
    rng = random.Random(11)
    (tmp_path / "mlspec.toml").touch()
    seeds = [text for text in corpus() if len(text) < 8_000]
    files = []
    for number in range(SPECS):
        seed = rng.choice(seeds)
        files.append(tmp_path / f"{number}.mlspec")
        files[-1].write_bytes((seed if number % 2 else mutate_text(seed, rng)).encode("utf-8", "surrogatepass"))
    report = answers(tmp_path / "out", files)
    assert {result["code"] for result in report["results"]} == {0, 1}
    folders = [folder for folder in sorted((tmp_path / "out").iterdir()) if folder.is_dir()]
    assert folders
    for folder in folders:
        check_whole({page.name: page.read_text() for page in folder.iterdir()})


def test_a_large_spec_has_its_pages_in_time(tmp_path: Path) -> None:
    """Each feature stands on the one before: what a drawing must not follow to its end."""
    (tmp_path / "mlspec.toml").touch()
    columns = "".join(f"  c{n}: int\n" for n in range(1_200))
    features = "".join(f"  f{n} := {'f' + str(n - 1) + ' + ' if n % 40 else ''}t.c{n}\n" for n in range(1_200))
    spec = tmp_path / "large.mlspec"
    spec.write_text(
        f'mlspec 2026.1\n\nspec a {{\n  owner = "b"\n}}\n\nsource t {{\n  from = csv("t.csv")\n{columns}}}\n\nfeatures inputs {{\n  frame = t\n{features}}}\n'
    )
    report = answers(tmp_path / "out", [spec])
    assert [result["code"] for result in report["results"]] == [0, 0]
    assert "too many to draw" in (tmp_path / "out/0/lineage.html").read_text()
    assert max(result["seconds"] for result in report["results"]) < 30
