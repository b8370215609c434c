"""The search stage: the same study for any number of workers, killed or not; failures, limits, every engine."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from package_tables import HALF, SCALE, feature, stage_inputs

from mlspec.runtime import files
from mlspec.runtime.context import derive_seed
from mlspec.runtime.errors import StageError
from mlspec.runtime.package import load_package
from mlspec.runtime.search import run
from mlspec.runtime.search.goal import Aim, Goal
from mlspec.runtime.search.study import Study
from mlspec.runtime.search.trials import Suggestion, Trial
from mlspec.runtime.search.workers import Outcome
from tests.support.stages import run_stage_function

LABEL = {"column": "y", "task": "binary", "classes": ["no", "yes"], "positive": "yes", "favourable": "yes", "type": "category"}
LINEAR = {
    "name": "linear", "estimator": "sklearn.LogisticRegression", "params": {},
    "space": {"C": {"dist": "loguniform", "low": 1e-3, "high": 1e2}},
}  # fmt: skip
TREE = {
    "name": "tree", "estimator": "sklearn.DecisionTreeClassifier", "params": {"criterion": "gini"},
    "space": {
        "max_depth": {"dist": "int", "low": 1, "high": 6},
        "min_samples_leaf": {"dist": "logint", "low": 1, "high": 40},
        "splitter": {"dist": "choice", "values": ["best", "random"]},
    },
}  # fmt: skip
BROKEN = {
    "name": "broken", "estimator": "sklearn.LogisticRegression", "params": {"C": -1.0},
    "space": {"tol": {"dist": "uniform", "low": 1e-5, "high": 1e-3}},
}  # fmt: skip


def small_inputs(tmp_path: Path) -> tuple[dict[str, Path], list[dict]]:
    generator = np.random.default_rng(2)
    x = generator.normal(size=(300, 3))
    y = x[:, 0] + x[:, 1] ** 2 + generator.normal(size=300) > 0.8
    kinds = generator.choice(["a", "b", "c"], size=300)
    columns = {
        "x0": pa.array(x[:, 0]), "x1": pa.array(x[:, 1]), "kind": pa.array(kinds), "team": pa.array(np.arange(300) % 40),
        "y": pa.array(np.where(y, "yes", "no")),
    }  # fmt: skip
    descriptors = [
        {"name": "x0", "type": "float", "optional": False},
        {"name": "x1", "type": "float", "optional": False},
        {"name": "kind", "type": "category", "optional": False},
        {"name": "team", "type": "int", "optional": False},
        {"name": "y", "type": "category", "optional": False, "values": ["no", "yes"]},
    ]
    features = [
        feature("x0", "float", SCALE), feature("x1", "float"),
        feature("risk", "category", {"op": "target_rate", "smoothing": 5.0, "folds": 5}, value=["col", "kind", "category"]),
    ]  # fmt: skip
    parts = {"train": [row for row in range(300) if row % 4], "holdout": [row for row in range(300) if not row % 4]}
    return stage_inputs(tmp_path, columns, descriptors, features, parts), features


def search_config(features, **changes) -> dict:
    config = {
        "name": "tune", "features": features, "label": LABEL, "part": "train", "group": None, "seed": 7, "calibrate": None,
        "threshold": HALF, "unknown": "encode", "cv": {"method": "folds", "folds": 3, "stratify": "y"},
        "engine": {"name": "hyperopt", "algorithm": "tpe"}, "objective": {"metric": "auc", "direction": "maximize"}, "trials": 14,
        "parallel": 4, "time_limit": None, "pruner": None, "families": [LINEAR, TREE],
    }  # fmt: skip
    return config | changes


def search(tmp_path, config, inputs, *, workers=2, block="tune") -> tuple[dict, Path]:
    out = run_stage_function(run, tmp_path, "search", config, inputs, block=block, workers=workers)
    return json.loads((out / "study" / "study.json").read_bytes()), out


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_inputs(tmp_path_factory.mktemp("small"))


@pytest.mark.parametrize(
    "engine",
    [
        {"name": "hyperopt", "algorithm": "tpe"},
        {"name": "hyperopt", "algorithm": "random"},
        {"name": "hyperopt", "algorithm": "anneal"},
        {"name": "optuna", "algorithm": "tpe"},
        {"name": "optuna", "algorithm": "random"},
        {"name": "random"},
        {"name": "grid", "points": 2},
    ],
    ids=lambda engine: "-".join(str(value) for value in engine.values()),
)
def test_a_study_is_the_same_for_any_number_of_workers(tmp_path, small, engine):
    inputs, features = small
    config = search_config(features, engine=engine)
    found = []
    for workers in (1, 3):
        study, out = search(tmp_path / str(workers), config, inputs, workers=workers)
        found.append((files.sha256_files(out / "study"), files.sha256_files(out / "package")))
    assert found[0] == found[1]
    trials = study["trials"]
    assert len({json.dumps([trial["family"], trial["params"]]) for trial in trials}) > len(trials) // 2
    assert all(trial["state"] == "complete" and len(trial["folds"]) == 3 for trial in trials)
    best = max(trials, key=lambda trial: (trial["value"], -trial["number"]))
    assert study["best"] == best
    assert load_package(out / "package").manifest.estimator["params"].items() >= best["params"].items()
    assert 0 <= study["importance"][-1]["importance"] <= study["importance"][0]["importance"] <= 1


def test_more_trials_go_on_from_the_same_study(tmp_path, small):
    inputs, features = small
    first, _ = search(tmp_path, search_config(features, trials=9), inputs)
    journal = next((tmp_path / "resume").rglob("study.journal"))
    before = journal.read_bytes()
    more, _ = search(tmp_path, search_config(features, trials=12), inputs)
    assert journal.read_bytes().startswith(before)
    fresh, _ = search(tmp_path / "fresh", search_config(features, trials=12), inputs)
    assert more["trials"] == fresh["trials"]
    assert more["trials"][:9] == first["trials"]


def test_a_lag_of_one_reads_every_trial_before(tmp_path, small):
    inputs, features = small
    alone, _ = search(tmp_path / "one", search_config(features, parallel=1, trials=16), inputs)
    four, _ = search(tmp_path / "four", search_config(features, parallel=4, trials=16), inputs)
    # The first ten are random draws of each trial's own seed; then what the history held makes the difference.
    assert [trial["params"] for trial in alone["trials"][:10]] == [trial["params"] for trial in four["trials"][:10]]
    assert [trial["params"] for trial in alone["trials"][11:]] != [trial["params"] for trial in four["trials"][11:]]


def test_a_study_killed_at_any_moment_ends_the_same(tmp_path, small):
    inputs, features = small
    config = search_config(features, trials=20, engine={"name": "optuna", "algorithm": "tpe"})
    _, whole = search(tmp_path / "whole", config, inputs)
    seen = set()
    for trials in (2, 9, 15):
        process = multiprocessing.get_context("fork").Process(target=search, args=(tmp_path / "cut", config, inputs))
        process.start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.is_alive():
            journals = list((tmp_path / "cut" / "resume").rglob("study.journal"))
            if journals and journals[0].read_bytes().count(b'"kind":"trial"') >= trials:
                break
            time.sleep(0.002)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        seen.add(journals[0].read_bytes().count(b'"kind":"trial"'))
    assert len(seen) == 3
    with journals[0].open("ab") as file:
        file.write(b'0123456789abcdef {"kind":"tri')  # a line torn by the crash
    _, resumed = search(tmp_path / "cut", config, inputs)
    assert files.sha256_files(resumed) == files.sha256_files(whole)


def test_a_trial_that_cannot_be_fitted_is_recorded_and_the_rest_goes_on(tmp_path, small):
    inputs, features = small
    study, _ = search(tmp_path, search_config(features, families=[BROKEN, LINEAR], engine={"name": "random"}), inputs)
    failed = [trial for trial in study["trials"] if trial["family"] == "broken"]
    assert failed
    assert len(failed) == study["failed"]
    assert all(trial["state"] == "failed" and trial["value"] is None and "MLS814" in trial["reason"] for trial in failed)
    assert study["best"]["family"] == "linear"


def killed_at(number: int, times: int, marks: Path):
    """`judge_fold`, whose worker is killed with SIGKILL at the last fold of one trial, the first `times` times."""
    from mlspec.runtime.search import stage

    whole = stage.judge_fold
    fatal = derive_seed(7, "tune", "fit", trial=number, fold=2)
    marks.mkdir(parents=True, exist_ok=True)

    def killed(family, params, fold, measures, seed, where):
        if seed == fatal and len(list(marks.iterdir())) < times:
            (marks / str(time.monotonic_ns())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(family, params, fold, measures, seed, where)

    return killed


def test_a_killed_worker_changes_nothing(tmp_path, small, monkeypatch):
    inputs, features = small
    config = search_config(features, trials=9, engine={"name": "optuna", "algorithm": "tpe"})
    _, whole = search(tmp_path / "whole", config, inputs)
    for number in (1, 3, 9):
        marks = tmp_path / f"marks-{number}"
        with monkeypatch.context() as patch:
            patch.setattr("mlspec.runtime.search.stage.judge_fold", killed_at(number, 1, marks))
            _, out = search(tmp_path / f"killed-{number}", config, inputs, workers=3)
        assert len(list(marks.iterdir())) == 1
        assert files.sha256_files(out) == files.sha256_files(whole)


def test_a_trial_that_is_killed_twice_stops_the_search_and_is_tried_again_by_the_next_run(tmp_path, small, monkeypatch):
    inputs, features = small
    config = search_config(features, trials=6)
    _, whole = search(tmp_path / "whole", config, inputs)
    marks = tmp_path / "marks"
    monkeypatch.setattr("mlspec.runtime.search.stage.judge_fold", killed_at(3, 2, marks))
    with pytest.raises(StageError) as caught:
        search(tmp_path / "cut", config, inputs)
    assert (caught.value.code, caught.value.where.partition(".")[0]) == ("MLS810", "tune")
    assert "SIGKILL" in caught.value.found
    journal = next((tmp_path / "cut").rglob("study.journal")).read_bytes()
    assert b'"number":3' not in journal
    assert not multiprocessing.active_children()
    _, out = search(tmp_path / "cut", config, inputs)
    assert files.sha256_files(out) == files.sha256_files(whole)


def test_memory_is_no_property_of_a_trial(tmp_path, small, monkeypatch):
    def full(*given):
        raise MemoryError

    inputs, features = small
    monkeypatch.setattr("mlspec.runtime.search.stage.judge_fold", full)
    with pytest.raises(StageError, match="ran out of memory") as caught:
        search(tmp_path, search_config(features, trials=3), inputs)
    assert caught.value.code == "MLS810"


MOST = Goal((Aim("auc", "maximize"),), ("auc",))
LEAST = Goal((Aim("loss", "minimize"),), ("loss",))


class FakePool:
    """Workers without processes: the last started one answers first, and `lost` says for which trial and fold one is lost once."""

    def __init__(self, limit: int, lost: set[tuple[int, int]] = frozenset()) -> None:
        self.limit, self.lost = limit, set(lost)
        self.running: dict[int, list] = {}
        self.started: list[tuple[int, list[int]]] = []
        self.judged: list[tuple[int, int, int]] = []

    free = property(lambda self: len(self.running) < self.limit)

    def __len__(self) -> int:
        return len(self.running)

    def start(self, trial: int, work, fold: int) -> None:
        self.running[len(self.started)] = [trial, work, fold]
        self.started.append((trial, sorted(other for other, _, _ in self.running.values())))

    def next_outcome(self) -> Outcome:
        worker = max(self.running)
        trial, work, fold = self.running[worker]
        if (trial, fold) in self.lost:
            self.lost.remove((trial, fold))
            del self.running[worker]
            return Outcome(worker, trial, fold, reason="killed", lost=True)
        self.judged.append((worker, trial, fold))
        value = work(fold)
        return Outcome(worker, trial, fold, None if value is None else [value], "no value")

    def give(self, worker: int, fold: int) -> None:
        self.running[worker][2] = fold

    def dismiss(self, worker: int) -> None:
        del self.running[worker]

    def stop(self) -> None:
        self.running.clear()


class Counting:
    """An engine that suggests the trial's number."""

    def suggest(self, number, history, again=0):
        return Suggestion("only", {"x": number})


