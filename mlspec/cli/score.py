"""Score a file with the released model."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.failures import exit_code_of, stage_diagnostics
from mlspec.cli.loading import checked, choose, say, split_name
from mlspec.cli.options import add_spec
from mlspec.cli.releases import add_from, release_of
from mlspec.cli.serve import missing_extra, record_use
from mlspec.cli.terminal import clean, err, out, shown_path

if TYPE_CHECKING:
    from mlspec.driver import Compilation


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC[#name], `--from`, `--unreleased`."""
    add_spec(parser, named=True)
    add_from(parser)
    parser.add_argument("--unreleased", action="store_true", help="score with a model that no gates have passed")


def run(options: argparse.Namespace) -> int:
    """Find the release, read the input, write the output."""
    from mlspec.runtime.errors import StageError

    path, name = split_name(options.spec)
    found = checked(options, path)
    if found is None or found.spec is None:
        return exits.FOUND
    block = choose(found, "score", name)
    try:
        return _score(options, found, block)
    except StageError as error:
        say(options, stage_diagnostics(found.spec, [error.to_json()]), [str(found.path)])
        return exit_code_of([error.code])
    except ModuleNotFoundError as error:
        raise missing_extra(error, "local") from error


def _score(options: argparse.Namespace, found: Compilation, block: Any) -> int:
    from mlspec.lower.serving import score_config
    from mlspec.runtime.package import load_package
    from mlspec.runtime.score.batch import score_file

    assert found.spec is not None
    config = score_config(found.spec, block, found.spec_digest, found.prefix)
    release = release_of(options, found, config)
    package: Any = load_package(release.package)
    package.start(found.project.root, shipped=False)
    if release.override is not None:
        from mlspec.runtime.audit.overrides import sentence

        err(f"{clean(sentence(release.override))}\n")
    record_use(found.project.root, "score", block.name, found, release)
    result = score_file(package, config, found.project.root)
    if options.format == "json":
        body = {"format": 1, "rows": result.rows, "decisions": dict(result.decisions), "path": str(result.path)}
        out(json.dumps(body, indent=2) + "\n")
    elif not options.quiet:
        counts = ", ".join(f"{count:,} {decision}" for decision, count in result.decisions.items())
        out(f"{shown_path(result.path)}: {result.rows:,} rows" + (f" ({counts})" if counts else "") + "\n")
    return exits.OK
