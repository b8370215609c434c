"""Compare what is served with what was tested: drift, missing inputs, performance when labels arrive."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.failures import exit_code_of, stage_diagnostics
from mlspec.cli.loading import checked, choose, say, split_name
from mlspec.cli.options import add_spec
from mlspec.cli.releases import add_from, release_of
from mlspec.cli.serve import missing_extra
from mlspec.cli.terminal import err, out, shown_path

if TYPE_CHECKING:
    from mlspec.driver import Compilation


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC[#name], `--once`, `--listen`, `--from`, `--unreleased`."""
    add_spec(parser, named=True)
    parser.add_argument("--once", action="store_true", help="evaluate once; exit 1 if an alert is out")
    parser.add_argument("--listen", type=int, metavar="PORT", help="export to Prometheus on this loopback port")
    add_from(parser)
    parser.add_argument("--unreleased", action="store_true", help="compare with the newest run even if its gates failed")


def run(options: argparse.Namespace) -> int:
    """Find the reference of the release and evaluate the alerts."""
    from mlspec.runtime.errors import StageError

    path, name = split_name(options.spec)
    found = checked(options, path)
    if found is None or found.spec is None:
        return exits.FOUND
    block = choose(found, "monitor", name)
    try:
        return _monitor(options, found, block)
    except StageError as error:
        say(options, stage_diagnostics(found.spec, [error.to_json()]), [str(found.path)])
        return exit_code_of([error.code])
    except ModuleNotFoundError as error:
        raise missing_extra(error, "monitor") from error


def _monitor(options: argparse.Namespace, found: Compilation, block: Any) -> int:
    from mlspec.lower.monitoring import monitor_config
    from mlspec.lower.serving import score_config, serve_config
    from mlspec.runtime.monitor.loop import main, print_report
    from mlspec.runtime.monitor.once import monitor_folder

    assert found.spec is not None
    config = monitor_config(found.spec, block, found.prefix)
    watched = found.spec.blocks[config["of"]]
    served = (serve_config if watched.kind == "serve" else score_config)(found.spec, watched, found.spec_digest)
    release = release_of(options, found, served)
    reference = release.output(found.project.root, config["reference"]["stage"], "reference")

    def tell(report: Any) -> None:
        if options.format == "json":
            out(json.dumps(report.to_json(), indent=2) + "\n")
        else:
            print_report(report)
            if not options.quiet:
                err(f"report: {shown_path(monitor_folder(found.project.root, block.name) / 'report.html')}\n")

    return main(config, reference, found.project.root, once=options.once, listen=options.listen, on_report=tell)
