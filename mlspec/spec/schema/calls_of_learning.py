"""The calls that stand as field values in blocks of development, optimisation and training: group -> (name, parameters, built, doc)."""

R = ...

_PART = (("part", "part", None, "The rows that it is learned on; absent: out-of-fold predictions of the fitting part."),)

_USE = ("use", ("int", 1, 50), None, "How many of them are fitted, for large data; one is a single split. Absent: all.")

CALLS = {
    "model_from": (
        (
            "registry",
            (
                ("name", "string", R, "The registered name."),
                ("alias", "string", R, "The alias."),
                (
                    "if_absent",
                    ("enum", "fail", "skip"),
                    "fail",
                    "What gates do while the alias does not exist.",
                    "later_loosens",
                ),
            ),
            True,
            "A model of the registry.",
        ),
        (
            "hub",
            (
                ("name", "string", R, "`owner/name`."),
                ("revision", "string", None, "The commit.", "drop_loosens"),
                ("token", "secret", None, "An access token."),
            ),
            False,
            "A model of the Hugging Face hub.",
        ),
    ),
    "cv_by": (
        (
            "folds",
            (
                ("count", ("int", 2, 50), R, "How many folds."),
                ("stratify", "column", None, "Every fold has its shares."),
                _USE,
            ),
            True,
            "Folds by chance.",
        ),
        (
            "group_folds",
            (("count", ("int", 2, 50), R, "How many folds."), ("group", "column", R, "Stays in one fold."), _USE),
            True,
            "Folds of whole groups.",
        ),
        (
            "forward_chain",
            (
                ("folds", ("int", 2, 50), 5, "How many folds."),
                ("gap", "duration", 0.0, "Time left out before each.", "down_loosens"),
                ("group", "column", None, "A value before the cut is left out after it.", "drop_loosens"),
                ("on", "column", None, "The time column; absent: the split's."),
            ),
            True,
            "Each fold is fitted on what came before it.",
        ),
    ),
    "calibrate_by": (
        ("isotonic", _PART, True, "A rising step function."),
        ("sigmoid", _PART, True, "A logistic curve."),
    ),
    "threshold_by": (
        (
            "fixed",
            (("value", ("ratio", 0, 1), R, "The score from which on the decision is positive."),),
            True,
            "A given score.",
        ),
        (
            "cost_ratio",
            (
                ("false_pos", ("float", 0, None), R, "The cost of a false positive."),
                ("false_neg", ("float", 0, None), R, "The cost of a false negative."),
            ),
            True,
            "The least expected cost.",
        ),
        ("maximize", (("metric", "metric", R, "The metric."),), True, "The score at which a metric is best."),
    ),
    "mitigate_by": (
        (
            "reweigh",
            (("by", "column", R, "The column of the groups, as `people.sex`.", "behaviour"),),
            True,
            "Rows are weighted so that in the fitting rows every group has the same share of each label.",
        ),
    ),
    "prune_weights_by": (
        (
            "magnitude",
            (
                ("sparsity", ("ratio", 0, 1), R, "The share of weights that become zero, or of units or channels that go."),
                ("structured", "bool", False, "Whole hidden units or channels of a network, whole columns of a linear model."),
                ("retrain_epochs", ("int", 0, None), 0, "Epochs of training after it; what is gone stays so."),
            ),
            True,
            "The smallest weights of a network or a linear model go.",
        ),
        (
            "rounds",
            (
                (
                    "keep",
                    ("ratio", 0, 1),
                    None,
                    "The share of trees that stays; absent: the fewest that lose no more than `max_loss`.",
                ),
                ("on", "metric", None, "The metric that says what is lost."),
                ("part", "part", None, "The rows it is taken on."),
                ("max_loss", "points", 0.0, "How much worse the metric may become.", "up_loosens"),
            ),
            True,
            "The last trees of an ensemble go.",
        ),
    ),
    "quantise_by": (
        (
            "static_int8",
            (("part", "part", R, "The rows that ranges are measured on."), ("samples", ("int", 1, None), 512, "How many.")),
            True,
            "8-bit weights and activations, whose ranges are measured once.",
        ),
        ("dynamic_int8", (), True, "8-bit weights and activations, whose ranges are those of each request."),
    ),
    "distil_by": (
        (
            "student",
            (
                ("estimator", "estimator", None, "The smaller estimator; further arguments are its parameters."),
                ("network", ("call", "network_of"), None, "The smaller network, of a model that is one."),
                (
                    "epochs",
                    ("int", 1, None),
                    None,
                    "How often the network goes through the rows; absent: as often as its teacher.",
                ),
                ("temperature", ("float", 0, None), 1.0, "How much softer the scores are that it learns, above 0."),
                ("labels", ("ratio", 0, 1), 0.0, "How much the labels themselves count beside the scores."),
            ),
            True,
            "A smaller model learns the scores.",
        ),
    ),
    "export_to": (
        ("onnx", (("opset", ("int", 18, 22), 18, "The operator set."),), True, "ONNX, whatever library made the model."),
    ),
}
