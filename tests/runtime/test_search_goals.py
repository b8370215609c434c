"""What a study looks for and how it is suggested: objectives, constraints, limits, starts, budgets, every sampler and pruner.

The trials are judged by a formula in this process, so that a study takes milliseconds: what is tested is who tries what, and when.
"""

from __future__ import annotations

import math
import shutil
from importlib import import_module
from pathlib import Path

import pytest
from test_search_study import FakePool

from mlspec.runtime import files
from mlspec.runtime.context import derive_seed
from mlspec.runtime.errors import StageError
from mlspec.runtime.journal import read_journal
from mlspec.runtime.search.beginning import earlier_trials, starting_trials
from mlspec.runtime.search.budget import Budget
from mlspec.runtime.search.constraints import Constraint, read_constraints
from mlspec.runtime.search.engines import open_engine
from mlspec.runtime.search.goal import Aim, Goal
from mlspec.runtime.search.pruning import brackets, open_pruner
from mlspec.runtime.search.space import Dimension, read_families
from mlspec.runtime.search.study import Study, require_usable
from mlspec.runtime.search.trials import COMPLETE, Suggestion, Trial

FAMILIES = [
    {"name": "bowl", "estimator": "x.Bowl", "space": {
        "a": {"dist": "uniform", "low": -4, "high": 4}, "b": {"dist": "loguniform", "low": 1e-3, "high": 1e3},
    }},
    {"name": "tree", "estimator": "x.Tree", "space": {
        "deep": {"dist": "choice", "values": [True, False]}, "depth": {"dist": "logint", "low": 1, "high": 40, "when": "deep"},
        "size": {"dist": "int", "low": 1, "high": 9}, "noise": {"dist": "normal", "mean": 0.0, "std": 1.0},
    }},
]  # fmt: skip
METRIC = ["metric", "recall", "trial", {}]


def at_least(value: float, strict: bool = False) -> dict:
    return {"name": "found", "expression": ["call", ">" if strict else ">=", [METRIC, ["lit", value, "ratio"]], {}]}


ONE = Goal((Aim("auc", "maximize"),), ("auc",))
BOUND = Goal((Aim("auc", "maximize"),), ("auc", "recall"), read_constraints([at_least(0.4)], "tune"))
TWO = Goal((Aim("auc", "maximize"), Aim("learned_numbers", "minimize")), ("auc", "learned_numbers"), prefer={"name": "first"})


def judged(goal: Goal, suggestion: Suggestion, fold: int) -> list[float] | None:
    """A formula in place of a model: (auc, and what else is measured)."""
    params = suggestion.params
    if suggestion.family == "bowl":
        loss, size = (params["a"] - 1) ** 2 + math.log10(params["b"]) ** 2, 10.0 * abs(params["a"])
    else:
        loss, size = 3 + abs(params.get("depth", 9) - 6) / 4 + params["noise"] ** 2, float(params["size"])
    if size > 38:
        return None
    auc = 1 / (1 + loss) + 0.02 * math.sin(fold + loss)
    return [{"auc": auc, "recall": 1 - auc, "learned_numbers": size}[name] for name in goal.measures]


def seed(number: int, again: int) -> int:
    return derive_seed(3, "tune", "suggest", trial=number, epoch=again or None)


def study(folder: Path, engine: dict, goal: Goal = ONE, pruner: dict | None = None, workers: int = 3, **changes) -> Study:
    """A study that was run whole."""
    families = read_families(changes.pop("families", FAMILIES), "tune")
    starts = starting_trials(changes.pop("starts", ()), families, seed, "tune")
    opened = open_engine(engine, families, goal, seed, "tune", starts, changes.pop("earlier", ()))
    folder.mkdir(exist_ok=True, parents=True)
    made = Study(**({
        "key": "key", "trials": 40, "folds": 5, "parallel": 3, "goal": goal, "engine": opened,
        "judge": lambda number, suggestion, fold: judged(goal, suggestion, fold),
        "pruner": lambda number, history: open_pruner(pruner, number, history, goal.aims[0], 5), "report": lambda done, note: None,
        "open_pool": lambda limit: Pool(limit),
    } | changes))  # fmt: skip
    made.run(folder, workers)
    return made


class Pool(FakePool):
    """The pool of the other tests, whose folds give all measures at once."""

    def next_outcome(self):
        found = super().next_outcome()
        return found if found.values is None else type(found)(found.worker, found.trial, found.fold, found.values[0])


