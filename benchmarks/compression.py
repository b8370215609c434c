"""`python -m benchmarks.compression`: the census models of `specs/income_compressed.mlspec` made smaller, as a table in Markdown.

`python -m benchmarks.compression digits` does the same with the network of `specs/digits.mlspec`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.running import DATA, MLSPEC, ROOT

SPECS = {
    "income_compressed": ("auc", "AUC", [DATA]),
    "digits": ("accuracy", "accuracy", [ROOT / "specs/data/digits", ROOT / "specs/data/digits.csv"]),
}
"""The metric that is shown of a spec, what a reader calls it, and the spec's data."""
HEAD = "| model | step | package | rows a second | one request | same decisions | {0} | change of {0} (95 % interval) |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"


def main(spec: str = "income_compressed") -> None:
    """Run the spec in a fresh folder and print a line for each step of each `compress`."""
    metric, words, data = SPECS[spec]
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        (project / "data").mkdir()
        for path in data:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, project / "data" / path.name)
        (project / "mlspec.toml").write_text("")
        shutil.copy(ROOT / f"specs/{spec}.mlspec", project)
        said = subprocess.run(
            (MLSPEC, "run", f"{spec}.mlspec", "-j", "1"), cwd=project, text=True, capture_output=True, check=False
        )
        if said.returncode:
            sys.exit(f"{said.stdout[-2_000:]}\n{said.stderr[-2_000:]}")
        print("\n".join([HEAD.format(words), *lines(project / ".mlspec/store", metric)]))


def lines(store: Path, metric: str) -> Iterator[str]:
    """The lines of the table, read from what the stages wrote, by model; each model as it was stands once."""
    known: set[str] = set()
    for found, clock in sorted(_stages(store), key=lambda pair: (pair[0]["model"], pair[0]["name"])):
        for step in found["steps"]:
            if step["step"] != "original" or found["model"] not in known:
                yield line(found["name"], found["model"], step, clock, metric)
        known.add(found["model"])


def _stages(store: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What each `compress` stage found, and what its clock said."""
    for path in store.glob("stages/*.json"):
        manifest = json.loads(path.read_bytes())
        if manifest["kind"] == "compress":
            folders = {output: store / "artifacts" / found["digest"] for output, found in manifest["outputs"].items()}
            clock = json.loads((folders["measurements"] / "measurements.json").read_bytes())["quantities"]
            yield json.loads((folders["steps"] / "steps.json").read_bytes()), clock


def line(name: str, model: str, step: Mapping[str, Any], clock: Mapping[str, Any], metric: str) -> str:
    """One state of one model."""
    label = f"`{model}`" if step["step"] == "original" else f"`{name}`"
    speed, alone = (clock[f"{step['step']}.{what}"]["value"] for what in ("rows_per_second", "request"))
    loss = (step["loss"] or {}).get(metric)
    change = "" if loss is None else f"{loss['value'] * 100:+.2f}pp ({loss['low'] * 100:+.2f} to {loss['high'] * 100:+.2f})"
    cells = [
        label, "as it was" if step["step"] == "original" else step["step"], f"{step['bytes'] / 1024:,.1f} KiB", f"{speed:,.0f}", f"{alone * 1000:.2f} ms",
        f"{step['same']:.1%}", f"{step['quality'][metric]['value']:.4f}", change,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(*sys.argv[1:2])
