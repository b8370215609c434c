"""Codes 701 to 709: what a target can express."""

from __future__ import annotations

from mlspec.diagnostics.diagnostic import Code

CODES = (
    Code(
        "MLS701",
        "cannot-express",
        "error",
        "target `{target}` cannot express {what}",
        "{wanted}",
        help="use one of {known}\n{hint}",
    ),
    Code(
        "MLS702",
        "emulated",
        "warning",
        "target `{target}` emulates {what}: {how}",
        help="{hint}",
    ),
    Code(
        "MLS703",
        "backend-version",
        "error",
        "target `{target}` does not know version {got}",
        "one of {known}",
        "{got}",
        "{hint}",
    ),
    Code(
        "MLS704",
        "resource-unavailable",
        "error",
        "`{name}` asks for {wanted}, and this host has {got}",
        "{wanted}",
        "{got}",
        "lower it in an `env`, or run where it exists\n{hint}",
    ),
    Code(
        "MLS705",
        "mutable-tag",
        "error",
        "the image `{name}` is named by a tag that can move",
        "`…@sha256:…`",
        "{got}",
        "pin it with `mlspec lock`",
    ),
    Code(
        "MLS706",
        "target-name",
        "error",
        "target `{target}` does not allow the name `{name}`: {why}",
        "{wanted}",
        help="rename it",
    ),
    Code(
        "MLS707",
        "secret-provider",
        "error",
        "target `{target}` does not support secrets from `{got}`",
        "one of {known}",
        "`{got}`",
        "{hint}",
    ),
    Code(
        "MLS708",
        "unread-fact",
        "error",
        "no stage reads `{name}`",
        "every checked fact is read by some stage",
        help="remove it, or use the block that it describes",
    ),
    Code(
        "MLS709",
        "output-too-large",
        "error",
        "the output for target `{target}` is {got}",
        "at most {limit}",
        "{got}",
        "split the spec, or write it anyway with `--allow-oversize`",
    ),
)
