"""Block kinds about the spec as a whole: who owns it, its inputs, its secrets, its environments."""

R = ...

KINDS = {
    "spec": {
        "doc": "Names the spec, who answers for it, and what holds for all of it.",
        "fields": (
            ("owner", "string", R, "locked", "operational", "The team or person who answers for this system."),
            (
                "approvers",
                ("list", "string"),
                (),
                "locked",
                "loosening",
                "Who may sign waivers and overrides, where mlspec.toml names nobody.",
            ),
            ("seed", ("int", 0, None), 0, "guarded", "behaviour", "The number from which every random choice derives."),
            (
                "tracking",
                ("one", ("call", "tracking"), ("enum", "none")),
                ("make", "mlflow", ()),
                "open",
                "operational",
                "Where parameters, metrics and artifacts of runs are tracked.",
            ),
            (
                "registry",
                ("one", ("call", "registry_to"), ("enum", "none")),
                ("make", "mlflow", ()),
                "open",
                "operational",
                "Where a released package is registered: by default in the tracking store; `none` keeps it in the local store alone.",
            ),
        ),
    },
    "param": {
        "doc": "A typed input of the spec; `-p name=value` gives it at the command line.",
        "forms": ("declare",),
        "fields": (("default", ("const",), None, "open", "behaviour", "The value without `-p`; absent: `-p` must give it."),),
    },
    "secret": {
        "doc": "A handle of a secret: where the value is found when a stage runs. The value itself is never read by the compiler.",
        "forms": ("short",),
        "fields": (("value", ("call", "secret_from"), R, "open", "operational", "Where the secret's value is kept."),),
    },
    "channel": {
        "doc": "Somewhere people are told: alerts name it by `@notify`.",
        "forms": ("short",),
        "fields": (("value", ("call", "channel_to"), R, "open", "operational", "How messages are sent."),),
    },
    "entity": {
        "doc": "A join key with one type and one set of tags, wherever `id(NAME)` names it.",
        "forms": ("declare",),
        "fields": (),
    },
    "env": {
        "doc": "Checked overrides under a name: `--env NAME` puts them in force.",
        "fields": (),
    },
    "waive": {
        "doc": "Accepts one finding, or one change, for a time: an approver signs, with a reason. It is shown as waived, and counts for nothing.",
        "stage": "review",
        "fields": (
            (
                "finding",
                "string",
                R,
                "locked",
                "loosening",
                'The code that is accepted, such as `"MLS504"`; of a change its effect, such as `"loosening"`.',
            ),
            (
                "at",
                ("path",),
                R,
                "locked",
                "loosening",
                "The block, field or definition where the finding or the change stands.",
            ),
            (
                "change",
                "string",
                None,
                "locked",
                "loosening",
                "Of a change: its fingerprint, which `mlspec diff` prints. The waiver ends when the change is another one.",
            ),
            ("reason", "string", R, "locked", "cosmetic", "Why it is acceptable, and what will end it."),
            ("owner", "string", R, "locked", "operational", "The approver who answers for it."),
            ("expires", "date", R, "locked", "up_loosens", "The last day on which it holds, in UTC."),
        ),
    },
    "schedule": {
        "doc": "When something of this spec runs by itself, on a target that has a clock; others print a line for cron.",
        "stage": "extraction, all",
        "fields": (
            ("at", ("call", "schedule_at"), R, "open", "operational", "The times."),
            (
                "run",
                ("ref", "source", "search", "model", "gates", "score", "publish", "monitor"),
                R,
                "open",
                "operational",
                "What runs, with everything it needs; with gates also the reports, and the registration that waits for them.",
            ),
            ("retry", ("int", 0, 10), 0, "open", "operational", "How often a stage that died in such a run is tried again."),
            (
                "deadline",
                "duration",
                None,
                "open",
                "operational",
                "How long after its time a run must have ended; `on_failure` is told otherwise, and the run goes on.",
            ),
            ("on_failure", ("ref", "channel"), None, "open", "operational", "Whom a run that failed tells."),
        ),
    },
    "extern": {
        "doc": "A typed way out to Python: out of process, on typed columns, pinned by digest.",
        "built": False,
        "fields": (
            ("code", "string", R, "locked", "behaviour", "`file.py:function`, inside the project."),
            (
                "network",
                ("one", ("enum", "none"), ("list", "string")),
                "none",
                "locked",
                "add_loosens",
                "The hosts that it may reach.",
            ),
            ("gpu", "bool", False, "open", "operational", "Whether it needs an accelerator."),
            ("deterministic", "bool", True, "locked", "behaviour", "Whether the same input always gives the same result."),
        ),
    },
    "test": {
        "doc": "Literal rows in, expected values out: `mlspec test` runs it.",
        "role": "expectation",
        "blocks": ("given", "fit"),
        "fields": (
            (
                "at",
                "timestamp",
                None,
                "locked",
                "behaviour",
                "The instant at which the spine rows stand: their `@event_time` where they give none.",
            ),
            (
                "expect",
                ("list", "string"),
                (),
                "locked",
                "behaviour",
                "The codes that these rows must give, no more and no fewer; absent: none.",
            ),
        ),
    },
    "given": {
        "doc": "What a test supposes: rows of a source; of `gates` and `monitor` one row, the numbers that its definitions compare.",
        "forms": ("short",),
        "label": "refers",
        "inside": ("test",),
        "fields": (
            (
                "value",
                "rows",
                R,
                "locked",
                "behaviour",
                "A list of `row(name: value, …)`, and `rows(COUNT, name: value, …)` for many equal ones; columns left out are null.",
            ),
        ),
    },
    "fit": {
        "doc": "Rows of a source that the fitted steps of a test learn from: its training part.",
        "forms": ("short",),
        "label": "refers",
        "inside": ("test",),
        "fields": (
            ("value", "rows", R, "locked", "behaviour", "Rows as in `given`; the label too where a step learns from it."),
        ),
    },
}
