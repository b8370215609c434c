"""Codes 401 to 410: personal data, secrets and trust."""

from __future__ import annotations

from mlspec.diagnostics.diagnostic import Code

CODES = (
    Code(
        "MLS401",
        "tainted-sink",
        "error",
        "`{name}` carries {got} data into {where}",
        "{wanted} at most",
        "{got}",
        "lower it first: `bucket`, `hmac` or `redact`\n{hint}",
    ),
    Code(
        "MLS402",
        "protected-input",
        "error",
        "the protected column `{column}` is a model input through feature `{name}`",
        "`@audit` on the feature, or `allow`",
        help="keep it for fairness gates only: `{name} := {column} @audit`",
    ),
    Code(
        "MLS403",
        "min-cell",
        "error",
        "the report `{name}` has no `min_cell`, and {what}",
        "`min_cell:` of at least {limit}",
        help="cells below `min_cell` rows are suppressed: add `min_cell: 20`",
    ),
    Code(
        "MLS404",
        "literal-secret",
        "error",
        "`{name}` holds a secret as plain text",
        'a handle, `env("NAME")` or `vault("path")`',
        help='rotate it, then declare `secret {fix} = env("NAME")`',
    ),
    Code(
        "MLS405",
        "secret-in-plain-field",
        "error",
        "the secret `{name}` is used in {where}, which is no secret field",
        "a field of type secret",
        help="{hint}",
    ),
    Code(
        "MLS406",
        "log-keep",
        "error",
        "the log `{name}` {why}",
        "{wanted}",
        "{got}",
        "say how long records live: `keep = 30d`",
    ),
    Code(
        "MLS407",
        "hmac-key",
        "error",
        "`hmac` has no key, so anyone can compute it",
        "`key:` with a secret",
        help="write `hmac({name}, key: {fix})`",
    ),
    Code(
        "MLS408",
        "unredacted-text",
        "error",
        "the free text `{name}` reaches {where} unredacted",
        "`redact({name}, …)`",
        help="{hint}",
    ),
    Code(
        "MLS409",
        "extern-network",
        "error",
        "extern `{name}` has network access and is given {got} data from `{column}`",
        "`network = none`, or an argument without personal data",
        help="{hint}",
    ),
    Code(
        "MLS410",
        "unpinned",
        "error",
        "the artefact `{name}` is not pinned",
        "a digest, `{wanted}`",
        "{got}",
        "run `mlspec lock` to pin what is there now",
    ),
)