def fake_study(
    folder: Path, pool: FakePool, judge=lambda number, suggestion, fold: 10.0 * number + fold, **changes
) -> list[Trial]:
    given = {"key": "key", "trials": 6, "folds": 3, "parallel": 3, "goal": MOST, "engine": Counting(), "judge": judge,
             "pruner": lambda number, history: None, "report": lambda done, note: None}  # fmt: skip
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlspec.runtime.search.study.Workers", lambda limit: pool)
        return Study(**(given | changes)).run(folder, pool.limit)


def test_a_lost_trial_runs_alone(tmp_path):
    pool = FakePool(3, lost={(2, 0), (3, 2)})
    trials = fake_study(tmp_path, pool)
    assert [trial.folds for trial in trials] == [
        (10.0 * number, 10.0 * number + 1, 10.0 * number + 2) for number in range(1, 7)
    ]
    again = pool.started.index((2, [2]))
    assert (3, [3]) in pool.started[again:]
    assert max(len(running) for _, running in pool.started[again:]) > 1
    together = FakePool(2, lost={(1, 0), (1, 1)})
    (trial,) = fake_study(tmp_path / "together", together, trials=1)
    assert trial.folds == (10.0, 11.0, 12.0)
    assert [worker for worker, _, _ in together.judged] == [2, 2, 2]
    with pytest.raises(StageError, match="trial 2 of the search was stopped twice"):
        pool = FakePool(3, lost={(2, 0)})
        start = pool.start

        def lose_again(trial, work, fold):
            start(trial, work, fold)
            if pool.started[-1] == (2, [2]):
                pool.lost.add((2, fold))

        pool.start = lose_again
        fake_study(tmp_path / "again", pool)


