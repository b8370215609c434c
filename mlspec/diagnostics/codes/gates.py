"""Codes 501 to 510: gates and waivers."""

from __future__ import annotations

from mlspec.diagnostics.diagnostic import Code

CODES = (
    Code(
        "MLS501",
        "serve-without-gate",
        "error",
        "`serve {name}` has no gate",
        "`gate = NAME` of a `gates` block that judges `{model}`",
        help="a model that no gate has judged is not served: add `gate = {nearest}`\n{hint}",
    ),
    Code(
        "MLS502",
        "gate-part-not-held-out",
        "error",
        "gates `{block}` judge on part `{name}`, which `{other}` trains on",
        "a part that nothing was fitted on",
        help="did you mean `{nearest}`?\n{hint}",
    ),
    Code(
        "MLS503",
        "no-baseline",
        "error",
        "gates `{block}` compare the candidate with no baseline",
        "a gate over the difference to another model",
        help="declare `model majority { estimator = sklearn.DummyClassifier … }` and a gate `lower(accuracy({candidate}) - accuracy(majority)) >= 1pp`",
    ),
    Code(
        "MLS504",
        "no-fairness-gate",
        "warning",
        "column `{column}` is protected and no gate of `{block}` looks at it",
        "a gate with `by:` over it",
        help="add `fair := gap(false_pos_rate({candidate}), by: {fix}) <= 5pp`",
    ),
    Code(
        "MLS505",
        "small-groups",
        "warning",
        "groups of {got} rows are too small to resolve {wanted}",
        "groups of at least {limit} rows",
        "{got}",
        "raise `min_group`, or widen the threshold",
    ),
    Code(
        "MLS506",
        "latency-without-load",
        "error",
        "`{name}` measures time under no stated load",
        "`load:`, as in `latency({candidate}, load: 50rps, cpu: 1)`",
        help="{hint}",
    ),
    Code(
        "MLS507",
        "env-loosens-gate",
        "error",
        "env `{env}` loosens `{name}`",
        "the same or a stricter gate",
        "{got}",
        "gates are the same in every env; change `{name}` itself if the threshold is wrong",
    ),
    Code(
        "MLS508",
        "waiver",
        "error",
        "the waiver of {name} {why}",
        "{wanted}",
        "{got}",
        "{hint}",
    ),
    Code(
        "MLS509",
        "different-parts",
        "error",
        "`{name}` compares `{candidate}` and `{other}` on different parts",
        "two models measured on the same rows",
        "{got}",
        "{hint}",
    ),
    Code(
        "MLS510",
        "judge-is-candidate",
        "error",
        "`{name}` is judged by itself",
        "a judge that is another model than the candidate",
        help="{hint}",
    ),
)
