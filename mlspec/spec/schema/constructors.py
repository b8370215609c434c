"""The calls that stand as field values, by group; positional arguments go by the order of the parameters."""

R = ...

_SECRET_URL = (("url", "secret", R, "The address, a secret."),)
_WHEN = ("when", "sibling", None, "The parameter whose value true makes this one count.")
_PART = (("part", "part", None, "The rows that it is learned on; absent: out-of-fold predictions of the fitting part."),)
_DATABASE = (
    ("path", "string", R, "The database file."),
    ("table", "string", None, "The table; or give `query`."),
    ("query", ("tag", "sql"), None, "The SELECT statement; or give `table`."),
)

# group -> (name, parameters (name, form, default, doc), built, doc)
CONSTRUCTORS = {
    "source_from": (
        (
            "csv",
            (
                ("path", "string", R, "The file or pattern, relative to the spec."),
                ("delimiter", "string", ",", "The character between values."),
                ("header", "bool", True, "Whether line 1 names the columns; without, columns go by position."),
                ("null", ("list", "string"), ("",), "The spellings of null."),
            ),
            True,
            "CSV files.",
        ),
        ("parquet", (("path", "string", R, "The file or pattern, relative to the spec."),), True, "Parquet files."),
        ("jsonl", (("path", "string", R, "The file or pattern, relative to the spec."),), True, "One JSON object a line."),
        ("sqlite", _DATABASE, True, "A table or query of a SQLite file, opened for reading only."),
        ("duckdb", _DATABASE, True, "A table or query of a DuckDB file, opened for reading only."),
        (
            "sql",
            (
                ("server", "secret", R, "The connection string, a secret."),
                ("query", ("tag", "sql"), None, "The SELECT statement; `:name` stands for a param."),
                ("table", "string", None, "The table, instead of a query."),
            ),
            False,
            "A SQL server.",
        ),
        (
            "http",
            (
                ("url", "string", R, "The address."),
                ("format", ("enum", "csv", "jsonl", "parquet"), R, "The format."),
                ("token", "secret", None, "A bearer token."),
            ),
            False,
            "A file that a web server has.",
        ),
        (
            "s3",
            (
                ("url", "string", R, "`s3://bucket/key`, patterns allowed."),
                ("format", ("enum", "csv", "jsonl", "parquet"), R, "The format."),
                ("token", "secret", None, "Credentials."),
            ),
            False,
            "Objects of a bucket.",
        ),
        (
            "images",
            (("path", "string", R, "The folder or bucket."), ("index", "string", R, "The file that lists them.")),
            False,
            "Images, listed by an index.",
        ),
    ),
    "secret_from": (
        (
            "env",
            (("variable", "string", R, "The environment variable."),),
            True,
            "An environment variable of the process that runs.",
        ),
        ("vault", (("path", "string", R, "The path in the vault."),), False, "HashiCorp Vault."),
        (
            "k8s",
            (("name", "string", R, "The secret's name."), ("key", "string", R, "The key in it.")),
            False,
            "A Kubernetes secret.",
        ),
    ),
    "channel_to": (
        ("log", (), True, "The log of the process."),
        ("webhook", _SECRET_URL, True, "A POST of JSON to an address."),
        ("slack", _SECRET_URL, True, "A Slack hook."),
        ("pagerduty", (("key", "secret", R, "The routing key, a secret."),), False, "PagerDuty."),
    ),
    "tracking": (
        (
            "mlflow",
            (
                ("uri", "string", None, "The tracking server or store; absent: a SQLite file under `.mlspec/`."),
                ("experiment", "string", None, "The experiment; absent: the spec's name."),
            ),
            True,
            "MLflow tracking.",
        ),
    ),
    "registry_to": (
        (
            "mlflow",
            (
                ("name", "string", None, "The registered name; absent: the spec's name."),
                ("aliases", ("list", "string"), ("candidate",), "The aliases that a release moves."),
            ),
            True,
            "The MLflow model registry of the tracking store.",
        ),
    ),
    "schedule_at": (
        (
            "cron",
            (
                ("times", "string", R, "Minute, hour, day of month, month, day of week."),
                ("zone", "string", R, "The time zone."),
            ),
            True,
            "Times of the clock.",
        ),
        ("interval", (("length", "duration", R, "The time between two runs."),), True, "Regular times."),
    ),
    "explore_by": (
        (
            "report",
            (
                ("part", "part", R, "The rows that are looked at."),
                (
                    "sections",
                    ("list", ("enum", "missing", "target_rate", "correlation", "drift", "distribution")),
                    ("distribution", "missing", "target_rate", "correlation"),
                    "What is shown.",
                ),
                ("min_cell", ("int", 1, None), 20, "Counts below it are not shown.", "down_loosens"),
            ),
            True,
            "Statistics and plots.",
        ),
    ),
    "join_by": (
        (
            "asof",
            (
                ("column", "foreign_column", R, "The time column of the other source."),
                ("on", "column", R, "The key in both."),
                ("max_age", "duration", None, "Older rows do not count."),
                ("delay", "duration", 0.0, "How long after its time a row is known.", "down_loosens"),
            ),
            False,
            "The newest row of the other source that was known at the prediction.",
        ),
        (
            "history",
            (
                ("column", "foreign_column", R, "The time column of the other source."),
                ("on", "column", R, "The key in both."),
                ("delay", "duration", 0.0, "How long after its time a row is known.", "down_loosens"),
            ),
            False,
            "All rows of the other source that were known at the prediction, for windows.",
        ),
        (
            "lookup",
            (("source", ("ref", "source"), R, "The other source."), ("on", "column", R, "The key in both.")),
            False,
            "The one row of a table that does not change with time.",
        ),
    ),
    "missing_by": (
        (
            "fill",
            (
                ("number", ("one", ("enum", "median", "mean"), "float"), "median", "What stands for a missing number."),
                ("category", "string", "missing", "The category of a missing one."),
                ("flag", "bool", False, "Whether a column that says `was missing` is added."),
            ),
            True,
            "A value instead of null.",
        ),
    ),
    "augment_by": (
        (
            "flip",
            (("horizontal", "bool", False, "Left to right."), ("vertical", "bool", False, "Top to bottom.")),
            False,
            "Mirrors.",
        ),
        ("rotate", (("limit", "float", R, "The greatest angle in degrees."),), False, "Turns."),
        ("noise", (("scale", "float", R, "The standard deviation."),), False, "Gaussian noise."),
    ),
    "store_to": (("feast", (("path", "string", R, "The feature repository."),), False, "A Feast feature store."),),
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
            (("count", ("int", 2, 50), R, "How many folds."), ("stratify", "column", None, "Every fold has its shares.")),
            True,
            "Folds by chance.",
        ),
        (
            "group_folds",
            (("count", ("int", 2, 50), R, "How many folds."), ("group", "column", R, "Stays in one fold.")),
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
    "search_by": (
        (
            "hyperopt",
            (("algorithm", ("enum", "tpe", "random", "anneal"), "tpe", "How trials are suggested."),),
            True,
            "Hyperopt.",
        ),
        (
            "optuna",
            (("sampler", ("enum", "tpe", "random", "cmaes", "gp"), "tpe", "How trials are suggested."),),
            True,
            "Optuna.",
        ),
        ("random", (), True, "Independent draws."),
        ("grid", (("points", ("int", 2, 1000), 5, "Points per numeric dimension."),), True, "Every combination."),
    ),
    "objective_by": (
        ("maximize", (("metric", "metric", R, "The metric."),), True, "More is better."),
        ("minimize", (("metric", "metric", R, "The metric."),), True, "Less is better."),
    ),
    "prune_by": (
        (
            "median",
            (
                ("startup", ("int", 1, None), 5, "Trials that are never pruned."),
                ("warmup", ("int", 0, None), 1, "Folds that are never pruned."),
            ),
            True,
            "Ends a trial that is worse than the median of earlier ones at the same fold.",
        ),
        (
            "halving",
            (
                ("factor", ("int", 2, 10), 3, "One in this many goes on."),
                ("warmup", ("int", 0, None), 1, "Folds that are never pruned."),
            ),
            True,
            "Successive halving over folds.",
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
    "space": (
        (
            "uniform",
            (("low", "float", R, "The least value."), ("high", "float", R, "The greatest."), _WHEN),
            True,
            "Evenly spread.",
        ),
        (
            "loguniform",
            (("low", "float", R, "The least value, above 0."), ("high", "float", R, "The greatest."), _WHEN),
            True,
            "Evenly spread logarithm.",
        ),
        (
            "int",
            (("low", "int", R, "The least value."), ("high", "int", R, "The greatest."), _WHEN),
            True,
            "Whole numbers, evenly.",
        ),
        (
            "logint",
            (("low", "int", R, "The least value, above 0."), ("high", "int", R, "The greatest."), _WHEN),
            True,
            "Whole numbers, evenly spread logarithm.",
        ),
        (
            "normal",
            (("mean", "float", R, "The mean."), ("std", ("float", 0, None), R, "The standard deviation."), _WHEN),
            True,
            "Normally distributed.",
        ),
        ("choice", (("*values", ("const",), R, "The values."), _WHEN), True, "One of the values."),
    ),
    "network_of": (),
    "optimise_by": (
        (
            "adamw",
            (("lr", ("float", 0, None), R, "The learning rate."), ("weight_decay", ("float", 0, None), 0.01, "The decay.")),
            False,
            "AdamW.",
        ),
        (
            "sgd",
            (("lr", ("float", 0, None), R, "The learning rate."), ("momentum", ("float", 0, 1), 0.0, "The momentum.")),
            False,
            "Stochastic gradient descent.",
        ),
    ),
    "strategy_by": (
        ("single", (("gpus", ("int", 0, 1), 0, "Whether the one device is a GPU."),), False, "One device."),
        (
            "ddp",
            (("nodes", ("int", 1, None), 1, "Machines."), ("gpus_per_node", ("int", 1, None), 1, "GPUs a machine.")),
            False,
            "Data parallel.",
        ),
        (
            "fsdp",
            (("nodes", ("int", 1, None), 1, "Machines."), ("gpus_per_node", ("int", 1, None), 1, "GPUs a machine.")),
            False,
            "Data parallel with sharded weights.",
        ),
    ),
    "stop_by": (
        (
            "patience",
            (
                ("epochs", ("int", 1, None), R, "Epochs without gain."),
                ("on", "metric", R, "The metric."),
                ("part", "part", R, "The rows it is taken on."),
                ("min_gain", "points", 0.0, "A gain below it counts as none."),
            ),
            False,
            "Ends when nothing is gained.",
        ),
    ),
    "checkpoint_by": (
        (
            "keep",
            (
                ("best", ("int", 0, None), 1, "How many of the best."),
                ("last", ("int", 1, None), 1, "How many of the last."),
                ("every", "duration", None, "The time between two; absent: each epoch."),
            ),
            False,
            "Kept states.",
        ),
    ),
    "board_of": (
        (
            "board",
            (
                ("scalars", "bool", True, "Curves."),
                ("images", ("int", 0, None), 0, "Images an epoch."),
                ("profile_steps", ("int", 0, None), 0, "Steps that are profiled."),
            ),
            False,
            "TensorBoard.",
        ),
    ),
    "prune_weights_by": (
        (
            "magnitude",
            (
                ("sparsity", ("ratio", 0, 1), R, "The share of zeros."),
                ("structured", "bool", False, "Whole channels."),
                ("retrain_epochs", ("int", 0, None), 0, "Epochs after it."),
            ),
            False,
            "The smallest weights go.",
        ),
    ),
    "quantise_by": (
        (
            "static_int8",
            (("part", "part", R, "The rows that ranges are measured on."), ("samples", ("int", 1, None), 512, "How many.")),
            False,
            "8-bit weights and activations.",
        ),
        ("dynamic_int8", (), False, "8-bit weights."),
    ),
    "distil_by": (
        (
            "student",
            (("network", ("call", "network_of"), R, "The smaller network."), ("epochs", ("int", 1, None), R, "Epochs.")),
            False,
            "A smaller network learns the scores.",
        ),
    ),
    "export_to": (("onnx", (("opset", ("int", 7, None), 18, "The operator set."),), False, "ONNX."),),
    "serve_by": (
        (
            "fastapi",
            (
                ("host", "string", "127.0.0.1", "The address it listens on.", "loosening"),
                ("port", ("int", 1, 65_535), 8080, "The port."),
                ("workers", ("int", 1, 256), 1, "Processes."),
                ("token", "secret", None, "A bearer token that requests must carry.", "drop_loosens"),
            ),
            True,
            "Our server on FastAPI.",
        ),
        (
            "vllm",
            (
                ("tensor_parallel", ("int", 1, None), 1, "GPUs a replica."),
                ("max_context", ("int", 1, None), None, "Tokens."),
                ("quantisation", ("enum", "awq", "gptq", "fp8"), None, "The number format."),
                ("prefix_cache", "bool", False, "Keeps what prompts share."),
            ),
            False,
            "vLLM.",
        ),
    ),
    "limit_by": (
        (
            "per",
            (
                ("unit", ("enum", "api_key", "address"), R, "For whom it counts."),
                ("rate", "rate", R, "How much."),
                ("burst", ("int", 1, None), None, "How many at once."),
            ),
            False,
            "A limit for each.",
        ),
    ),
    "arm_by": (
        (
            "traffic",
            (("model", "model", R, "The model."), ("share", ("ratio", 0, 1), R, "Its share.")),
            False,
            "A share of requests.",
        ),
    ),
    "table_to": (
        ("csv", (("path", "string", R, "The file, relative to the spec."),), True, "A CSV file."),
        ("parquet", (("path", "string", R, "The file, relative to the spec."),), True, "A parquet file."),
        ("jsonl", (("path", "string", R, "The file, relative to the spec."),), True, "One JSON object a line."),
    ),
}

# Groups whose constructors are the catalogue's dotted names, `timm.convnext_tiny(pretrained: true)`; none is built yet.
OPEN_GROUPS = frozenset(("network_of",))
