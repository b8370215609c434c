"""Run a spec: what is complete is reused, the rest runs; ends with the gates, the reports and how to serve."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.graph_cache import Runnable, runnable
from mlspec.cli.loading import params_of, say
from mlspec.cli.options import add_spec
from mlspec.cli.releases import record
from mlspec.cli.terminal import err, out, wants_color

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlspec.backend import Backend, RunRequest, RunResult


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, `--target`, `--only`, `-j`, `--option`."""
    add_spec(parser)
    parser.add_argument("--target", default="local", help="where to run (default: local)")
    parser.add_argument("--only", action="append", default=[], metavar="STAGE", help="run this stage and what it needs")
    parser.add_argument("-j", dest="jobs", type=_jobs, metavar="N", help="how many processes (default: one a core)")
    parser.add_argument("--wait", action="store_true", help="wait for another run of this project to end")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the target")


def _jobs(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError("a number from 1 to 1024")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Check, look for what the target cannot do, run, report."""
    from mlspec.cli.backends import capability_findings, find_backend, wait_findings

    found = runnable(options)
    if found is None:
        return exits.FOUND
    backend = find_backend(options.target)
    if backend.run is None:
        raise exits.CommandError(f"the target `{backend.name}` only writes files", expected="a target that can run",
                                 found=backend.name, help=f"mlspec compile {options.spec} --target {backend.name}")  # fmt: skip
    findings = [*capability_findings(backend, found.graph), *(wait_findings(backend) if options.wait else [])]
    if findings:
        from mlspec.cli.failures import backend_diagnostics
        from mlspec.policy import load_policy

        diagnostics = backend_diagnostics(found.spec, findings, load_policy(found.root)[0])
        say(options, diagnostics, [str(found.path)], only_errors=True)
        if any(item.severity == "error" for item in diagnostics):
            return exits.FOUND
    return _run(options, found, backend)


def _run(options: argparse.Namespace, found: Runnable, backend: Backend) -> int:
    from mlspec.graph import GraphError
    from mlspec.runtime.errors import StageError

    assert backend.run is not None
    try:
        result = backend.run(_request(options, found, backend))
    except StageError as error:
        return _say_errors(options, found, [error.to_json()])
    except GraphError as error:
        from mlspec.cli.failures import graph_diagnostic

        say(options, [graph_diagnostic(found.spec, error)], [str(found.path)])
        return exits.FOUND
    code = _exit_code(result)
    try:
        number = record(found, result, backend.name, options, code)
    except StageError as error:
        _report(options, found, result)
        return _say_errors(options, found, [error.to_json()])
    _record_waivers(found, number or result.run_id)
    _report(options, found, result, number)
    return code


def _record_waivers(found: Runnable, run: str) -> None:
    """Put on record what was waived of a spec that ran."""
    if not found.waived:
        return
    from mlspec.runtime.audit import log
    from mlspec.runtime.errors import StageError

    body = {"spec": found.graph.spec, "spec_digest": found.graph.spec_digest, "run": run, "waivers": found.waived}
    try:
        log.append(found.root, "waivers", body)
    except StageError as error:
        err(f"the waivers are not in the audit log [{error.code}]: {error.message}\n")


def _say_errors(options: argparse.Namespace, found: Runnable, errors: Sequence[Mapping[str, Any]]) -> int:
    """Print what stages said at its lines of the spec; the exit code for it."""
    from mlspec.cli.failures import exit_code_of, stage_diagnostics

    say(options, stage_diagnostics(found.spec, errors), [str(found.path)])
    return exit_code_of([str(error.get("code")) for error in errors])


def _request(options: argparse.Namespace, found: Runnable, backend: Backend) -> RunRequest:
    from mlspec.backend import RunRequest
    from mlspec.cli.backends import read_options

    progress = "none" if options.quiet or options.format != "text" else "plain"
    if progress == "plain" and wants_color(sys.stderr, options.no_color):
        progress = "rich"
    unknown = [name for name in options.only if name not in found.graph.stages]
    if unknown:
        from mlspec.spec.findings import nearest

        near = nearest(unknown[0], found.graph.stages)
        raise exits.CommandError(f"no stage `{unknown[0]}`", expected=" ".join(found.graph.stages), found=unknown[0],
                                 help=f"did you mean `{near}`?" if near else "`mlspec graph` shows the stages")  # fmt: skip
    return RunRequest(
        found.graph, found.root, env=options.env, params=params_of(options), only=options.only, jobs=options.jobs,
        releasable=found.releasable, progress=progress, options=read_options(backend, options.option), wait=options.wait,
        spec_path=Path(os.path.relpath(found.path, found.root)).as_posix(),
    )  # fmt: skip


def _report(options: argparse.Namespace, found: Runnable, result: RunResult, number: str = "") -> None:
    """Findings at their lines, then the backend's summary, then the next step."""
    if options.format == "json":
        out(
            json.dumps(
                {
                    "format": 1,
                    "passed": result.passed,
                    "artifacts": dict(result.artifacts),
                    **result.summary,
                    **({"recorded": number} if number else {}),
                    "errors": list(result.errors),
                },
                indent=2,
                default=str,
            )
            + "\n"
        )
        return
    if result.errors:
        _say_errors(options, found, result.errors)
    if options.format == "text":
        out(result.text)
        if not options.quiet:
            err(f"on record as run {number}: mlspec show {number}\n" if number else "")
            err(_next_step(options, found, result))


def _next_step(options: argparse.Namespace, found: Runnable, result: RunResult) -> str:
    if not found.serves or options.only or not result.passed or result.errors:
        return ""
    if not found.releasable:
        return f"`{options.env}` changes what models depend on: its runs release nothing\n"
    env = f" --env {options.env}" if options.env else ""
    return f"serve it: mlspec serve {options.spec}{env}\n"


def _exit_code(result: RunResult) -> int:
    known = result.summary.get("exit_code")
    if isinstance(known, int):
        return known
    if result.errors:
        from mlspec.cli.failures import exit_code_of

        return exit_code_of([str(error.get("code")) for error in result.errors])
    return exits.OK if result.passed else exits.FOUND
