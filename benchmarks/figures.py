"""The table of figures: what each measures, against whom, and the goal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from benchmarks import automl, checking, compiling, editing, reviewing, running, training
from benchmarks.measure import Figure


@dataclass(frozen=True)
class Row:
    """One entry: `measure` yields a figure for each of `names`, of as many runs as it is given, or its own number."""

    names: tuple[str, ...]
    about: str
    peer: str
    goal: str
    needs: str
    measure: Callable[[int | None], Iterable[Figure]]


FIGURES = {
    "check-census": Row(
        ("check-census", "check-census-cached"),
        "CPU of `mlspec check` of the census spec, process start included, without and with the check cache",
        "`python -c pass`", "12 times", "mlspec", checking.census,
    ),
    "check-2000-lines": Row(
        ("check-2000-lines",), "wall time of `mlspec check` of a spec of 2,000 lines, process start included, without the cache",
        "none", "0.5 s", "mlspec", checking.two_thousand_lines,
    ),
    "diff-2000-lines": Row(
        ("diff-2000-lines",), "wall time of `mlspec diff` of two specs of 2,000 lines that differ in one line of a hundred, process start included",
        "none", "1 s", "mlspec", reviewing.diff_two_thousand_lines,
    ),
    "repository": Row(
        ("repository-1000", "repository-1000-again"),
        "`mlspec check` of a folder of 1,000 specs of 100 lines each: wall time without the cache; CPU of a second check with nothing changed",
        "none; reading and hashing the same files", "60 s; 5 times", "mlspec", reviewing.repository,
    ),
    "lsp-keystroke": Row(
        ("lsp-keystroke", "lsp-keystroke-broken", "lsp-keystroke-cpu"),
        "wall time from an edit that is sent to `mlspec lsp` to the findings that come back, 0.1 s after the last one, in a spec of 500 "
        "lines: a name that becomes another one; a bracket that is opened and closed; and the server's CPU for each of all these edits",
        "none", "0.05 s", "mlspec[lsp]", editing.keystroke,
    ),
    "rerun": Row(
        ("rerun",), "CPU of `mlspec run --env dev` with nothing changed: sources hashed, stored results verified, 0 stages run",
        "`python -c pass`", "25 times", "mlspec[all]", running.rerun,
    ),
    "ten-stages": Row(
        ("ten-stages",), "CPU of ten stages in a row that only write a file", "ten bare `python -c` that write one", "4 times",
        "mlspec[local]", running.ten_stages,
    ),
    "run-census": Row(
        ("run-census",), "wall time of `mlspec run` of the census spec in a fresh folder, its 30 s of load included",
        "a plain script with the same libraries, the same work and the same trials", "1.10 times plus 2 s", "mlspec[all]",
        running.against_script,
    ),
    "evaluate": Row(
        ("evaluate-cpu",), "CPU of `mlspec run` of the census spec and of a second run, to which an `evaluate` block was added", "the same two runs with nothing added",
        "1.03 times", "mlspec[all]", running.evaluation,
    ),
    "search": Row(
        ("search-wall", "search-cpu", "search-own-cpu"),
        "the search stage of the census spec: wall and CPU of its process; and the CPU that its loop uses itself, to suggest, "
        "schedule and journal, without imports, matrices and the final refit",
        "the same fits alone, in two processes of one thread each; for the loop, the CPU of its own workers",
        "1.10 times; the loop 0.02 of its workers", "mlspec[all]", running.search_against_fits,
    ),
    **{
        f"automl-{table}": Row(
            automl.names(table), f"the search that `docs/search.md` begins with, on {rows}: the AUC on the holdout, the mean over 3 seeds; and its seconds",
            "FLAML and AutoGluon on the same rows, given as many seconds", "0.002 below; the seconds 1.0 times",
            "mlspec[all,boost], AUTOML_PYTHON", partial(automl.figures, table),
        )
        for table, rows in automl.TABLES.items()
    },
    "training": Row(
        ("train-loader", "train-memory", "train-loader-cpu", "train-memory-cpu"),
        "wall and CPU time of the loop of a `train` stage over 48,842 census rows, with curves for TensorBoard and states to go on from, imports left out",
        "a bare loop of torch over a DataLoader, and one over tensors in memory, which log and save nothing", "1.05 times; 1.10 times",
        "mlspec[all,torch]", training.loops,
    ),
    "training-keras": Row(
        ("train-keras", "train-keras-cpu"),
        "wall and CPU time of the loop of a `train` stage with `framework = tensorflow`, over the same rows, with curves and states, compiling its step included",
        "Keras's own `fit` over arrays, which logs and saves nothing", "1.05 times", "mlspec[local,tensorflow], TENSORFLOW_PYTHON", training.keras,
    ),
    "package-load": Row(
        ("package-load", "package-load-cpu"), "wall and CPU time from nothing imported to a loaded package of a network, its digests checked, in a fresh process",
        "none", "0.3 s", "mlspec[all,torch]", training.package,
    ),
    "kfp-compile": Row(
        ("kfp-ten", "kfp-1000-wide", "kfp-1000-deep"),
        "CPU of compiling for KFP, process start included: `mlspec compile` of a spec of ten stages without the cache; 1,000 empty stages "
        "through `mlspec.graph`, all after one, and in a row",
        "`kfp dsl compile` of the same pipeline", "0.25 times; 0.12 times at 1,000", "mlspec[kfp]", compiling.kfp_compile,
    ),
    "kfp-growth": Row(
        ("kfp-growth-wide", "kfp-growth-deep"),
        "CPU of compiling 1,000 stages for KFP, process start and imports left out", "100 stages", "14.1 times, an exponent of 1.15",
        "mlspec", compiling.kfp_growth,
    ),
}  # fmt: skip