def trials(made: Study) -> list[dict]:
    return [made.finished[number].to_json() for number in sorted(made.finished) if number <= made.trials]


OPTUNA = [{"name": "optuna", "algorithm": name} for name in ("tpe", "random", "cmaes", "qmc")]
PLAIN = [*OPTUNA, *({"name": "hyperopt", "algorithm": name} for name in ("tpe", "random", "anneal")), {"name": "random"}]
SEVERAL = [{"name": "optuna", "algorithm": "nsga2", "population": 6}, {"name": "optuna", "algorithm": "tpe"}]
PRUNERS = [{"name": "median", "startup": 4, "warmup": 0}, {"name": "halving", "factor": 3, "warmup": 1},
           {"name": "asha", "factor": 2, "warmup": 0}, {"name": "hyperband", "factor": 2}]  # fmt: skip
STUDIES = [
    *((engine, ONE, None) for engine in PLAIN), *((OPTUNA[0], ONE, pruner) for pruner in PRUNERS),
    *((engine, BOUND, None) for engine in (OPTUNA[0], OPTUNA[2], PLAIN[4])), *((engine, TWO, None) for engine in SEVERAL),
    pytest.param({"name": "optuna", "algorithm": "gp"}, BOUND, None, marks=pytest.mark.slow),
    *(pytest.param(engine, BOUND, pruner, marks=pytest.mark.slow) for engine in PLAIN[1:] for pruner in PRUNERS),
]  # fmt: skip


def name_of(given) -> str:
    return (
        f"{len(given.aims)}-{len(given.constraints)}"
        if isinstance(given, Goal)
        else "-".join(map(str, (given or {"": "none"}).values()))
    )


@pytest.mark.parametrize(("engine", "goal", "pruner"), STUDIES, ids=name_of)
def test_a_study_is_the_same_however_many_work_on_it_and_wherever_it_was_cut(tmp_path, engine, goal, pruner):
    whole = study(tmp_path / "whole", engine, goal, pruner, trials=28)
    assert len(whole.finished) == 28
    assert len({str(trial.params) for trial in whole.finished.values()}) > 16
    assert trials(study(tmp_path / "alone", engine, goal, pruner, workers=1, trials=28)) == trials(whole)
    lines = (tmp_path / "whole" / "study.journal").read_bytes().splitlines(keepends=True)
    for cut in (3, 19):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "study.journal").write_bytes(b"".join(lines[:cut]) + lines[cut][:9])  # the last line torn, as by a kill
        assert trials(study(folder, engine, goal, pruner, workers=2, trials=28)) == trials(whole)
    assert trials(study(tmp_path / "19", engine, goal, pruner, trials=31))[:28] == trials(whole)


@pytest.mark.parametrize("engine", [OPTUNA[2], SEVERAL[0], {"name": "optuna", "algorithm": "qmc"}], ids=name_of)
def test_evolution_and_even_points_come_nearer_than_chance(tmp_path, engine):
    """With families and conditions: what Optuna's own samplers would draw at random, since not every trial has it."""

    def reached(given: dict, name: str) -> float:
        found = study(tmp_path / name, given, TWO if given is SEVERAL[0] else ONE, trials=90).finished.values()
        values = sorted((trial.value for trial in found if trial.value is not None and trial.number > 30), reverse=True)
        return sum(values[:15]) / 15

    assert reached(engine, "engine") > reached({"name": "random"}, "chance") + (0 if engine.get("algorithm") == "qmc" else 0.05)


def test_the_points_of_qmc_fill_a_space_evenly(tmp_path):
    space = [{"name": "one", "estimator": "x.One", "space": {"a": {"dist": "uniform", "low": 0, "high": 1}}}]
    engine = open_engine(OPTUNA[3], read_families(space, "tune"), ONE, seed, "tune")
    values = [engine.suggest(number, []).params["a"] for number in range(1, 65)]
    assert sorted(int(value * 64) for value in values) == list(range(64))  # one in each of 64 equal intervals


def trial(number: int, auc: float, size: float) -> Trial:
    return Trial(number, "bowl", {}, COMPLETE, (auc,), auc, None, {"learned_numbers": (size,)})


