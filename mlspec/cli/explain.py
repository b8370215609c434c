"""What a code means, with an example of the fault and the cure."""

from __future__ import annotations

import argparse

from mlspec.cli import exits
from mlspec.cli.terminal import out


def arguments(parser: argparse.ArgumentParser) -> None:
    """CODE."""
    parser.add_argument("code", metavar="CODE", nargs="?", help="a code such as MLS101; without one, all codes are listed")


def run(options: argparse.Namespace) -> int:
    """Print the page of a code, or the list of codes."""
    from mlspec.diagnostics import all_codes

    rows = {row.id: row for row in all_codes()}
    if options.code is None:
        for row in rows.values():
            out(f"{row.id}  {row.severity.ljust(8)} {row.slug}\n")
        return exits.OK
    wanted = options.code.upper()
    by_slug = {row.slug: row.id for row in rows.values()}
    wanted = by_slug.get(options.code, wanted if wanted.startswith("MLS") else f"MLS{wanted}")
    if wanted not in rows:
        from mlspec.spec.findings import nearest

        near = nearest(wanted, rows)
        raise exits.CommandError(f"there is no code `{options.code}`", expected="a code such as MLS101", found=options.code,
                                 help=f"did you mean `{near}`?" if near else "`mlspec explain` lists them")  # fmt: skip
    out(_page(wanted))
    return exits.OK


def _page(code: str) -> str:
    from mlspec.diagnostics.pages import page

    return page(code)
