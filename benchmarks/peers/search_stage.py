"""Ours: the search stage alone, on the inputs that a run of the project left in its store: `python search_stage.py PROJECT`.

A scratch folder takes the place of the resume folder, so that every call searches from the first trial. It prints the CPU
seconds of the study's loop: those of this process, which suggests, schedules and journals, and those of the workers, which fit.

`--fits FILE` does not search: it writes which fits the project's search did, with rows and seeds, so that a peer can do the same.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from pathlib import Path

from mlspec.runtime.context import StageContext
from mlspec.runtime.estimators.build import SEED_LIMIT
from mlspec.runtime.search import run
from mlspec.runtime.search.folds import cv_folds
from mlspec.runtime.search.study import Study
from mlspec.runtime.search.trials import Trial
from mlspec.runtime.train.data import PartReader

STAGE = "tune-search"


def cpu() -> tuple[float, float]:
    """CPU seconds so far, of this process and of the children that it waited for."""
    found = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own, children = (usage.ru_utime + usage.ru_stime for usage in found)
    return own, children


def measured(study: Study, folder: Path, workers: int) -> list[Trial]:
    """The study's loop between two readings of the clock."""
    before = cpu()
    trials = LOOP(study, folder, workers)
    own, children = (end - start for end, start in zip(cpu(), before, strict=True))
    print(own, children)
    return trials


LOOP = Study.run


def fits(context: StageContext, study: Path) -> dict[str, object]:
    """Rows of the part, the folds as places among them, and the trials with the seed of each fit."""
    reader, part = PartReader(context), context.config["part"]
    folds = cv_folds(reader, reader.learning(part), part, context.config["cv"], context.seed("folds"))
    trials = [
        {
            "family": trial["family"], "params": trial["params"],
            "seeds": [context.seed("fit", trial=trial["number"], fold=fold) % SEED_LIMIT for fold in range(len(folds))],
            "refit_seed": context.seed("fit", trial=trial["number"]) % SEED_LIMIT,
        }
        for trial in json.loads(study.read_text())["trials"]
    ]  # fmt: skip
    places = [[fitting.tolist(), judging.tolist()] for fitting, judging in folds]
    return {"rows": reader.rows_of(part).tolist(), "folds": places, "trials": trials}


def main() -> None:
    """Search again, or write the fits of the search."""
    project = Path(sys.argv[1])
    newest = max(project.glob(".mlspec/runs/*/summary.json"))
    made = json.loads(newest.read_text())["stages"]
    stage = json.loads((newest.parent / "plan.json").read_text())["stages"][STAGE]
    artifacts = project / ".mlspec/store/artifacts"
    inputs = {}
    for name, source in stage["inputs"].items():
        upstream, _, output = source.rpartition("/")
        inputs[name] = artifacts / made[upstream]["outputs"][output]["digest"]
    setattr(Study, "run", measured)  # noqa: B010 - a method is replaced, which mypy refuses as an assignment
    with tempfile.TemporaryDirectory() as scratch:
        context = StageContext(
            stage_id=STAGE, kind="search", block=stage["block"], config=stage["config"], project_root=project,
            input_folders=inputs, output_root=Path(scratch) / "out", resume_root=Path(scratch) / "resume", workers=2,
        )  # fmt: skip
        if sys.argv[2:3] == ["--fits"]:
            study = artifacts / made[STAGE]["outputs"]["study"]["digest"] / "study.json"
            Path(sys.argv[3]).write_text(json.dumps(fits(context, study)))
        else:
            run(context)


if __name__ == "__main__":
    main()