def test_idle_workers_take_folds_of_a_running_trial(tmp_path):
    pool = FakePool(4)
    trials = fake_study(tmp_path, pool, trials=1, folds=8)
    assert trials[0].folds == tuple(10.0 + fold for fold in range(8))
    assert len({worker for worker, _, _ in pool.judged}) == 4
    pruned = FakePool(4)
    (trial,) = fake_study(
        tmp_path / "pruned", pruned, trials=1, folds=8, pruner=lambda number, history: lambda values: len(values) == 3
    )
    assert (trial.state, trial.folds) == ("pruned", (10.0, 11.0, 12.0))
    assert [fold for _, _, fold in pruned.judged] == [0, 1, 2]  # one after the other: each decides about the next


def test_the_first_fold_that_fails_is_the_reason_however_many_workers_there_are(tmp_path):
    def judge(number, suggestion, fold):
        return None if fold in (2, 3) else float(fold)

    found = []
    for workers in (1, 2, 4):
        pool = FakePool(workers, lost={(1, 2)} if workers == 4 else set())
        found.append(fake_study(tmp_path / str(workers), pool, judge, trials=1, folds=6))
    assert found[0] == found[1] == found[2]
    assert (found[0][0].state, found[0][0].folds, found[0][0].reason) == ("failed", (0.0, 1.0), "fold 3: no value")


