"""The calls that stand as field values in blocks of extraction, analysis and preparation, and of what all stages use: group -> (name, parameters, built, doc)."""

R = ...

_SECRET_URL = (("url", "secret", R, "The address, a secret."),)
_DATABASE = (
    ("path", "string", R, "The database file."),
    ("table", "string", None, "The table; or give `query`."),
    ("query", ("tag", "sql"), None, "The SELECT statement; or give `table`."),
)

CALLS = {
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
            (
                ("path", "string", R, "The folder of the images, relative to the spec."),
                (
                    "index",
                    "string",
                    R,
                    "The file of rows, CSV, JSON lines or parquet; its column of an image names a file in the folder.",
                ),
                (
                    "broken",
                    ("ratio", 0, 1),
                    0.0,
                    "The share of rows that may be left out because their image cannot be read; they are counted.",
                ),
            ),
            True,
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
            (
                ("horizontal", "bool", False, "Left to right, for half of the rows."),
                ("vertical", "bool", False, "Top to bottom, for half of the rows."),
            ),
            True,
            "Mirrors.",
        ),
        ("rotate", (("limit", ("float", 0, 180), R, "The greatest angle in degrees, to either side."),), True, "Turns."),
        (
            "shift",
            (("limit", ("ratio", 0, 1), R, "The greatest way, as a share of the side."),),
            True,
            "Moves, up or down and to a side.",
        ),
        (
            "brightness",
            (("limit", ("ratio", 0, 1), R, "By how much of itself a pixel gets lighter or darker at most."),),
            True,
            "Lightens or darkens.",
        ),
        (
            "noise",
            (("scale", ("float", 0, 1), R, "The standard deviation, where white is 1."),),
            True,
            "Gaussian noise, another number for every pixel.",
        ),
    ),
    "store_to": (("feast", (("path", "string", R, "The feature repository."),), False, "A Feast feature store."),),
}