def test_the_preferred_trial_of_the_front():
    found = [
        trial(1, 0.80, 90),
        trial(2, 0.90, 200),
        trial(3, 0.895, 50),
        trial(4, 0.893, 60),
        trial(5, 0.70, 10),
        trial(6, 0.90, 200),
    ]

    def best(**prefer) -> int:
        chosen = Goal(TWO.aims, TWO.measures, (), prefer).best(found)
        assert chosen is not None
        return chosen.number

    assert [each.number for each in TWO.front(found)] == [2, 3, 5, 6]
    within = {"name": "within", "of": "auc", "next": "learned_numbers", "relative": False}
    assert best(name="first") == 2
    assert best(**within, tolerance=0.01) == 3
    assert best(**within, tolerance=0.001) == 2
    assert best(**within, tolerance=0.5) == 5
    assert best(**within | {"relative": True}, tolerance=0.1) == 3
    assert best(**within | {"of": "learned_numbers", "next": "auc", "relative": True}, tolerance=4.0) == 3
    assert best(name="weighted", weights=[1, 0]) == 2
    assert best(name="weighted", weights=[0, 1]) == 5
    assert best(name="weighted", weights=[1, 1]) == 3
    assert TWO.best([]) is None


@pytest.mark.parametrize(
    ("expression", "violation"),
    [
        (["call", ">=", [METRIC, ["lit", 0.7, "ratio"]], {}], 0.2),
        (["call", ">=", [METRIC, ["lit", 0.5, "ratio"]], {}], 0.0),
        (["call", "<=", [METRIC, ["lit", 0.7, "ratio"]], {}], -0.2),
        (["call", "not", [["call", "<=", [METRIC, ["lit", 0.7, "ratio"]], {}]], {}], 0.2),
        (["call", "and", [["call", "<", [METRIC, ["lit", 0.9, "ratio"]], {}], ["call", ">", [METRIC, ["lit", 0.6, "ratio"]], {}]], {}], 0.1),
        (["call", "or", [["call", "<", [METRIC, ["lit", 0.9, "ratio"]], {}], ["call", ">", [METRIC, ["lit", 0.6, "ratio"]], {}]], {}], -0.4),
        (["call", "<=", [["call", "*", [METRIC, METRIC], {}], ["call", "neg", [["lit", 1, "int"]], {}]], {}], 1.25),
    ],
)  # fmt: skip
def test_how_far_a_constraint_is_from_holding(expression, violation):
    assert Constraint("it", expression).violation({"recall": 0.5}) == pytest.approx(violation)


BY_ZERO = ["call", "/", [METRIC, ["call", "-", [METRIC, METRIC], {}]], {}]


@pytest.mark.parametrize("name", ["<", "<=", ">", ">=", "==", "!="])
def test_what_has_no_value_holds_nothing(name):
    """A quotient whose divisor is 0 is null: neither a comparison with it nor its opposite holds."""
    for number in (BY_ZERO, ["call", "-", [BY_ZERO, BY_ZERO], {}], ["call", "min", [["lit", 0.1, "float"], BY_ZERO], {}]):
        compared = ["call", name, [number, ["lit", 0.7, "ratio"]], {}]
        for expression in (compared, ["call", "not", [compared], {}]):
            violation = Constraint("it", expression).violation({"recall": 0.5})
            assert violation > 0
            assert math.isfinite(violation)


def test_what_is_equal_is_not_above(tmp_path):
    (strict,) = read_constraints([at_least(0.5, strict=True)], "tune")
    assert strict.violation({"recall": 0.5}) > 0
    with pytest.raises(StageError, match="sqrt"):
        read_constraints([{"name": "it", "expression": ["call", "sqrt", [METRIC], {}]}], "tune")


def test_an_infeasible_trial_is_never_the_best(tmp_path):
    made = study(tmp_path, OPTUNA[0], BOUND)
    broken = [each for each in made.finished.values() if not each.feasible]
    best = require_usable(list(made.finished.values()), BOUND, "tune")
    assert best.feasible
    assert max(each.value for each in broken) > best.value
    assert best.value == max(each.value for each in made.finished.values() if each.state == COMPLETE and each.feasible)
    none = Goal(BOUND.aims, BOUND.measures, read_constraints([at_least(2.0)], "tune"))
    with pytest.raises(StageError, match="keeps its constraints") as caught:
        require_usable([none.trial(1, Suggestion("bowl", {}), COMPLETE, [[0.9, 0.1]])], none, "tune")
    assert (caught.value.code, caught.value.found) == ("MLS814", "trial 1 came nearest and misses `found` by 1.9")


