"""The calls that stand as field values in `search` and `family`: group -> (name, parameters, built, doc)."""

R = ...

_WHEN = ("when", "sibling", None, "The parameter whose value true makes this one count.")
_METRIC = (("metric", "metric", R, "The metric."),)
_OBJECTIVE = ("one", ("enum", "simplest"), "metric")
_WARMUP = "Folds that are never pruned."
_FACTOR = ("factor", ("int", 2, 10), 3, "One in this many goes on.")


_STARTS = "The value in the trial that the family starts with; of a list, one for each of several, in turn."
_START = ("start", ("one", ("list", "float", "repeats"), "float"), None, _STARTS)
_WHOLE_START = ("start", ("one", ("list", "int", "repeats"), "int"), None, _STARTS)
_ANY_START = ("start", ("one", ("list", ("const",), "repeats"), ("const",)), None, _STARTS)
_LOW, _LOW_LOG, _HIGH = "The least value.", "The least value, above 0.", "The greatest."

CALLS = {
    "search_by": (
        (
            "hyperopt",
            (("algorithm", ("enum", "tpe", "random", "anneal"), "tpe", "How trials are suggested."),),
            True,
            "Hyperopt.",
        ),
        (
            "optuna",
            (
                ("sampler", ("enum", "tpe", "random", "cmaes", "gp", "nsga2", "qmc"), "tpe", "How trials are suggested."),
                ("population", ("int", 2, 10_000), 16, "Trials of a generation of `nsga2`."),
            ),
            True,
            "Optuna.",
        ),
        ("random", (), True, "Independent draws."),
        ("grid", (("points", ("int", 2, 1000), 5, "Points per numeric dimension."),), True, "Every combination."),
    ),
    "objective_by": (
        ("maximize", _METRIC, True, "More is better."),
        ("minimize", _METRIC, True, "Less is better."),
        ("simplest", (), True, "Fewer learned numbers are better: coefficients, weights, nodes of trees."),
    ),
    "prefer_by": (
        ("first", (), True, "The best in the first objective, among equals in the second, and so on."),
        (
            "within",
            (
                (
                    "tolerance",
                    "tolerance",
                    R,
                    "How far from the best: points of a ratio, `1pp`; of any other metric a share of the best, `5%`, or a number.",
                ),
                ("of", _OBJECTIVE, R, "The objective that may be worse by that much."),
                ("next", _OBJECTIVE, None, "What decides between those; absent: the objectives in their order."),
            ),
            True,
            "The best in another objective among those that are nearly best in one.",
        ),
        (
            "weighted",
            (("*weights", ("float", 0, None), R, "A weight for each objective, in their order."),),
            True,
            "The best weighted sum, every objective scaled to 0..1 over the front.",
        ),
    ),
    "budget_by": (
        ("fits", (("count", ("int", 1, None), R, "How many."),), True, "Folds that trials fit; the same on every machine."),
        (
            "cpu_time",
            (("limit", "duration", R, "How much."),),
            True,
            "Processor time of all fits; a run that it ended is marked as not reproducible.",
        ),
    ),
    "workers_by": (
        (
            "ray",
            (
                (
                    "address",
                    "string",
                    "auto",
                    "Host and port of a running cluster; `auto`: the one of this machine, or of RAY_ADDRESS.",
                ),
            ),
            True,
            "Tasks of a Ray cluster.",
        ),
    ),
    "prune_by": (
        (
            "median",
            (
                ("startup", ("int", 1, None), 5, "Trials that are never pruned."),
                ("warmup", ("int", 0, None), 1, _WARMUP),
            ),
            True,
            "Ends a trial that is worse than the median of earlier ones at the same fold, or number of rounds.",
        ),
        (
            "halving",
            (_FACTOR, ("warmup", ("int", 0, None), 1, _WARMUP)),
            True,
            "As `asha`, with a first fold that is never pruned.",
        ),
        (
            "asha",
            (_FACTOR, ("warmup", ("int", 0, None), 0, _WARMUP)),
            True,
            "Asynchronous successive halving over folds: at folds 1, 3, 9 and so on one trial in `factor` goes on; over the rounds "
            "of trials that find theirs.",
        ),
        ("hyperband", (_FACTOR,), True, "Brackets of `asha` that begin to prune at different folds, or rounds."),
    ),
    "space": (
        ("uniform", (("low", "float", R, _LOW), ("high", "float", R, _HIGH), _WHEN, _START), True, "Evenly spread."),
        (
            "loguniform",
            (("low", "float", R, _LOW_LOG), ("high", "float", R, _HIGH), _WHEN, _START),
            True,
            "Evenly spread logarithm.",
        ),
        ("int", (("low", "int", R, _LOW), ("high", "int", R, _HIGH), _WHEN, _WHOLE_START), True, "Whole numbers, evenly."),
        (
            "logint",
            (("low", "int", R, _LOW_LOG), ("high", "int", R, _HIGH), _WHEN, _WHOLE_START),
            True,
            "Whole numbers, evenly spread logarithm.",
        ),
        (
            "normal",
            (("mean", "float", R, "The mean."), ("std", ("float", 0, None), R, "The standard deviation."), _WHEN, _START),
            True,
            "Normally distributed.",
        ),
        ("choice", (("*values", ("const",), R, "The values."), _WHEN, _ANY_START), True, "One of the values."),
        (
            "rounds",
            (
                ("to", ("int", 2, 1_000_000), R, "The most rounds of a trial."),
                (
                    "first",
                    ("int", 1, None),
                    10,
                    "The rounds after which a trial is judged first; then after each quarter more.",
                ),
                ("patience", ("int", 1, None), 3, "Judgements in a row without a better one, after which a trial ends."),
            ),
            True,
            "No dimension: every trial boosts on, judged again and again, and keeps the number of rounds at which it was best.",
        ),
    ),
}
