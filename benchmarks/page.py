"""The page of the figures: what each is, how to run it, and a table of the last readings with the machine and its load."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.figures import FIGURES
from benchmarks.measure import Figure

BEGIN = "<!-- last run: written by `python -m benchmarks --all --write docs/benchmarks.md` -->"
HEADER = ["figure", "ours", "peer", "ratio", "goal", "met", "n", "spread", "load", "when"]
LIBRARIES = (
    "mlspec-lang", "numpy", "pandas", "scikit-learn", "hyperopt", "skl2onnx", "onnxruntime", "duckdb", "fastapi", "uvicorn", "mlflow", "kfp",
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """A figure as a row of the table."""

    name: str
    cells: tuple[str, ...]


def reading(figure: Figure) -> Reading:
    """The figure with the machine's load of the last minute and the time, as they are now."""
    peer = "" if figure.peer is None else f"{figure.peer:.4g}{figure.unit}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.3g}"
    cells = (
        f"`{figure.name}`", f"{figure.ours:.4g}{figure.unit}", peer, ratio, f"{figure.goal:g}", "yes" if figure.met else "no",
        str(figure.n), f"{100 * figure.spread:.0f} %" if figure.n > 1 else "", f"{os.getloadavg()[0]:.1f}", datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
    )  # fmt: skip
    return Reading(figure.name, cells)


def write(path: Path, readings: Sequence[Reading]) -> None:
    """Write the page; rows of figures that were not measured now stay as they are."""
    rows = dict(_rows_of(path.read_text(encoding="utf-8") if path.exists() else ""))
    rows |= {one.name: list(one.cells) for one in readings}
    ordered = [rows[name] for row in FIGURES.values() for name in row.names if name in rows]
    parts = ["# Benchmarks", _explained(), "## The last run", BEGIN, _machine(), _table(HEADER, ordered)]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _rows_of(page: str) -> Iterable[tuple[str, list[str]]]:
    for line in page.partition(BEGIN)[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == len(HEADER):
            yield cells[0].strip("`"), cells


def _explained() -> str:
    rows = [[f"`{name}`", row.about, row.peer, row.goal, f"`{row.needs}`"] for name, row in FIGURES.items()]
    return "\n\n".join([INTRODUCTION, _table(["name", "what is measured", "peer", "goal", "needs"], rows), METHOD])


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _machine() -> str:
    libraries = ", ".join(f"{name} {found}" for name in LIBRARIES if (found := _version(name)))
    cores = len(os.sched_getaffinity(0))
    return f"{_processor()}, {cores} cores, {platform.system()} {platform.release().partition('-')[0]}, Python {platform.python_version()}.\n{libraries}."


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), platform.machine())


INTRODUCTION = """Each figure sets a command of ours beside a peer: what the same work costs without us. They run in turn, so that a noisy machine
hits both. `python -m benchmarks --list` names them, `python -m benchmarks NAME…` measures some, and
`python -m benchmarks --all --write docs/benchmarks.md` measures all and writes this page. Each figure prints one line of JSON:
`name`, `ours` and `peer` (medians, in seconds), `ratio`, `goal`, `met`, `n` (runs of each side) and `spread`, which is
(max − min) / median of ours. A goal that is not met is a figure, not an error: the exit code is 0."""

METHOD = """How it is measured:

* Processes are measured whole, from start to exit, by the kernel's accounting of the process and of the children that it waited
  for. CPU is user plus system time; it is the better figure where other work shares the machine, whose load of the last minute
  stands beside each reading.
* One run of each side comes first and is not counted, except for `run-census` and `search`, which take minutes. Settings that
  keep Python from writing bytecode are not passed on, since an installed package has its bytecode.
* The 2,000-line spec is made up: a source of 980 columns and 980 features over them.
* `lsp-keystroke` talks to `mlspec lsp` over its pipes, in a spec of 500 lines made alike. Each edit is alone: the next comes 0.12 s after the findings of the last. The
  wall time holds what other work takes of the machine; on a busy one it was read under `chrt -r 20`, which leaves it the processor as a quiet one does.
  `lsp-keystroke-cpu` is the processor time of the server for all edits, by edit.
* `search` refits exactly what a search of ours fitted: the same trials with the same seeds on the same rows of the same folds, in two
  processes of one thread each. `run-census` fits the same trials on a split and folds of its own, as a person would; a run whose
  latency gate fails on a busy machine did less work and is not counted, up to two times.
* The script by hand is `benchmarks/peers/census_by_hand.py` and imports nothing of ours. It checks the rows, describes the train
  part on a page, searches, refits, exports to ONNX, scores through onnxruntime, judges the gates with the same kinds of interval,
  measures its own endpoint under the same load, writes a report, and tracks and registers in MLflow.
* `search-own-cpu` reads the CPU clocks of the stage's process (`RUSAGE_SELF`) and of its workers (`RUSAGE_CHILDREN`) right before
  and right after the study's loop. The first is what we spend to suggest, schedule and journal; the second are the fits, with
  their scoring and with what starting a worker costs. What surrounds the loop (imports, matrices, the final refit, the package) is in
  `search-wall` and `search-cpu`.
* The `automl` figures give each side the rows of our split as they came, and 2 threads. Ours is the search of `benchmarks/specs`, which may search for 0.6 of the seconds (0.25 on `made`) and
  then fits its best trial again, with one thread; its time is that of the process `mlspec run --only tune-search`, imports included. The peers run as their pages begin
  (`benchmarks/peers/automl.py`), in a Python that AUTOML_PYTHON names and that has `flaml[automl]` and `autogluon.tabular`; their imports are left out. AutoGluon's
  model is an ensemble of many, the others' are one model. The sides take turns, in another order for each seed. A peer that takes 6 times its seconds is ended, and that seed is left out;
  what each side said by seed goes to stderr. `made` is 200,000 rows of scikit-learn's `make_classification` and looks like no real table; the other two are shipped.
  SECONDS=30 is what each side is given. The reading below is of FLAML 2.7.0 and AutoGluon 1.6.3 with LightGBM and XGBoost (no CatBoost) on a quiet machine. AutoGluon's ensemble
  is the better one on `made`. With 0.6 there too, ours took 48 s (AUC 0.8738), FLAML 35 s (0.8703, between 0.8654 and 0.8783 by seed) and AutoGluon 33 s (0.8786).
* `training` trains the same network on the same rows three times over, 12 epochs in batches of 256 with one thread: by the loop of a `train` stage, and by the two
  loops in `benchmarks/peers/training_loop.py`. All have torch's fused AdamW, which alone is faster than its default. On a busy machine it was read under
  `chrt -r 20`. `training-keras` trains that network with TensorFlow in a Python that TENSORFLOW_PYTHON names, `benchmarks/peers/keras_loop.py`: ours runs many batches in one call
  of a compiled graph, `fit` one; both have the same kernels and one thread, ours deterministic operators as well. `package-load` is read in fresh processes that have imported nothing of ours; loading onnxruntime is most of it."""
