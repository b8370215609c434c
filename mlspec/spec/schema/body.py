"""What stands in bodies: the roles of `:=`, the attributes, and the resources that every working block takes."""

R = ...

# name, noun in diagnostics, highest level (0 Const … 5 Live), type, doc
ROLES = (
    ("check", "a check", 1, "bool", "A Boolean that must hold of a source's rows; the extraction fails otherwise."),
    ("part", "a part", 0, "part", "A share of the rows, or an interval of time."),
    (
        "derived",
        "a column of the frame",
        1,
        "value",
        "A column that is computed from the joined rows; the label carries `@label`.",
    ),
    ("feature", "a feature", 3, "value", "What the model reads; Fitted steps are learned with the model."),
    ("measure", "a measure", 4, "any", "A number of an evaluation."),
    ("gate", "a gate", 4, "bool", "A Boolean over metrics that must hold before release."),
    (
        "constraint",
        "a constraint",
        4,
        "bool",
        "A Boolean over the cross-validated metrics of `trial` that the best one must keep.",
    ),
    ("limit", "a limit", 1, "bool", "A Boolean over the searched parameters of a family; no trial is outside it."),
    ("guard", "a guard", 5, "bool", "A Boolean over live metrics that must hold while serving."),
    ("logged", "a logged value", 5, "any", "A value written to the request log."),
    ("alert", "an alert", 5, "bool", "A Boolean over live metrics; when it stops holding, channels are told."),
    (
        "expectation",
        "an expectation",
        1,
        "bool",
        "A Boolean over values of features, columns, checks, gates and alerts that must hold in a test, for each row given.",
    ),
)

# name, roles, parameters (name, form, default, doc), direction, doc
ATTRIBUTES = (
    ("key", ("column",), (), "breaking", "The column identifies a row: unique and never null. No feature may read it."),
    ("event_time", ("column",), (), "behaviour", "The instant at which the row was known."),
    (
        "range",
        ("column",),
        (("range", "bound", R, "The least and the greatest value, both included."),),
        "up_loosens",
        "Every value lies in the range; this is verified on data and on requests.",
    ),
    (
        "pii",
        ("column", "entity"),
        (("kind", ("enum", "quasi", "free_text", "direct"), R, "How much it tells of a person."),),
        "down_loosens",
        "The column tells of a person; its taint flows through expressions.",
    ),
    ("protected", ("column",), (), "drop_loosens", "A protected characteristic: no model input without `@allow`."),
    (
        "outcome",
        ("column",),
        (
            ("positive", ("const",), None, "The positive value; `true` for a bool, none for many classes."),
            ("favourable", ("const",), None, "The value that is good for the person; absent: the positive one."),
            (
                "query",
                ("name",),
                None,
                "The column of the query that a row answers: rows of one query are ranked, the most relevant first. The outcome is then its "
                "relevance, a Boolean or a whole number from 0.",
            ),
        ),
        "breaking",
        "The column is known only after the prediction: it may be a label and never a feature.",
    ),
    (
        "was",
        ("column", "feature", "check", "gate", "alert", "part", "logged"),
        (("name", ("name",), R, "The old name."),),
        "cosmetic",
        "The name before a rename, so that a diff follows it.",
    ),
    (
        "named",
        ("column",),
        (("text", "string", R, "The name in the data."),),
        "breaking",
        "What the data calls the column, where that is no name of the language.",
    ),
    ("audit", ("feature",), (), "behaviour", "Computed for slices and fairness only; no model reads it."),
    (
        "allow",
        ("feature",),
        (("reason", "string", R, "Why the model may read it."),),
        "add_loosens",
        "Lets a protected column into the model, with the reason.",
    ),
    (
        "label",
        ("derived",),
        (
            ("mature", "duration", R, "How long after the row's time the label is known."),
            ("positive", ("const",), None, "The positive value."),
            ("favourable", ("const",), None, "The value that is good for the person."),
        ),
        "breaking",
        "The column is the frame's label.",
    ),
    (
        "for",
        ("alert", "guard"),
        (("length", "duration", R, "How long it must not hold before channels are told."),),
        "up_loosens",
        "Waits before telling anybody.",
    ),
    (
        "notify",
        ("alert", "guard"),
        (("*channels", ("ref", "channel"), R, "Whom to tell."),),
        "drop_loosens",
        "The channels that are told.",
    ),
    (
        "delay",
        ("alert", "guard"),
        (("length", "duration", R, "How long after the prediction the truth is known."),),
        "up_loosens",
        "The metric needs labels that arrive later: the window lies that far back.",
    ),
)

RESOURCES = (
    ("cpu", ("float", 0.1, 1024), 1, "open", "operational", "Processor cores."),
    ("memory", "bytes", None, "open", "operational", "Memory; absent: no limit of its own."),
    ("gpu", "string", None, "open", "operational", "The kind of accelerator.", False),
    ("time_limit", "duration", None, "open", "operational", "The stage fails when it takes longer."),
    ("retry", ("int", 0, 10), 0, "open", "operational", "How often a stage that died is started again."),
    ("image", "string", None, "open", "operational", "The container image; absent: the target's default."),
)
