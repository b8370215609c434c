"""Run a spec on several targets and compare what they made."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.loading import checked, style
from mlspec.cli.options import add_overrides
from mlspec.cli.terminal import err, out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlspec.backend import Backend
    from mlspec.driver import Compilation
    from mlspec.parity import Outcome, Row

GATE_FAILED = "MLS815"
"""What `enforce` says when a gate did not pass: an answer like any other, and compared like any other."""

_SHOWN = 12
"""So many digits of a digest are shown."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC or `--suite`, `--targets`, `--option`, `--keep`."""
    parser.add_argument("spec", metavar="SPEC", nargs="?", help="the spec; none with `--suite`")
    add_overrides(parser)
    parser.add_argument(
        "--targets",
        default="local,dvc,kfp",
        metavar="A,B",
        help="which to run; the first is compared with (default: %(default)s)",
    )
    parser.add_argument(
        "--suite", action="store_true", help="the conformance suite: many tiny specs, and digests that are the same everywhere"
    )
    parser.add_argument("--case", action="append", default=[], metavar="NAME", help="only this case of the suite")
    parser.add_argument("--option", action="append", default=[], metavar="TARGET.NAME=VALUE", help="an option of one target")
    parser.add_argument(
        "--keep", metavar="DIR", help="keep the projects that the targets ran in, in a folder that is not there yet"
    )


def run(options: argparse.Namespace) -> int:
    """Run each target in a copy of the project that has no store, then compare by digest."""
    if bool(options.spec) == (options.suite or bool(options.case)):
        raise exits.CommandError(
            "what to run is not clear", expected="SPEC, or `--suite` without one", found=options.spec or "neither"
        )
    backends = _backends(options)
    with tempfile.TemporaryDirectory(prefix="mlspec-parity-") as temporary:
        base = _base(options, Path(temporary))
        if not options.spec:
            return _suite(options, backends, base)
        compared = _compare(options, options.spec, backends, base)
    if compared is None:
        return exits.FOUND
    _print(options, *compared)
    return exits.OK if _same(*compared) else exits.FOUND


def _compare(
    options: argparse.Namespace, spec: str, backends: Sequence[Backend], base: Path
) -> tuple[list[Row], list[Outcome]] | None:
    """The artifacts and outcomes of one spec; None after its errors were printed."""
    from mlspec.parity import rows_of

    found = checked(options, spec, warn=not options.suite)
    if found is None:
        return None
    outcomes = [_outcome(options, found, backend, base) for backend in backends]
    return rows_of(found.graph, outcomes), outcomes


def _same(rows: Sequence[Row], outcomes: Sequence[Outcome]) -> bool:
    """Whether every target ran, made something, and made the same with the same verdict, readings of the clock aside."""
    from mlspec.parity import unlike_readings

    ends = {outcome.passed for outcome in outcomes}
    alike = len(ends) == 1 or bool(unlike_readings(outcomes))
    return bool(rows) and alike and None not in ends and all(row.equal for row in rows)


def _suite(options: argparse.Namespace, backends: Sequence[Backend], base: Path) -> int:
    """Compare every case of the suite; a line for each, and the table of one that differs."""
    from mlspec.parity import cases, unlike_expected, unpack

    unpack(base / "suite")
    known = cases()
    unknown = [name for name in options.case if name not in known]
    if unknown:
        raise exits.CommandError(f"the suite has no case `{unknown[0]}`", expected=" ".join(known), found=unknown[0])
    differing = []
    for name in options.case or known:
        compared = _compare(options, str(base / "suite" / f"{name}.mlspec"), backends, base / name)
        assert compared is not None, "a spec of the suite has no errors"
        unlike = unlike_expected(name, compared[1])
        same = _same(*compared) and not unlike
        if options.format == "json":
            out(json.dumps({"format": 1, "case": name, "same": same, "unlike_expected": unlike}) + "\n")
        else:
            out(f"{'ok' if same else 'DIFFERS':8}{name}: {len(compared[0])} artifacts\n")
        if not same:
            differing.append(name)
            err(table(*compared, style(options)) + "".join(f"not as expected: {item}\n" for item in unlike))
            err("".join(f"`{item.target}` broke:\n{item.error}\n" for item in compared[1] if item.passed is None))
    return exits.FOUND if differing else exits.OK


def _backends(options: argparse.Namespace) -> list[Backend]:
    from mlspec.cli.backends import find_backend

    names = list(dict.fromkeys(name for name in options.targets.split(",") if name))
    if len(names) < 2:
        raise exits.CommandError(
            "`--targets` does not fit", expected="two targets or more, as in `local,dvc`", found=options.targets
        )
    for text in options.option:
        if text.partition(".")[0] not in names or "." not in text.partition("=")[0]:
            raise exits.CommandError(
                "`--option` does not fit", expected="TARGET.NAME=VALUE of a target that is compared", found=text
            )
    backends = [find_backend(name) for name in names]
    for backend in backends:
        if backend.run is None:
            raise exits.CommandError(f"the target `{backend.name}` only writes files", expected="targets that can run",
                                     found=backend.name)  # fmt: skip
    return backends


def _base(options: argparse.Namespace, temporary: Path) -> Path:
    if not options.keep:
        return temporary
    base = Path(options.keep).absolute()
    if base.exists():
        raise exits.CommandError(f"`{base}` is there already", expected="a folder that is not there yet", found=str(base))
    return base


