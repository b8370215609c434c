"""Trials that find their rounds: fits that go on, bars over rounds, and the same study however it was run; intervals over folds."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from test_search_study import LINEAR, search, search_config, small_inputs

from mlspec.catalogue.rounds import ROUNDS, fixed_rounds
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators import build_estimator, fit_estimator, predict
from mlspec.runtime.estimators.fit import one_thread, quiet
from mlspec.runtime.estimators.rounds import open_rounds_fit
from mlspec.runtime.package import load_package
from mlspec.runtime.report.search_part import search_part
from mlspec.runtime.search.constraints import Constraint, FoldMeans
from mlspec.runtime.search.goal import Aim
from mlspec.runtime.search.pruning import bars
from mlspec.runtime.search.space import Rounds
from mlspec.runtime.search.trials import Trial, read_trial
from mlspec.runtime.transform.target import Target

AUC = Aim("auc", "maximize")
PARTIAL = {"lightgbm": {"subsample": 0.7, "subsample_freq": 1}, "xgboost": {"subsample": 0.7}}


def rows(task: str) -> tuple[tuple[np.ndarray, Target], tuple[np.ndarray, Target]]:
    generator = np.random.default_rng(3)
    x = generator.normal(size=(240, 4))
    z = x[:, 0] + x[:, 1] * x[:, 2] + generator.normal(size=240) / 2
    y = {"binary": z > 0, "multiclass": np.digitize(z, [-1, 1]), "regression": z}[task].astype(float)
    classes = {"binary": 2, "multiclass": 3, "regression": 0}[task]
    return (x[:160], Target(task, y[:160], classes)), (x[160:], Target(task, y[160:], classes))


@pytest.mark.parametrize("name", sorted(ROUNDS))
def test_a_fit_that_stood_still_has_the_trees_of_one_that_did_not(name):
    params = {**PARTIAL.get(name.partition(".")[0], {}), "max_depth": 3}
    for task in ("regression",) if name.endswith("Regressor") else ("binary", "multiclass"):
        fitting, judging = rows(task)
        with one_thread(), quiet():
            going_on = open_rounds_fit(name, params, 12, 5, fitting, judging, "tune.boost")
            for rounds in (2, 3, 7):
                going_on.advance(rounds)
                alone = build_estimator(name, {**params, **fixed_rounds(name, rounds)}, 5)
                fit_estimator(alone, *fitting)
                assert np.array_equal(going_on.scores(), predict(alone, *judging))
            going_on.close()


def test_what_a_library_refuses_is_said_where_the_fit_is_waited_for():
    fitting, judging = rows("binary")
    refused = open_rounds_fit("xgboost.XGBClassifier", {"subsample": 2.0}, 12, 5, fitting, judging, "tune.boost")
    with pytest.raises(StageError, match="could not be fitted"):
        refused.advance(2)
    refused.close()


def family(name: str, estimator: str, most: int, **space) -> dict:
    return {
        "name": name, "estimator": estimator, "params": {"max_depth": 3}, "space": space,
        "rounds": {"parameter": ROUNDS[estimator], "most": most, "first": 2, "patience": 3},
    }  # fmt: skip


RATE = {"dist": "loguniform", "low": 0.05, "high": 1.0}
FAMILIES = [
    family("leaves", "lightgbm.LGBMClassifier", 40, learning_rate=RATE),
    family("binned", "sklearn.HistGradientBoostingClassifier", 20, learning_rate=RATE),
    LINEAR,
]


def rounds_config(features, **changes) -> dict:
    asked = {
        "engine": {"name": "optuna", "algorithm": "tpe"},
        "families": FAMILIES,
        "trials": 12,
        "pruner": {"name": "asha", "factor": 3},
    }
    return search_config(features, **(asked | changes))


def test_a_study_over_rounds_is_the_same_for_any_number_of_workers_and_wherever_it_was_cut(tmp_path):
    inputs, features = small_inputs(tmp_path)
    study, whole = search(tmp_path / "whole", rounds_config(features), inputs, workers=3)
    found = {name: [trial for trial in study["trials"] if trial["family"] == name] for name in ("leaves", "binned", "linear")}
    boosted = found["leaves"] + found["binned"]
    assert {trial["state"] for trial in boosted} == {"complete", "pruned"}
    assert not any("curve" in trial for trial in found["linear"])
    for trial in boosted:
        kept = trial["params"].get("n_estimators", trial["params"].get("max_iter"))
        assert max(trial["curve"], key=lambda point: (point[1], -point[0])) == [kept, trial["value"]]
        assert len(trial["folds"]) == 3
        assert read_trial(trial).to_json() == trial
    best = study["best"]
    assert best["family"] in ("leaves", "binned")
    package = load_package(whole / "package").manifest.estimator["params"]
    assert package.items() >= best["params"].items()
    (entry,) = search_part(SimpleNamespace(study={"tune": study}))
    assert [str(entry["courses"]).count(f"trial {trial['number']}, ") for trial in boosted] == [2] * len(
        boosted
    )  # line and dot
    assert f"after {best['curve'][-1][0]} rounds" in str(entry["courses"])

    search(tmp_path / "cut", rounds_config(features, trials=6), inputs, workers=1)
    (journal,) = (tmp_path / "cut" / "resume").rglob("study.journal")
    torn = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(torn[:4]) + torn[4][:40])  # as a kill leaves it: what was running is not there
    _, resumed = search(tmp_path / "cut", rounds_config(features), inputs, workers=2)
    assert files.sha256_files(resumed) == files.sha256_files(whole)


def test_a_trial_that_is_out_of_time_ends_at_its_next_judgement(tmp_path):
    inputs, features = small_inputs(tmp_path)
    config = rounds_config(features, families=FAMILIES[:1], time_limit=1e-3, parallel=1, pruner=None)
    study, _ = search(tmp_path, config, inputs)
    assert [trial["curve"][-1][0] for trial in study["trials"]] == [2]
    assert (study["ended"], study["reproducible"], study["best"]["params"]["n_estimators"]) == ("time_limit", False, 2)
    last, _ = search(tmp_path / "last", config | {"trials": 1}, inputs)  # no trial is missing, and yet the clock decided
    assert (last["ended"], last["reproducible"], len(last["trials"])) == ("time_limit", False, 1)
    (journal,) = (tmp_path / "last" / "resume").rglob("study.journal")
    journal.write_bytes(b"".join(line for line in journal.read_bytes().splitlines(keepends=True) if b'"end"' not in line))
    again, _ = search(tmp_path / "last", config | {"trials": 1}, inputs)  # as a kill right after the trial leaves it
    assert again == last


def boosted(number: int, *curve: tuple[int, float], state: str = "complete") -> Trial:
    return Trial(number, "boost", {}, state, (0.5,), max(value for _, value in curve), curve=curve)


# Rounds 2, 3, 4, 5, 7, 9, 12, 15, 19, 20: judged after 2, then after each quarter more.
HISTORY = [
    boosted(1, (2, 0.6), (7, 0.7)),
    boosted(2, (2, 0.5), state="pruned"),
    boosted(3, (2, 0.7), (7, 0.6), (19, 0.8)),
    Trial(4, "linear", {}, "complete", (0.9, 0.9), 0.9),
    boosted(5, (2, 0.4), (7, 0.9), (19, 0.5)),
]
BARS = [
    ({"name": "asha", "factor": 2}, {2: -0.6, 4: -0.6, 9: -0.7, 19: -0.8}),
    ({"name": "asha", "factor": 3}, {2: -0.7, 7: -0.9, 19: -0.9}),
    ({"name": "halving", "factor": 3, "warmup": 1}, {4: -0.7, 12: -0.9}),
    ({"name": "median", "startup": 4, "warmup": 4}, {9: -0.7, 12: -0.7, 15: -0.7, 19: -0.8, 20: -0.8}),
    ({"name": "median", "startup": 9, "warmup": 0}, {}),
    (None, {}),
]


@pytest.mark.parametrize(("config", "expected"), BARS, ids=lambda part: json.dumps(part)[:40])
def test_bars_are_what_earlier_trials_reached_after_as_many_rounds(config, expected):
    history = HISTORY if config != BARS[3][0] else [trial for trial in HISTORY if trial.number != 4]
    found = bars(config, 6, history, AUC, Rounds("n_estimators", 20, 2, 3))
    if config is not None and config.get("startup") == 4:
        assert found == {}  # three complete trials are fewer than four
        found = bars({**config, "startup": 3}, 6, history, AUC, Rounds("n_estimators", 20, 2, 3))
    assert found == expected


def test_brackets_of_hyperband_begin_at_different_rounds():
    rounds = Rounds("n_estimators", 20, 2, 3)
    history = [boosted(number, *((point, 0.5 + number / 100) for point in rounds.points())) for number in range(1, 40)]
    firsts = [min(bars({"name": "hyperband", "factor": 3}, number, history, AUC, rounds)) for number in range(40, 49)]
    assert set(firsts) == {2, 7, 19}


def test_an_interval_over_folds_is_the_corrected_resampled_t():
    found = FoldMeans({"auc": (0.8, 0.82, 0.84), "recall": (0.5, 0.5, 0.5)}, 0.95, 0.5)
    # t with 2 degrees of freedom at 97.5 % is 4.302653; s = 0.02; s² (1/3 + 1/2).
    half = 4.302652729911275 * 0.02 * math.sqrt(1 / 3 + 1 / 2)
    auc = ["metric", "auc", ["ambient", "trial"], {}]
    recall = ["metric", "recall", ["ambient", "trial"], {}]

    def violation(name: str, inner: list, least: float) -> float:
        return Constraint("c", ["call", ">=", [["call", name, [inner], {}], ["lit", least]], {}]).violation(found)

    assert violation("lower", auc, 0.75) == pytest.approx(0.75 - (0.82 - half))
    assert violation("upper", auc, 0.75) == pytest.approx(0.75 - (0.82 + half))
    assert violation("lower", recall, 0.5) == 0.0
    both = ["call", "-", [auc, recall], {}]
    assert violation("lower", both, 0.3) == pytest.approx(0.3 - (0.32 - half))
    alone = FoldMeans({"auc": (0.8,)}, 0.95, 0.5)  # of a trial that was pruned after one fold
    assert Constraint("c", ["call", ">=", [["call", "lower", [auc], {}], ["lit", 0.7]], {}]).violation(alone) < 0


def test_a_search_may_demand_a_lower_bound(tmp_path):
    inputs, features = small_inputs(tmp_path)
    auc = ["metric", "auc", ["ambient", "trial"], {}]
    asked = {"name": "sure", "expression": ["call", ">=", [["call", "lower", [auc], {}], ["lit", 0.5]], {}]}
    study, _ = search(tmp_path / "a", search_config(features, trials=6, constraints=[asked], confidence=0.9), inputs)
    held = [trial for trial in study["trials"] if trial["violations"]["sure"] <= 0]
    assert study["best"] in held
    never = {"name": "sure", "expression": ["call", ">=", [["call", "lower", [auc], {}], ["lit", 0.999]], {}]}
    with pytest.raises(StageError, match="keeps its constraints"):
        search(tmp_path / "b", search_config(features, trials=3, constraints=[never], confidence=0.9), inputs)
