"""The AutoML figure: the search that docs/search.md begins with, beside FLAML and AutoGluon, on the same rows in the same seconds.

AUTOML_PYTHON names a Python that has `flaml[automl]` and `autogluon.tabular`; SECONDS (30) says what each side is given.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, Unexpected, run
from benchmarks.running import MLSPEC, PEERS, ROOT

SPECS = Path(__file__).parent / "specs"
TABLES = {
    "income": "48,842 rows of Adult",
    "late": "40,000 flights",
    "made": "200,000 rows that scikit-learn makes",
}
TOOLS = ("flaml", "autogluon")
BELOW = 0.002
SHARE = {"income": 0.6, "late": 0.6, "made": 0.25}
"""Of the seconds that a peer is given, what our search may take before it fits its best trial again, which takes longer on more rows; peers may end later, too."""
OVERRUN = 6


def names(table: str) -> tuple[str, ...]:
    """The figures of a table."""
    return tuple(f"automl-{table}{_of(tool)}{ending}" for tool in TOOLS for ending in ("", "-seconds"))


def _of(tool: str) -> str:
    return "" if tool == "flaml" else f"-{tool}"


def figures(table: str, n: int | None) -> Iterator[Figure]:
    """A table with `n` seeds (3), the sides in another order for each."""
    python, seconds = os.environ.get("AUTOML_PYTHON"), float(os.environ.get("SECONDS", "30"))
    if python is None:
        raise Unexpected("set AUTOML_PYTHON to a Python with `flaml[automl]` and `autogluon.tabular`")
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in ("ours", *TOOLS)}
    for seed in range(1, (n or 3) + 1):
        with tempfile.TemporaryDirectory() as name:
            project = _prepared(Path(name), table, seed, seconds)
            sides = list(found)
            for side in sides[seed % 3 :] + sides[: seed % 3]:
                one = _ours(project, table) if side == "ours" else _peer(python, side, project, seconds, seed)
                sys.stderr.write(f"{table} seed {seed} {side}: {json.dumps(one)}\n")
                found[side].append(one)
    for tool in TOOLS:
        yield from _figures(f"automl-{table}{_of(tool)}", found["ours"], found[tool])


def _figures(name: str, ours: list[dict[str, Any]], peer: list[dict[str, Any]]) -> Iterator[Figure]:
    """The mean AUC of both over the seeds where both ended, and the median seconds."""
    both = [(one, other) for one, other in zip(ours, peer, strict=True) if one["auc"] is not None and other["auc"] is not None]
    if not both:
        raise Unexpected(f"{name}: the peer gave no model for any seed")
    mine, theirs = [one["auc"] for one, _ in both], [other["auc"] for _, other in both]
    mean, base = statistics.fmean(mine), statistics.fmean(theirs)
    spread = (max(mine) - min(mine)) / mean
    yield Figure(name, mean, base, mean / base, BELOW, mean >= base - BELOW, len(both), spread, unit="")
    took, given = (statistics.median(side[place]["seconds"] for side in both) for place in (0, 1))
    yield Figure(f"{name}-seconds", took, given, took / given, 1.0, took <= given, len(both), 0.0)


def _prepared(folder: Path, table: str, seed: int, seconds: float) -> Path:
    """A project whose rows are split and whose features are made, and the parts as files for the peers."""
    (folder / "data").mkdir()
    (folder / "mlspec.toml").write_text("")
    run((sys.executable, "-m", "benchmarks.peers.automl_data", table, folder / "data/rows.parquet"), cwd=ROOT)
    text = (SPECS / f"{table}.mlspec").read_text()
    text = re.sub(r"seed = \d+", f"seed = {seed}", text)
    (folder / f"{table}.mlspec").write_text(re.sub(r"time_limit = \w+", f"time_limit = {SHARE[table] * seconds:.0f}s", text))
    run((MLSPEC, "run", f"{table}.mlspec", "--only", "majority-fit"), cwd=folder)
    run((sys.executable, PEERS / "automl_parts.py", folder))
    return folder


def _ours(project: Path, table: str) -> dict[str, Any]:
    """The search stage as a process of its own, imports and start included; then the gates, which are not timed."""
    used = run((MLSPEC, "run", f"{table}.mlspec", "--only", "tune-search", "-j", "2"), cwd=project)
    run((MLSPEC, "run", f"{table}.mlspec", "--only", "judged-evaluate"), cwd=project)
    best = json.loads(next(project.glob(".mlspec/store/artifacts/*/study.json")).read_text())["best"]
    said = run((sys.executable, PEERS / "automl_parts.py", project, "auc")).said
    return {"seconds": used.wall, "cpu": used.cpu, "auc": float(said), "chosen": best["family"]}


def _peer(python: str, tool: str, project: Path, seconds: float, seed: int) -> dict[str, Any]:
    """A peer in its own Python, without its imports; one that takes far longer than it was given is ended and has no AUC."""
    command = (
        python,
        PEERS / "automl.py",
        tool,
        project / "train.parquet",
        project / "holdout.parquet",
        str(seconds),
        str(seed),
    )
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [str(part) for part in command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        before = _children()
        try:
            said, _ = process.communicate(timeout=OVERRUN * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return {"seconds": OVERRUN * seconds, "auc": None, "chosen": f"ended after {OVERRUN} times its seconds"}
    last = said.strip().rpartition("\n")[2]
    if process.returncode or not last.startswith("{"):
        raise Unexpected(f"{tool} gave {process.returncode}:\n{said[-2000:]}")
    found: dict[str, Any] = json.loads(last)
    return {**found, "cpu": _children() - before}


def _children() -> float:
    """The CPU seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