def _outcome(options: argparse.Namespace, found: Compilation, backend: Backend, base: Path) -> Outcome:
    """Run one target, in a process of its own as a user would, and read its answer."""
    from mlspec.graph import GraphError
    from mlspec.parity import Outcome, copy_project

    folder = base / backend.name
    try:
        spec = copy_project(found, folder)
    except GraphError as error:
        raise exits.CommandError(
            error.message, exits.FOUND, expected=error.expected, found=error.found, help=error.help
        ) from error
    if backend.prepare is not None:
        backend.prepare(folder)
    own = [text.partition(".")[2] for text in options.option if text.partition(".")[0] == backend.name]
    given = [part for text in own for part in ("--option", text)] + [part for text in options.params for part in ("-p", text)]
    env = ["--env", options.env] if options.env else []
    began = time.monotonic()
    if not (options.quiet or options.suite):
        err(f"{backend.name} …")
    done = subprocess.run(
        [sys.executable, "-m", "mlspec", "run", str(spec), "--target", backend.name, "--format", "json", *env, *given],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    outcome = _read(Outcome, backend.name, done, time.monotonic() - began)
    if not (options.quiet or options.suite):
        err(f" {outcome.seconds:.1f} s{'' if outcome.passed is not None else ', broken'}\n")
    return outcome


def _read(make: Callable[..., Outcome], target: str, done: subprocess.CompletedProcess[str], seconds: float) -> Outcome:
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
        found = answer["errors"] if "artifacts" in answer else answer.get("diagnostics", ())
        failed = [error for error in found if error.get("code") != GATE_FAILED]
        if "artifacts" in answer and not failed:
            verdicts = dict(answer.get("verdicts", {}))
            return make(target, bool(answer["passed"]), dict(answer["artifacts"]), seconds, verdicts=verdicts)
        text = "\n".join(f"{error.get('code')} {error.get('message')}" for error in failed)
    except ValueError:
        text = ""
    return make(target, None, {}, seconds, text or (done.stderr.strip() or done.stdout.strip())[-2000:])


def _print(options: argparse.Namespace, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
    from mlspec.parity import unlike_readings

    if options.format == "json":
        out(json.dumps({
            "format": 1,
            "targets": [{"name": item.target, "passed": item.passed, "seconds": item.seconds, "error": item.error} for item in outcomes],
            "artifacts": [{"name": row.name, "meaning": row.meaning, "equal": row.equal, "of_readings": row.of_readings, "digests": dict(row.digests)} for row in rows],
            "readings": [{"block": item.block, "gate": item.gate, "statuses": dict(item.statuses)} for item in unlike_readings(outcomes)],
        }, indent=2) + "\n")  # fmt: skip
        return
    out(table(rows, outcomes, style(options)))
    for outcome in outcomes:
        if outcome.passed is None:
            err(f"`{outcome.target}` broke:\n{outcome.error}\n")


def table(rows: Sequence[Row], outcomes: Sequence[Outcome], paint: Callable[[str, str], str]) -> str:
    """A row an artifact, a column a target: the first one's digest, then `=` or what differs."""
    wide = max([len(row.name) for row in rows] or [0]) + 2
    meant = max([len(row.meaning) for row in rows] or [0]) + 2
    names = [outcome.target.ljust(_SHOWN) for outcome in outcomes]
    lines = [paint("bold", f"{'artifact'.ljust(wide)}{''.ljust(meant)}{'  '.join(names)}".rstrip())]
    for row in rows:
        first, *others = (row.digests[outcome.target] for outcome in outcomes)
        cells = [(first or "-")[:_SHOWN].ljust(_SHOWN)]
        cells += [
            "=".ljust(_SHOWN)
            if other == first
            else paint("yellow" if row.equal else "red", (other or "-")[:_SHOWN].ljust(_SHOWN))
            for other in others
        ]
        lines.append(f"{row.name.ljust(wide)}{row.meaning.ljust(meant)}{'  '.join(cells)}".rstrip())
    words = {True: "passed", False: "failed", None: "broken"}
    ends = [words[outcome.passed].ljust(_SHOWN) for outcome in outcomes]
    lines.append(f"{'gates'.ljust(wide + meant)}{'  '.join(ends)}".rstrip())
    different, loose = sum(not row.equal for row in rows), sum(row.of_readings for row in rows)
    count = (
        f"{len(rows) - loose} artifacts equal on {len(outcomes)} targets"
        if not different
        else f"{different} of {len(rows)} artifacts differ"
    )
    return "\n".join([*lines, *_told(outcomes, loose), paint("red" if different else "green", count), ""])


def _told(outcomes: Sequence[Outcome], loose: int) -> list[str]:
    """A line for each measured gate that came out unlike, and what is not compared because of it."""
    from mlspec.parity import unlike_readings

    readings = unlike_readings(outcomes)
    lines = [
        f"measured gate `{reading.block}.{reading.gate}`: "
        + ", ".join(f"{status} on {target}" for target, status in reading.statuses.items())
        for reading in readings
    ]
    if readings:
        lines.append(
            f"  a reading of this machine at that moment: {loose} artifacts that follow from it are shown, not compared"
        )
    return lines
