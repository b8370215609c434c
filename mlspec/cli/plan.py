"""What a run would do and why: it reads manifests, and a run verifies the digests of what it reuses as well."""

from __future__ import annotations

import argparse
import json

from mlspec.cli import exits
from mlspec.cli.failures import graph_diagnostic
from mlspec.cli.loading import checked, say, style
from mlspec.cli.options import add_spec
from mlspec.cli.terminal import out
from mlspec.graph import GraphError


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC."""
    add_spec(parser)


def run(options: argparse.Namespace) -> int:
    """Print the steps; nothing is run or written."""
    found = checked(options)
    if found is None:
        return exits.FOUND
    try:
        plan = found.plan
    except GraphError as error:
        say(options, [graph_diagnostic(found.spec, error)], [str(found.path)])
        return exits.FOUND
    if options.format == "text":
        from mlspec.plan.explain import to_text

        out(to_text(plan, style(options), found.locate))
    else:
        from mlspec.plan.steps import to_json

        out(json.dumps(to_json(plan), indent=2, ensure_ascii=False) + "\n")
    return exits.OK
