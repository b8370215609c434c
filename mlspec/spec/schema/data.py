"""Block kinds of extraction, analysis and preparation."""

R = ...

KINDS = {
    "source": {
        "doc": "Where rows come from, the type and tags of every column, and what must hold of the data.",
        "stage": "extraction",
        "resources": True,
        "columns": True,
        "role": "check",
        "fields": (
            ("from", ("call", "source_from"), R, "open", "behaviour", "The place and format of the rows."),
            (
                "refresh",
                "duration",
                None,
                "open",
                "operational",
                "How old the rows may get: on a target with a clock they are read again that often.",
            ),
            (
                "sample",
                ("ratio", 0, 1),
                None,
                "guarded",
                "behaviour",
                "The share of rows that is used, lowest hashes first; checks run on all rows before it.",
            ),
        ),
    },
    "explore": {
        "doc": "A report on the data: statistics as JSON and one page of HTML.",
        "stage": "analysis",
        "resources": True,
        "forms": ("short",),
        "fields": (("value", ("call", "explore_by"), R, "open", "operational", "What is reported, of which part."),),
    },
    "frame": {
        "doc": "One row per prediction: the spine, its time, what is joined to it, and the label.",
        "stage": "preparation",
        "built": False,
        "resources": True,
        "role": "derived",
        "blocks": ("join",),
        "fields": (
            ("spine", ("ref", "source"), R, "locked", "breaking", "The source whose rows the frame has."),
            ("at", "column", None, "locked", "behaviour", "The instant of the prediction: nothing later is read."),
        ),
    },
    "join": {
        "doc": "Joins another source to the spine.",
        "built": False,
        "forms": ("short",),
        "label": "refers",
        "inside": ("frame",),
        "fields": (("value", ("call", "join_by"), R, "locked", "behaviour", "How rows are matched."),),
    },
    "split": {
        "doc": "Named parts of the rows: by chance, by group, by stratum or by time.",
        "stage": "preparation",
        "resources": True,
        "role": "part",
        "fields": (
            ("frame", ("ref", "source", "frame"), R, "locked", "behaviour", "The rows that are split."),
            ("on", "column", None, "locked", "behaviour", "The date or timestamp that parts by time are intervals of."),
            ("group", "column", None, "locked", "drop_loosens", "Rows with one value of it stay in one part."),
            ("stratify", "column", None, "locked", "behaviour", "Every part has the same shares of its values."),
            (
                "gap",
                "duration",
                0.0,
                "locked",
                "down_loosens",
                "The least time between the end of one part and the start of the next.",
            ),
        ),
    },
    "features": {
        "doc": "What a model reads: one typed expression a feature, in the order of the model's signature.",
        "stage": "preparation",
        "resources": True,
        "role": "feature",
        "fields": (
            ("frame", ("ref", "source", "frame"), R, "locked", "behaviour", "The rows that features are computed for."),
            (
                "missing",
                ("call", "missing_by"),
                None,
                "locked",
                "behaviour",
                "What stands for null in every feature that may be null.",
            ),
            (
                "unknown",
                ("enum", "encode", "reject"),
                "encode",
                "locked",
                "behaviour",
                "What happens to a value of an open category that the fitting rows do not have.",
            ),
            (
                "augment",
                ("list", ("call", "augment_by")),
                (),
                "guarded",
                "behaviour",
                "Random changes of the images of rows that a network is trained on, others in every epoch.",
            ),
        ),
    },
    "publish": {
        "doc": "Features written to a feature store.",
        "stage": "preparation",
        "built": False,
        "resources": True,
        "fields": (
            ("features", "features", R, "locked", "breaking", "What is published."),
            ("to", ("call", "store_to"), R, "open", "operational", "The store."),
            ("entity", ("ref", "entity"), R, "locked", "breaking", "The key under which values are found."),
            ("freshness", "duration", R, "open", "operational", "How old a value may get."),
        ),
    },
}
