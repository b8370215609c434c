"""The flags that every command takes, and those that every command over a spec takes."""

from __future__ import annotations

import argparse

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")


def add_common(parser: argparse.ArgumentParser, formats: tuple[str, ...] = FORMATS, *, fail_on: bool = True) -> None:
    """`--format -C --no-color -q -v --fail-on`; a command may have other formats, and a `--fail-on` of its own."""
    group = parser.add_argument_group("common options")
    group.add_argument("--format", choices=formats, default="text", help="how findings are written (default: text)")
    group.add_argument("-C", dest="folder", metavar="DIR", help="go to this folder first")
    group.add_argument("--no-color", action="store_true", help="no colours; NO_COLOR does the same")
    group.add_argument("-q", "--quiet", action="store_true", help="say only what went wrong")
    group.add_argument("-v", "--verbose", action="count", default=0, help="say more")
    if fail_on:
        group.add_argument("--fail-on", choices=("error", "warning"), default="error", help="what makes the exit code 1")


def add_spec(parser: argparse.ArgumentParser, *, named: bool = False) -> None:
    """SPEC, `--env` and `-p`; with `named`, `SPEC#name` chooses a block."""
    text = "the spec; `SPEC#name` chooses one of several blocks" if named else "the spec"
    parser.add_argument("spec", metavar="SPEC", help=text)
    add_overrides(parser)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """`--env` and `-p`."""
    parser.add_argument("--env", metavar="ENV", help="put the overrides of this `env` block in force")
    parser.add_argument("-p", dest="params", metavar="NAME=VALUE", action="append", default=[], help="the value of a `param`")


def add_untrusted(parser: argparse.ArgumentParser) -> None:
    """`--untrusted`."""
    parser.add_argument(
        "--untrusted", action="store_true", help="specs of strangers: 5 s of computing a spec, 512 MiB, no cache"
    )


def add_day(parser: argparse.ArgumentParser) -> None:
    """`--today`."""
    parser.add_argument("--today", metavar="DATE", help="hold waivers against this day instead of the day it is, in UTC")


def day_of(options: argparse.Namespace) -> str:
    """The day of `--today`, else the day that it is."""
    from mlspec.policy.judge import utc_day

    if options.today is None:
        return utc_day()
    from datetime import date

    try:
        return date.fromisoformat(options.today).isoformat()
    except ValueError:
        from mlspec.cli.exits import CommandError

        raise CommandError("`--today` is no date", expected="a date such as 2027-01-31", found=options.today) from None