LIMIT = {
    "name": "small",
    "expression": [
        "call",
        "<=",
        [["call", "*", [["col", "depth", "int"], ["col", "size", "int"]], {}], ["lit", 40, "int"]],
        {},
    ],
}


@pytest.mark.parametrize("engine", [*PLAIN, SEVERAL[0], {"name": "grid", "points": 4}], ids=name_of)
def test_no_trial_is_outside_the_limits_of_its_family(tmp_path, engine):
    found = study(tmp_path, engine, ONE, families=[{**FAMILIES[1], "limits": [LIMIT]}]).finished.values()
    deep = [each.params["depth"] * each.params["size"] for each in found if "depth" in each.params]
    assert deep
    assert max(deep) <= 40


def test_limits_that_leave_no_room_say_so(tmp_path):
    none = {"name": "none", "expression": ["call", "<", [["col", "size", "int"], ["lit", 0, "int"]], {}]}
    with pytest.raises(StageError) as caught:
        study(tmp_path, {"name": "random"}, families=[{**FAMILIES[1], "limits": [none]}])
    assert caught.value.code == "MLS207"


def test_a_study_starts_with_the_trials_of_the_spec(tmp_path):
    starts = [{"family": "bowl", "params": {"a": 1.0, "b": 1.0}}, {"family": "tree", "params": {"deep": False, "size": 3}}]
    made = study(tmp_path, {"name": "grid", "points": 3}, starts=starts)
    assert (made.finished[1].family, made.finished[1].params) == ("bowl", {"a": 1.0, "b": 1.0})
    assert made.finished[2].params.items() >= {"deep": False, "size": 3}.items()
    assert "depth" not in made.finished[2].params
    plain = study(tmp_path / "plain", {"name": "grid", "points": 3})
    assert [each["params"] for each in trials(made)[2:]] == [each["params"] for each in trials(plain)[:38]]


def test_a_trial_that_the_spec_starts_with_is_within_the_limits_too(tmp_path):
    """What the spec leaves open is drawn until it is; what it says whole and outside is refused."""
    families = [{**FAMILIES[1], "limits": [LIMIT]}]
    half = [{"family": "tree", "params": {"deep": True, "size": 9}}] * 8
    found = study(tmp_path, {"name": "random"}, families=families, starts=half, trials=8).finished.values()
    assert all(each.params["size"] == 9 and each.params["depth"] <= 4 for each in found)
    outside = [{"family": "tree", "params": {"deep": True, "size": 9, "depth": 30}}]
    with pytest.raises(StageError) as caught:
        study(tmp_path / "outside", {"name": "random"}, families=families, starts=outside)
    assert (caught.value.code, caught.value.where) == ("MLS207", "tune.tree")


@pytest.mark.parametrize("library", ["optuna", "hyperopt"])
def test_values_of_a_choice_that_are_equal_are_still_two(library):
    """For `max_features` 1 is a column and 1.0 all of them: what one of them gave is not credited to the other."""
    encode = import_module(f"mlspec.runtime.search.engines.{library}_engine")._encode
    dimension = Dimension("max_features", "choice", values=(1, 1.0, True, "sqrt"))
    assert [encode(dimension, value) for value in dimension.values] == [0, 1, 2, 3]
    assert not dimension.holds(False)


def test_how_far_a_constraint_is_broken_stays_a_number_when_it_is_squared():
    """Engines standardise violations; a greater one would make a Gaussian process blind to all others."""
    for name in (">=", "<"):
        far = ["call", name, [["call", "*", [["lit", 1e300, "float"], ["lit", 1e300, "float"]], {}], METRIC], {}]
        assert math.isfinite(Constraint("it", far).violation({"recall": 0.5}) ** 2)


def good_and_bad() -> list[Trial]:
    """An earlier study that found the best place of the bowl, and a bad one."""
    found = []
    for number in range(40):
        near = number % 2 == 0
        params = {"a": (1 if near else -3) + 0.02 * number, "b": 10 ** ((0 if near else 2) + 0.01 * number)}
        value = (1 if near else 0.1) - 0.001 * number
        found.append(Trial(number - 39, "bowl", params, COMPLETE, (value,), value))
    return found