def test_no_usable_trial_lists_the_reasons(tmp_path, small):
    inputs, features = small
    with pytest.raises(StageError) as caught:
        search(tmp_path, search_config(features, families=[BROKEN], trials=3), inputs)
    assert caught.value.code == "MLS814"
    assert caught.value.examples


def test_a_time_limit_ends_between_trials_and_stays_ended(tmp_path, small):
    inputs, features = small
    config = search_config(features, time_limit=1e-3, parallel=1)
    study, _ = search(tmp_path, config, inputs)
    assert (study["ended"], study["reproducible"], len(study["trials"])) == ("time_limit", False, 1)
    again, _ = search(tmp_path, config, inputs)
    assert again == study


def test_what_starts_from_a_study_that_a_clock_ended_is_as_little_reproducible(tmp_path, small):
    inputs, features = small
    _, cut = search(tmp_path / "cut", search_config(features, time_limit=1e-3, parallel=1), inputs)
    study, _ = search(tmp_path / "warm", search_config(features, trials=2), {**inputs, "warm": cut / "study"})
    assert (study["ended"], study["reproducible"]) == (None, False)


def test_pruned_trials_stop_early_and_are_not_best(tmp_path, small):
    inputs, features = small
    stump = {**TREE, "space": {"max_depth": {"dist": "choice", "values": [1, 6]}}}
    for pruner in ({"name": "median", "startup": 4, "warmup": 0}, {"name": "halving", "factor": 2, "warmup": 0}):
        study, _ = search(
            tmp_path / pruner["name"], search_config(features, families=[LINEAR, stump], pruner=pruner, trials=20), inputs
        )
        states = [trial["state"] for trial in study["trials"]]
        assert "pruned" in states[4:]
        assert all((trial["state"] == "pruned") == (len(trial["folds"]) < 3) for trial in study["trials"])
        assert study["best"]["state"] == "complete"


def test_params_with_a_condition_apply_only_where_it_is_true(tmp_path, small):
    inputs, features = small
    forest = {
        "name": "forest", "estimator": "sklearn.RandomForestClassifier", "params": {"n_estimators": 3},
        "space": {
            "max_samples": {"dist": "uniform", "low": 0.5, "high": 1.0, "when": "bootstrap"},
            "bootstrap": {"dist": "choice", "values": [True, False]},
        },
    }  # fmt: skip
    for engine in ({"name": "hyperopt"}, {"name": "optuna"}, {"name": "random"}, {"name": "grid", "points": 3}):
        study, _ = search(tmp_path / engine["name"], search_config(features, families=[forest, LINEAR], engine=engine), inputs)
        tried = [trial["params"] for trial in study["trials"] if trial["family"] == "forest"]
        assert {params["bootstrap"] for params in tried} == {True, False}
        assert all(("max_samples" in params) == params["bootstrap"] for params in tried)


def test_a_model_based_engine_comes_nearer_than_chance(tmp_path):
    from mlspec.runtime.search.engines import open_engine
    from mlspec.runtime.search.space import read_families
    from mlspec.runtime.search.trials import COMPLETE, Trial

    space = {"a": {"dist": "uniform", "low": -4, "high": 4}, "b": {"dist": "loguniform", "low": 1e-3, "high": 1e3}}
    families = read_families([{"name": "bowl", "estimator": "none", "space": space}], "tune")

    def reached(engine: dict, seed: int) -> float:
        history: list[Trial] = []
        opened = open_engine(engine, families, LEAST, lambda number, again: seed * 1000 + number, "tune")
        for number in range(1, 46):
            params = opened.suggest(number, history).params
            value = (params["a"] - 1) ** 2 + np.log10(params["b"]) ** 2
            history.append(Trial(number, "bowl", params, COMPLETE, (value,), float(value)))
        return float(np.mean(sorted(trial.value for trial in history[20:])[:10]))

    chance = np.median([reached({"name": "random"}, seed) for seed in range(5)])
    for engine in ({"name": "hyperopt", "algorithm": "tpe"}, {"name": "optuna", "algorithm": "tpe"}):
        assert np.median([reached(engine, seed) for seed in range(5)]) < chance / 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"engine": {"name": "vizier"}}, "MLS901"),
        ({"pruner": {"name": "patience"}}, "MLS901"),
        ({"objective": {"metric": "rmse", "direction": "minimize"}}, "MLS209"),
        ({"cv": {"method": "folds", "folds": 400}}, "MLS816"),
        ({"families": [{**LINEAR, "params": {"alpha": 1}}]}, "MLS208"),
        ({"families": [{**LINEAR, "space": {"C": {"dist": "loguniform", "low": 0, "high": 1}}}]}, "MLS207"),
        ({"families": [{**LINEAR, "space": {"C": {"dist": "uniform", "low": 0.1, "high": 1, "when": "x"}}}]}, "MLS210"),
        ({"families": [{**LINEAR, "estimator": "os.system"}]}, "MLS101"),
    ],
)
def test_a_search_that_cannot_run_says_so(tmp_path, small, change, code):
    inputs, features = small
    with pytest.raises(StageError) as caught:
        search(tmp_path, search_config(features, **change), inputs)
    assert caught.value.code == code