def test_an_engine_learns_from_an_earlier_study(tmp_path):
    first = study(tmp_path / "first", OPTUNA[0], ONE)
    document = {"name": "quick", "objective": {"metric": "auc", "direction": "maximize"}, "further": [], "trials": trials(first),
                "families": FAMILIES}  # fmt: skip
    (tmp_path / "study").mkdir()
    files.write_json(tmp_path / "study" / "study.json", document)
    families = read_families(
        [{**FAMILIES[0], "space": {**FAMILIES[0]["space"], "a": {"dist": "uniform", "low": 0, "high": 4}}}], "tune"
    )
    earlier = earlier_trials(tmp_path / "study", families, ONE, "tune")
    assert [each.number for each in earlier] == list(range(1 - len(earlier), 1))
    assert 0 < len(earlier) < 40
    assert all(each.family == "bowl" and each.params["a"] >= 0 for each in earlier)
    for engine in (OPTUNA[0], OPTUNA[2], PLAIN[4], SEVERAL[0]):
        folder = tmp_path / name_of(engine)
        warm = study(folder / "warm", engine, earlier=good_and_bad(), families=[FAMILIES[0]], trials=12)
        cold = study(folder / "cold", engine, families=[FAMILIES[0]], trials=12)
        assert warm.finished[1].params != cold.finished[1].params
        better = sum(each.value or 0 for each in warm.finished.values()) > sum(
            each.value or 0 for each in cold.finished.values()
        )
        assert better or engine is PLAIN[4]  # hyperopt's draws avoid what many trials had, good ones too
    with pytest.raises(StageError) as caught:
        earlier_trials(tmp_path / "study", families, TWO, "tune")
    assert caught.value.code == "MLS209"


def test_a_budget_of_fits_is_kept_and_is_the_same_for_any_number_of_workers(tmp_path):
    found = []
    for workers in (1, 2, 4):
        made = study(tmp_path / str(workers), OPTUNA[0], ONE, PRUNERS[2], workers, budget=Budget(fits=60), trials=1000)
        found.append(trials(made))
        assert made.over_budget
    assert found[0] == found[1] == found[2]
    fits = sum(len(each["folds"]) + (each["state"] == "failed") for each in found[0])
    assert 60 - 5 < fits <= 60
    more = study(tmp_path / "1", OPTUNA[0], ONE, PRUNERS[2], budget=Budget(fits=90), trials=1000)
    assert trials(more)[: len(found[0])] == found[0]
    less = study(tmp_path / "1", OPTUNA[0], ONE, PRUNERS[2], budget=Budget(fits=60), trials=1000)
    assert trials(less) == found[0]


def test_processor_time_ends_a_study_and_stays_in_its_journal(tmp_path):
    class Costly(Pool):
        def next_outcome(self):
            found = super().next_outcome()
            return type(found)(found.worker, found.trial, found.fold, found.values, found.reason, False, 1.0)

    made = study(tmp_path, {"name": "random"}, budget=Budget(cpu=20.0), open_pool=lambda limit: Costly(limit), workers=1)
    assert made.ended == "cpu_time"
    assert 20 / 5 <= len(made.finished) <= 20 / 5 + 3
    again = study(tmp_path, {"name": "random"}, budget=Budget(cpu=20.0))
    assert (again.ended, trials(again)) == ("cpu_time", trials(made))


def test_hyperband_gives_brackets_about_as_many_folds(tmp_path):
    assert brackets(3, 5) == [0, 1, 0, 1, 0]
    assert [sorted(brackets(2, 8)).count(s) for s in range(4)] == [8, 6, 4, 4]
    plain = study(tmp_path / "asha", {"name": "random"}, ONE, {"name": "asha", "factor": 2}, trials=60)
    banded = study(tmp_path / "band", {"name": "random"}, ONE, {"name": "hyperband", "factor": 2}, trials=60)
    lengths = [[len(each.folds) for each in made.finished.values() if each.state == "pruned"] for made in (plain, banded)]
    assert set(lengths[0]) == {1, 2, 4}
    assert sum(lengths[0]) / len(lengths[0]) < sum(lengths[1]) / len(lengths[1])


def test_a_journal_that_was_cut_holds_no_half_trial(tmp_path):
    study(tmp_path / "one", {"name": "random"})
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert all(record["kind"] in ("study", "trial") for record in read_journal(tmp_path / "two" / "study.journal").records)