def test_a_sampler_whose_library_is_missing_says_which_extra_has_it(tmp_path, small, monkeypatch):
    inputs, features = small
    monkeypatch.setitem(sys.modules, "cmaes", None)
    with pytest.raises(StageError, match="cmaes") as caught:
        search(tmp_path, search_config(features, engine={"name": "optuna", "algorithm": "cmaes"}), inputs)
    assert (caught.value.code, caught.value.help) == ("MLS812", 'run `pip install "mlspec-lang[hpo]"`')


def test_time_and_groups_on_real_flights(tmp_path):
    import pyarrow.parquet as pq
    from package_tables import ROOT

    data = pq.read_table(ROOT / "specs/data/flights.parquet").slice(0, 2000)
    kinds = {"scheduled_at": "timestamp", "carrier": "category", "dep_delay": "int", "arr_delay": "int"}
    columns = {name: data[name].combine_chunks() for name in kinds}
    descriptors = [{"name": name, "type": kind, "optional": False} for name, kind in kinds.items()]
    features = [feature("dep_delay", "int", SCALE), feature("carrier", "category", {"op": "onehot", "max": None})]
    inputs = stage_inputs(tmp_path, columns, descriptors, features, {"train": range(1500), "holdout": range(1500, 2000)})
    label = {"column": "arr_delay", "task": "regression", "classes": [], "positive": None, "favourable": None, "type": "int"}
    ridge = {
        "name": "ridge",
        "estimator": "sklearn.Ridge",
        "params": {},
        "space": {"alpha": {"dist": "loguniform", "low": 1e-3, "high": 1e3}},
    }
    boost = {
        "name": "boost", "estimator": "lightgbm.LGBMRegressor", "params": {"n_estimators": 20},
        "space": {"num_leaves": {"dist": "logint", "low": 4, "high": 32}},
    }  # fmt: skip
    config = search_config(
        features, label=label, threshold=None, families=[ridge, boost], trials=6, objective={"metric": "mae", "direction": "minimize"},
        cv={"method": "forward_chain", "folds": 4, "on": "scheduled_at", "gap": 3600.0}, engine={"name": "optuna", "algorithm": "tpe"},
    )  # fmt: skip
    study, out = search(tmp_path, config, inputs)
    sizes = [fold["fitting"] for fold in study["folds"]]
    assert sizes == sorted(sizes)
    assert study["best"]["value"] == min(trial["value"] for trial in study["trials"])
    assert load_package(out / "package").task == "regression"


def test_folds_that_do_not_fit_in_memory_lie_in_mapped_files(tmp_path, small, monkeypatch):
    from mlspec.runtime.search import fold_data, stage

    inputs, features = small
    config = search_config(features, trials=4)
    _, whole = search(tmp_path / "whole", config, inputs)
    made = []

    def mapped(*given):
        made.extend(fold_data.fold_data(*given, 0))
        assert len(list(given[-1].glob("*.f64"))) == 6
        return made

    monkeypatch.setattr(stage, "fold_data", mapped)
    _, out = search(tmp_path / "mapped", config, inputs)
    assert all(isinstance(fold.fitting.numbers, np.memmap) for fold in made)
    assert files.sha256_files(out) == files.sha256_files(whole)
    assert not list((tmp_path / "mapped").rglob("*.f64"))
